-- For functions of the release before; goes with the next. Its order has no index any more: it sorts the days asked for.
-- One page of a statement: the entries that the first page's snapshot sees, in posting order, from where the last page ended.
-- The first page takes its snapshot and the opening balance from this very statement; later pages are given both.
CREATE OR REPLACE FUNCTION ledger.statement(
    merchant_id text, currency_code text, first_day text, last_day text, given_snapshot text, given_balance text,
    last_date text, last_xid text, last_id uuid, rows_max bigint
)
RETURNS TABLE (
    id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date text, description text, category text,
    reverses uuid, recorded_at_us bigint, reversed_by uuid, seal integer, late boolean,
    posted_xid text, snapshot text, balance text
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH start AS MATERIALIZED (
    SELECT
        coalesce($5::text::pg_snapshot, pg_current_snapshot()) AS snapshot,
        coalesce(
            $6::text::numeric,
            (SELECT sum(credits - debits) FROM daily_total WHERE merchant_id = $1 AND currency = $2 AND date < $3::text::date),
            0
        ) AS balance
)
SELECT
    id, fingerprint, type, amount_minor, currency, to_char(date, 'YYYY-MM-DD') AS date, description, category, reverses,
    (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at_us,
    reversed_by, seal, late,
    posted_xid::text AS posted_xid,
    start.snapshot::text AS snapshot,
    start.balance::text AS balance
FROM posted_entry, start
WHERE merchant_id = $1
    AND currency = $2
    AND date BETWEEN $3::text::date AND $4::text::date
    AND pg_visible_in_snapshot(posted_xid, start.snapshot)
    AND (date, posted_xid, id) > ($7::text::date, $8::text::xid8, $9::uuid)
ORDER BY posted_entry.date, posted_entry.posted_xid, posted_entry.id
LIMIT $10;
END
