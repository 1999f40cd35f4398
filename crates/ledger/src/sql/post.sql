-- Posts the new ones among the given entries and adds them to their days' totals: one statement, one transaction.
-- The conflict clause names no target, so that any unique constraint makes an outcome and not an aborted batch: a second
-- reversal of an entry, for instance.
-- Both inserts are sorted, and every writer goes through the tables in this order: no two can wait for each other in a ring.
WITH posted AS (
    INSERT INTO entry (merchant_id, id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
    SELECT $1, given.*
    FROM unnest($2::uuid[], $3::bytea[], $4::text[], $5::bigint[], $6::text[], $7::text[]::date[], $8::text[], $9::text[], $10::uuid[])
        AS given (id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
    ORDER BY given.id
    ON CONFLICT DO NOTHING
    RETURNING id, type, amount_minor, currency, date
), added AS (
    INSERT INTO daily_total AS total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
    SELECT
        $1, currency, date, (now() AT TIME ZONE 'UTC')::date, $11::smallint,
        coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0),
        coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0),
        count(*)
    FROM posted
    GROUP BY date, currency
    ORDER BY date, currency
    ON CONFLICT (merchant_id, currency, date, posted_on, slot) DO UPDATE SET
        credits = total.credits + excluded.credits,
        debits = total.debits + excluded.debits,
        entry_count = total.entry_count + excluded.entry_count
)
SELECT id FROM posted
