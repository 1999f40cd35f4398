-- Posts the new ones among the given entries and adds them to their days' totals, in one transaction.
-- Called for every entry, so its plans are kept (docs/adr/0017): they read no table, but for what the inserts look up.
-- The counter of the slot comes first, and its row stays locked until the transaction ends: entries of one slot become visible
-- in the order of their positions (docs/adr/0019). Without a total_slot, a session uses one of its own, so that those who write
-- at the same time seldom wait for each other (docs/adr/0003). Functions of an earlier version may name one.
-- The conflict clause names no target, so that any unique constraint makes an outcome and not an aborted batch: a second
-- reversal of an entry, for instance. A key of a reversal that another has overtaken is used as well; LIMIT makes the question a
-- look into an index for each entry, whatever PostgreSQL thinks of the table's size.
-- All inserts are sorted, and every writer goes through the tables in this order: no two can wait for each other in a ring.
-- (Reversals could, by the entries they undo, if several came in one batch; requests bring one at a time. PostgreSQL would end
-- such a ring, and the state machine try again.)
-- The time is taken once, so that a batch is known as a whole or not at all, and here, while the counter's row and the lock on
-- the table are held: within a slot times follow positions.
CREATE OR REPLACE FUNCTION ledger.post(
    merchant_id text, ids uuid[], fingerprints bytea[], types text[], amounts_minor bigint[], currencies text[], dates text[],
    descriptions text[], categories text[], originals uuid[], total_slot smallint
)
RETURNS TABLE (id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    own_slot smallint := coalesce(total_slot, (pg_backend_pid() % 8)::smallint);
    own_position bigint;
    own_summed_until bigint;
BEGIN
INSERT INTO posting_position AS counter (merchant_id, slot, position, summed_until)
VALUES ($1, own_slot, greatest(cardinality(ids), 1), 0)
ON CONFLICT (merchant_id, slot) DO UPDATE SET position = counter.position + excluded.position
RETURNING counter.position, counter.summed_until INTO own_position, own_summed_until;

RETURN QUERY
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS recorded_at
), posted AS (
    INSERT INTO entry (
        merchant_id, id, fingerprint, type, amount_minor, currency, date, description, category, reverses, recorded_at, slot, position
    )
    SELECT $1, given.*, moment.recorded_at, own_slot, own_position
    FROM moment, unnest(ids, fingerprints, types, amounts_minor, currencies, dates::date[], descriptions, categories, originals)
        AS given (id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
    WHERE (
        SELECT true FROM overtaken_reversal AS overtaken
        WHERE overtaken.merchant_id = $1 AND overtaken.id = given.id
        LIMIT 1
    ) IS NULL
    ORDER BY given.id
    ON CONFLICT DO NOTHING
    RETURNING id, type, amount_minor, currency, date, (recorded_at AT TIME ZONE 'UTC')::date AS posted_on
), added AS (
    INSERT INTO daily_total AS total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
    SELECT
        $1, currency, date, posted_on, own_slot,
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

-- Once in a thousand entries, so it is planned each time, by the size that the tables have by then.
IF own_position - own_summed_until >= 1024 THEN
    EXECUTE '
        INSERT INTO posting_block (
            merchant_id, currency, posted_on, slot, last_position, date, first_position, first_at, last_at,
            credits, debits, entry_count
        )
        SELECT
            merchant_id, currency, (recorded_at AT TIME ZONE ''UTC'')::date, slot, $4, date, $3 + 1,
            min(min(recorded_at)) OVER (), max(max(recorded_at)) OVER (),
            coalesce(sum(amount_minor) FILTER (WHERE type = ''credit''), 0),
            coalesce(sum(amount_minor) FILTER (WHERE type = ''debit''), 0),
            count(*)
        FROM entry
        WHERE merchant_id = $1 AND slot = $2 AND position > $3 AND position <= $4
        GROUP BY merchant_id, currency, (recorded_at AT TIME ZONE ''UTC'')::date, slot, date'
    USING $1, own_slot, own_summed_until, own_position;
    UPDATE posting_position AS counter SET summed_until = own_position
    WHERE counter.merchant_id = $1 AND counter.slot = own_slot;
END IF;
END
$$;
