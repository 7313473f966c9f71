"""Who may enter the database: the owner migrates, the runtime role works, nobody else.

    paygw_super     the embedded server's superuser: creates the rest, no connection of the hub uses it
    paygw_owner     owns the database and its schema; migrations only
    paygw_runtime   LOGIN and nothing more; the migrations grant it each table's verbs, the ledger's without UPDATE

A production database administrator runs the same statements (docs/runbooks/embedded-postgres.md).
"""

from collections.abc import Mapping

SUPER = "paygw_super"
OWNER = "paygw_owner"
RUNTIME = "paygw_runtime"
DATABASE = "paygw"

_ROLES = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') THEN CREATE ROLE {OWNER}; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{RUNTIME}') THEN CREATE ROLE {RUNTIME}; END IF;
END $$;

ALTER ROLE {OWNER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE {OWNER} SET lock_timeout = '30s';

ALTER ROLE {RUNTIME} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
ALTER ROLE {RUNTIME} SET statement_timeout = '5s';
ALTER ROLE {RUNTIME} SET idle_in_transaction_session_timeout = '10s';
"""  # noqa: S608 - our own constants

_DATABASE = f"""
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;

SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
"""  # noqa: S608 - our own constants


def roles_sql(passwords: Mapping[str, str] | None = None) -> str:
    """Returns the statements that make the roles; running them again changes nothing.

    `passwords` maps a role to its password, where it connects over TCP; they are URL-safe words of our own
    making, so they need no quoting.
    """
    words = (f"ALTER ROLE {role} PASSWORD '{word}';\n" for role, word in (passwords or {}).items())
    return _ROLES + "".join(words)


def enter_sql(database: str) -> str:
    """Returns the statements that shut a database to everyone but its owner and the runtime role."""
    return (
        f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC; '
        f'GRANT CONNECT ON DATABASE "{database}" TO {OWNER}, {RUNTIME};'
    )


def bootstrap_script(passwords: Mapping[str, str] | None = None) -> str:
    """Returns the psql script that readies a new server: roles, database, doors; again changes nothing."""
    return f"{roles_sql(passwords)}{_DATABASE}{enter_sql(DATABASE)}\n"
