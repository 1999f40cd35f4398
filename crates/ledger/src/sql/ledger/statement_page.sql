-- One page of a statement: the entries up to the first page's positions, in posting order, from where the last page ended.
-- The first page takes its positions and the opening balance from this very statement; later pages are given both.
CREATE OR REPLACE FUNCTION ledger.statement_page(
    merchant_id text, currency_code text, first_day text, last_day text, given_positions bigint[], given_balance text,
    last_date text, last_time text, last_id uuid, rows_max bigint
)
RETURNS TABLE (
    id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date text, description text, category text,
    reverses uuid, recorded_at_us bigint, reversed_by uuid, seal integer, late boolean,
    positions bigint[], balance text
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH start AS MATERIALIZED (
    SELECT
        coalesce($5, ARRAY(
            SELECT coalesce(counter.position, 0)
            FROM generate_series(0, 7) AS slots (slot)
            LEFT JOIN posting_position AS counter ON counter.merchant_id = $1 AND counter.slot = slots.slot
            ORDER BY slots.slot
        )) AS positions,
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
    start.positions,
    start.balance::text AS balance
FROM posted_entry, start
WHERE merchant_id = $1
    AND currency = $2
    AND date BETWEEN $3::text::date AND $4::text::date
    AND position <= start.positions[slot + 1]
    AND (date, recorded_at, id) > ($7::text::date, $8::text::timestamptz, $9::uuid)
ORDER BY posted_entry.date, posted_entry.recorded_at, posted_entry.id
LIMIT $10;
END
