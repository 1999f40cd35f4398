-- The months that are set aside and have not been tried since a moment, those first that have waited longest.
CREATE OR REPLACE FUNCTION ledger_maintenance.months_set_aside(tried_before text, rows_max bigint)
RETURNS TABLE (merchant_id text, currency text, month text)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT merchant_id, currency, to_char(month, 'YYYY-MM') AS month
FROM month_set_aside
WHERE last_failed_at < $1::text::timestamptz
ORDER BY last_failed_at
LIMIT $2;
END
