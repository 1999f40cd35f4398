-- For functions of the release before; goes with the next.
-- The months that got entries in a window of time.
CREATE OR REPLACE FUNCTION ledger_maintenance.months_recorded_between(since text, until text)
RETURNS TABLE (merchant_id text, currency text, month text)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT DISTINCT merchant_id, currency, to_char(date, 'YYYY-MM') AS month
FROM entry
WHERE recorded_at >= $1::text::timestamptz AND recorded_at < $2::text::timestamptz
ORDER BY merchant_id, currency, month;
END
