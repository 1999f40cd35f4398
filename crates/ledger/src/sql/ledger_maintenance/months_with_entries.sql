-- The months that have entries, from the one after a given one: a look into the primary key for each, however many rows of
-- totals a month has.
CREATE OR REPLACE FUNCTION ledger_maintenance.months_with_entries(
    after_merchant text, after_currency text, after_month text, rows_max bigint
)
RETURNS TABLE (merchant_id text, currency text, month text)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH RECURSIVE walk AS (
    SELECT $1 COLLATE "C" AS merchant_id, $2 COLLATE "C" AS currency, $3::text::date AS month, 0::bigint AS number
    UNION ALL
    SELECT step.merchant_id, step.currency, date_trunc('month', step.date::timestamp)::date, walk.number + 1
    FROM walk
    CROSS JOIN LATERAL (
        SELECT total.merchant_id, total.currency, total.date
        FROM daily_total AS total
        WHERE (total.merchant_id, total.currency, total.date)
            >= (walk.merchant_id, walk.currency, (walk.month + INTERVAL '1 month')::date)
        ORDER BY total.merchant_id, total.currency, total.date
        LIMIT 1
    ) AS step
    WHERE walk.number < $4
)
SELECT merchant_id, currency, to_char(month, 'YYYY-MM') AS month
FROM walk
WHERE number > 0
ORDER BY number;
END
