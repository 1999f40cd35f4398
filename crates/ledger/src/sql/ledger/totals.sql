-- The absolute totals of every day and month that the stored entries belong to, in one snapshot; for a reversal that
-- another has overtaken, of those that the other belongs to.
-- The dates are those of the ledger, not of the request: a repeat may have carried another default date.
CREATE OR REPLACE FUNCTION ledger.totals(merchant_id text, ids uuid[], originals uuid[])
RETURNS TABLE (
    period text, currency text, credits text, debits text, entry_count bigint, epoch integer, totals_at_us bigint
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH affected AS (
    SELECT currency, date FROM entry WHERE merchant_id = $1 AND id = ANY ($2::uuid[])
    UNION
    SELECT currency, date FROM entry WHERE merchant_id = $1 AND reverses = ANY ($3::uuid[])
), period AS (
    SELECT currency, to_char(date, 'YYYY-MM-DD') AS name, date AS first, date + 1 AS after_last
    FROM affected
    UNION
    SELECT currency, to_char(date, 'YYYY-MM'), date_trunc('month', date)::date, (date_trunc('month', date) + INTERVAL '1 month')::date
    FROM affected
)
SELECT
    period.name AS period,
    period.currency,
    sum(total.credits)::text AS credits,
    sum(total.debits)::text AS debits,
    sum(total.entry_count)::bigint AS entry_count,
    (SELECT epoch FROM ledger_epoch) AS epoch,
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS totals_at_us
FROM period
JOIN daily_total AS total
    ON total.merchant_id = $1
    AND total.currency = period.currency
    AND total.date >= period.first
    AND total.date < period.after_last
GROUP BY period.name, period.currency
ORDER BY period.name, period.currency;
END
