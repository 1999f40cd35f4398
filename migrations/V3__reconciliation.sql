-- Comparing the read model with the ledger.

-- The functions' statements take milliseconds. PostgreSQL would compile some of them first, because it expects more of
-- set-returning functions than there is, and that takes a third of a second each time.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET jit = off', current_database());
END
$$;

-- How far the scheduled comparison has come: what was recorded before has been compared since.
CREATE TABLE reconciliation (
    only_row         boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    reconciled_until timestamptz NOT NULL
);
INSERT INTO reconciliation (reconciled_until) VALUES (now());

-- Finds what was recorded in some minutes. The table is in this order by itself, so a summary of each range of pages is enough,
-- which costs writers next to nothing.
CREATE INDEX entry_by_recording ON entry USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);

GRANT SELECT, UPDATE ON reconciliation TO ledger_writer;
