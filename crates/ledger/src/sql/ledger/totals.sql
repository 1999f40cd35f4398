-- The absolute totals of every day and month that the stored entries belong to, in one snapshot; for a reversal that
-- another has overtaken, or for another payload under its key, of those that the other belongs to.
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
    UNION
    SELECT reversal.currency, reversal.date
    FROM overtaken_reversal AS overtaken
    JOIN entry AS reversal ON reversal.merchant_id = overtaken.merchant_id AND reversal.reverses = overtaken.reverses
    WHERE overtaken.merchant_id = $1 AND overtaken.id = ANY ($2::uuid[])
), days AS (
    SELECT array_agg(currency) AS currencies, array_agg(to_char(date, 'YYYY-MM-DD')) AS dates FROM affected
)
SELECT totals.* FROM days, ledger.period_totals($1, days.currencies, days.dates) AS totals;
END
