-- The merchants to whom something happened since a moment, and those with alerts whose day has ended, from the one after a given
-- one, and when that was looked up. Looks a minute further back: what was recorded then may have become visible since.
-- The tables' summaries by time are the only way in, as for months_recorded_after.
CREATE OR REPLACE FUNCTION ledger_maintenance.merchants_with_events_since(
    since text, today text, after_merchant text, rows_max bigint
)
RETURNS TABLE (merchant_id text, until_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET enable_seqscan = off
BEGIN ATOMIC
WITH entry_since AS MATERIALIZED (
    SELECT DISTINCT merchant_id FROM entry WHERE recorded_at >= $1::text::timestamptz - INTERVAL '1 minute'
), event_since AS MATERIALIZED (
    SELECT DISTINCT merchant_id FROM feed_event WHERE recorded_at >= $1::text::timestamptz - INTERVAL '1 minute'
), listed AS (
    SELECT merchant_id FROM entry_since WHERE merchant_id > $3
    UNION
    SELECT merchant_id FROM event_since WHERE merchant_id > $3
    UNION
    SELECT merchant_id FROM watched_balance WHERE day < $2::text::date AND merchant_id > $3
    ORDER BY merchant_id
    LIMIT $4
)
SELECT listed.merchant_id, (extract(epoch FROM statement_timestamp()) * 1000000)::bigint
FROM (SELECT) AS looked
LEFT JOIN listed ON true
ORDER BY listed.merchant_id;
END
