-- The currencies that a merchant has entries in: a look into the primary key for each, however many rows of totals it has.
CREATE OR REPLACE FUNCTION ledger.currencies(merchant_id text)
RETURNS TABLE (currency text)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH RECURSIVE walk AS (
    SELECT ''::text COLLATE "C" AS currency
    UNION ALL
    SELECT step.currency
    FROM walk
    CROSS JOIN LATERAL (
        SELECT total.currency
        FROM daily_total AS total
        WHERE total.merchant_id = $1 AND total.currency > walk.currency
        ORDER BY total.currency
        LIMIT 1
    ) AS step
)
SELECT currency FROM walk WHERE currency <> '' ORDER BY currency;
END
