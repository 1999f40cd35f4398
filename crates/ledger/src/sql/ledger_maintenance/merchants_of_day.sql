-- The merchants and currencies that have entries of a day, from the one after a given one, with how many entries there are and
-- how many the newest seal covers, if there is one. A page costs what it has rows, however few of them are left to seal.
CREATE OR REPLACE FUNCTION ledger_maintenance.merchants_of_day(
    day text, after_merchant text, after_currency text, rows_max bigint
)
RETURNS TABLE (merchant_id text, currency text, entry_count bigint, sealed_entry_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT of_day.merchant_id, of_day.currency, of_day.entry_count, newest.entry_count AS sealed_entry_count
FROM (
    SELECT total.merchant_id, total.currency, sum(total.entry_count)::bigint AS entry_count
    FROM daily_total AS total
    WHERE total.date = $1::text::date AND (total.merchant_id, total.currency) > ($2, $3)
    GROUP BY total.merchant_id, total.currency
    ORDER BY total.merchant_id, total.currency
    LIMIT $4
) AS of_day
LEFT JOIN LATERAL (
    SELECT day_seal.entry_count
    FROM day_seal
    WHERE day_seal.merchant_id = of_day.merchant_id AND day_seal.currency = of_day.currency AND day_seal.date = $1::text::date
    ORDER BY day_seal.number DESC
    LIMIT 1
) AS newest ON true
ORDER BY of_day.merchant_id, of_day.currency;
END
