-- Posts the new ones among the given entries and adds them to their days' totals: one statement, one transaction.
-- Called for every entry, so its plan is kept (docs/adr/0017): it reads no table, but for what its own inserts look up.
-- The conflict clause names no target, so that any unique constraint makes an outcome and not an aborted batch: a second
-- reversal of an entry, for instance.
-- Both inserts are sorted, and every writer goes through the tables in this order: no two can wait for each other in a ring.
-- (Reversals could, by the entries they undo, if several came in one batch; requests bring one at a time. PostgreSQL would end
-- such a ring, and the state machine try again.)
-- Without a total_slot, a session adds to one of its own, so that those who write at the same time seldom wait for each other
-- (docs/adr/0003). Functions of an earlier version still name one while a stack is deployed.
-- The time is taken once, so that a batch is known as a whole or not at all, and here, while the lock on the table is held.
CREATE OR REPLACE FUNCTION ledger.post(
    merchant_id text, ids uuid[], fingerprints bytea[], types text[], amounts_minor bigint[], currencies text[], dates text[],
    descriptions text[], categories text[], originals uuid[], total_slot smallint
)
RETURNS TABLE (id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS recorded_at
), posted AS (
    INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, description, category, reverses, recorded_at)
    SELECT $1, given.*, moment.recorded_at
    FROM moment, unnest($2::uuid[], $3::bytea[], $4::text[], $5::bigint[], $6::text[], $7::text[]::date[], $8::text[], $9::text[], $10::uuid[])
        AS given (id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
    ORDER BY given.id
    ON CONFLICT DO NOTHING
    RETURNING id, type, amount_minor, currency, date, (recorded_at AT TIME ZONE 'UTC')::date AS posted_on
), added AS (
    INSERT INTO daily_total AS total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
    SELECT
        $1, currency, date, posted_on, coalesce($11, (pg_backend_pid() % 8)::smallint),
        coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0),
        coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0),
        count(*)
    FROM posted
    GROUP BY date, currency, posted_on
    ORDER BY date, currency, posted_on
    ON CONFLICT (merchant_id, currency, date, posted_on, slot) DO UPDATE SET
        credits = total.credits + excluded.credits,
        debits = total.debits + excluded.debits,
        entry_count = total.entry_count + excluded.entry_count
)
SELECT id FROM posted;
END
$$;
