-- For functions of the release before; goes with the next.
-- The merchants and currencies that have entries of a day which its newest seal does not cover.
CREATE OR REPLACE FUNCTION ledger_maintenance.unsealed(day text, after_merchant text, after_currency text, rows_max bigint)
RETURNS TABLE (merchant_id text, currency text)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT total.merchant_id, total.currency
FROM daily_total AS total
WHERE total.date = $1::text::date AND (total.merchant_id, total.currency) > ($2, $3)
GROUP BY total.merchant_id, total.currency
HAVING sum(total.entry_count) IS DISTINCT FROM (
    SELECT day_seal.entry_count FROM day_seal
    WHERE day_seal.merchant_id = total.merchant_id AND day_seal.currency = total.currency AND day_seal.date = $1::text::date
    ORDER BY day_seal.number DESC
    LIMIT 1
)
ORDER BY total.merchant_id, total.currency
LIMIT $4;
END
