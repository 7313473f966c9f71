-- Written from paygw/store/roles.py; tests/house/test_deploy.py compares.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'paygw_owner') THEN CREATE ROLE paygw_owner; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'paygw_runtime') THEN CREATE ROLE paygw_runtime; END IF;
END $$;

ALTER ROLE paygw_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE paygw_owner SET lock_timeout = '30s';

ALTER ROLE paygw_runtime LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
ALTER ROLE paygw_runtime SET statement_timeout = '5s';
ALTER ROLE paygw_runtime SET idle_in_transaction_session_timeout = '10s';

REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;

SELECT 'CREATE DATABASE paygw OWNER paygw_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'paygw') \gexec
REVOKE ALL ON DATABASE "paygw" FROM PUBLIC; GRANT CONNECT ON DATABASE "paygw" TO paygw_owner, paygw_runtime;
