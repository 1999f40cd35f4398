-- The second barrier between merchants: who signs in for the application has no rights on tables. It may call functions that
-- run with the rights of their owner and take the merchant as their first argument. Those of the schema `ledger` are for
-- everything that is done for one merchant; those of `ledger_maintenance` look at all merchants, for the scheduled functions.
-- The functions themselves are not in this directory: see crates/ledger/src/sql and docs/adr/0010.

CREATE SCHEMA ledger;
CREATE SCHEMA ledger_maintenance;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_maintainer') THEN
        CREATE ROLE ledger_maintainer NOLOGIN;
    END IF;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ledger_writer;
GRANT USAGE ON SCHEMA ledger TO ledger_writer, ledger_maintainer;
GRANT USAGE ON SCHEMA ledger_maintenance TO ledger_maintainer;

-- Who may create objects may give one the name of another. Before PostgreSQL 15 everybody might, here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- These run with the rights of the tables' owner from now on, so their names must not depend on the session that calls: a
-- temporary table called entry would come before the real one.
ALTER FUNCTION check_reversal() SET search_path = pg_catalog, public, pg_temp;
CREATE OR REPLACE FUNCTION sealed_field(field text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN field IS NULL THEN E'absent\n' ELSE octet_length(field) || ':' || field || E'\n' END;
REVOKE ALL ON FUNCTION check_reversal(), refuse_change(), sealed_field(text) FROM PUBLIC;

-- An entry names its merchant, by a check. So must a seal, which a day without entries can have as well.
ALTER TABLE day_seal ADD CHECK (merchant_id ~ '^[!-~]{1,64}$');
