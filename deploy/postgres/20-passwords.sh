#!/bin/sh
# First start of the database only: the two roles get the passwords that stand in their URLs (URL-safe words).
set -eu
secrets=${SECRETS_FOLDER:-/run/secrets}
for role in owner:paygw_owner_database_url runtime:paygw_database_url; do
  word=$(sed -E 's#^[^:]+://[^:]+:([A-Za-z0-9_-]+)@.*$#\1#' "$secrets/${role#*:}")
  # The word goes through standard input: arguments can be seen by other processes.
  printf "ALTER ROLE paygw_%s PASSWORD '%s';\n" "${role%%:*}" "$word" |
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres
done
