-- The absolute totals of a day and of its month, in one snapshot. None of either that has no entries.
CREATE OR REPLACE FUNCTION ledger.totals_of_day(merchant_id text, currency_code text, day text)
RETURNS TABLE (
    period text, currency text, credits text, debits text, entry_count bigint, epoch integer, totals_at_us bigint
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT * FROM ledger.period_totals($1, ARRAY[$2], ARRAY[$3]);
END
