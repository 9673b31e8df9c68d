-- For a database whose tables exist already, made by the role that served until now. Run it as a
-- superuser, in that database, with the name of that role:
--   psql -v owner=flowlatch -v password='...' -f serve-existing.sql flowlatch
-- From then on :owner runs `manage.py migrate`, and flowlatch_serving serves.
\set ON_ERROR_STOP on

CREATE ROLE flowlatch_serving LOGIN PASSWORD :'password';
GRANT USAGE ON SCHEMA public TO flowlatch_serving;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO flowlatch_serving;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO flowlatch_serving;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO flowlatch_serving;
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO flowlatch_serving;
