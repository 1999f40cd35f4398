-- The months that got entries in a window of time.
SELECT DISTINCT merchant_id, currency, to_char(date, 'YYYY-MM') AS month
FROM entry
WHERE recorded_at >= $1::text::timestamptz AND recorded_at < $2::text::timestamptz
ORDER BY merchant_id, currency, month
