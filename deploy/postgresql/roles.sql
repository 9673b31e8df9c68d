-- Two roles for Flowlatch on PostgreSQL 14 or newer: flowlatch_owner owns the tables and runs
-- `manage.py migrate`; flowlatch serves, and can only read and write rows. It can't change or drop a
-- table, nor the triggers that keep the audit trail and the access stamp.
--
-- Run it once, as a superuser:
--   psql -v owner_password='...' -v password='...' -f roles.sql postgres
-- Then: DATABASE_URL=postgres://flowlatch_owner:...  manage.py migrate   (at each upgrade again)
-- and:  DATABASE_URL=postgres://flowlatch:...        manage.py serve
\set ON_ERROR_STOP on

CREATE ROLE flowlatch_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE flowlatch LOGIN PASSWORD :'password';
CREATE DATABASE flowlatch OWNER flowlatch_owner;
REVOKE ALL ON DATABASE flowlatch FROM PUBLIC;
GRANT CONNECT ON DATABASE flowlatch TO flowlatch;

\connect flowlatch

GRANT USAGE, CREATE ON SCHEMA public TO flowlatch_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO flowlatch;

-- For the tables that migrations make from now on.
ALTER DEFAULT PRIVILEGES FOR ROLE flowlatch_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO flowlatch;
ALTER DEFAULT PRIVILEGES FOR ROLE flowlatch_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO flowlatch;
