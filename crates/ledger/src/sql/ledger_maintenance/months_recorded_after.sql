-- The months that got entries in a window of time, in the order of merchant, currency and month, from the one after a given
-- one. The window is read first and by itself, or else the planner might follow an index that has this order through the whole
-- table; why it may not walk through the table either, see entries_recorded_between.
CREATE OR REPLACE FUNCTION ledger_maintenance.months_recorded_after(
    since text, until text, after_merchant text, after_currency text, after_month text, rows_max bigint
)
RETURNS TABLE (merchant_id text, currency text, month text)
LANGUAGE sql STABLE SECURITY DEFINER SET enable_seqscan = off
BEGIN ATOMIC
WITH recorded AS MATERIALIZED (
    SELECT merchant_id, currency, date FROM entry
    WHERE recorded_at >= $1::text::timestamptz AND recorded_at < $2::text::timestamptz
), listed AS (
    SELECT DISTINCT merchant_id, currency, date_trunc('month', date::timestamp) AS first_day
    FROM recorded
    WHERE (merchant_id, currency, date) >= ($3, $4, ($5::text::date + INTERVAL '1 month')::date)
    ORDER BY merchant_id, currency, first_day
    LIMIT $6
)
SELECT merchant_id, currency, to_char(first_day, 'YYYY-MM') AS month
FROM listed
ORDER BY merchant_id, currency, first_day;
END
