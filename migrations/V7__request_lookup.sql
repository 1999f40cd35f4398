-- Looking up requests before they are accepted: for a login of its own that can do nothing else, with a limit to its
-- connections, so that posting never runs out of them because of it. See docs/adr/0021.

CREATE SCHEMA ledger_lookup;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_lookup') THEN
        CREATE ROLE ledger_lookup NOLOGIN;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA ledger_lookup TO ledger_lookup, ledger_writer, ledger_maintainer;

-- Tells this ledger from one that was made anew in its place: what was remembered of that one's requests says nothing here.
-- A ledger that is restored or moved keeps it.
ALTER TABLE ledger_epoch ADD COLUMN ledger_id uuid NOT NULL DEFAULT gen_random_uuid();
COMMENT ON COLUMN ledger_epoch.ledger_id IS 'Which ledger this is. With the epoch it makes the generation, which is a part of every key in Redis and of the names of executions.';
