-- The absolute totals of a day and of its month, in one snapshot. None of either that has no entries.
CREATE OR REPLACE FUNCTION ledger.totals_of_day(merchant_id text, currency_code text, day text)
RETURNS TABLE (
    period text, currency text, credits text, debits text, entry_count bigint, epoch integer, totals_at_us bigint
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH period AS (
    SELECT to_char(day, 'YYYY-MM-DD') AS name, day AS first, day + 1 AS after_last FROM (SELECT $3::text::date AS day) AS given
    UNION ALL
    SELECT to_char(day, 'YYYY-MM'), date_trunc('month', day)::date, (date_trunc('month', day) + INTERVAL '1 month')::date
    FROM (SELECT $3::text::date AS day) AS given
)
SELECT
    period.name AS period,
    $2 AS currency,
    sum(total.credits)::text AS credits,
    sum(total.debits)::text AS debits,
    sum(total.entry_count)::bigint AS entry_count,
    (SELECT epoch FROM ledger_epoch) AS epoch,
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS totals_at_us
FROM period
JOIN daily_total AS total
    ON total.merchant_id = $1
    AND total.currency = $2
    AND total.date >= period.first
    AND total.date < period.after_last
GROUP BY period.name
ORDER BY period.name;
END
