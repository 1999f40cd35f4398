-- Sets a merchant's alert of a currency and direction, or its threshold. No row: it has as many as it may.
--
-- Under the lock for the feed: the balance that it is compared with is the one that the feed goes on with. If nobody watched the
-- currency before, one statement reads its totals and the positions up to which they count.
CREATE OR REPLACE FUNCTION ledger.set_alert(
    merchant_id text, currency_code text, alert_direction text, given_threshold text, today text, alerts_max integer
)
RETURNS TABLE (id uuid, currency text, direction text, threshold text, is_triggered boolean, balance text, updated_at_us bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || $1, 0));
IF NOT EXISTS (SELECT FROM balance_alert WHERE merchant_id = $1 AND currency = $2 AND direction = $3)
    AND (SELECT count(*) FROM balance_alert WHERE merchant_id = $1) >= alerts_max
THEN
    RETURN;
END IF;

IF NOT EXISTS (SELECT FROM watched_balance WHERE merchant_id = $1 AND currency = $2) THEN
    WITH of_day AS MATERIALIZED (
        SELECT date, sum(credits - debits) AS net FROM daily_total WHERE merchant_id = $1 AND currency = $2 GROUP BY date
    ), watched AS (
        INSERT INTO watched_balance (merchant_id, currency, day, balance, positions)
        SELECT
            $1, $2, $5::date, coalesce((SELECT sum(net) FROM of_day WHERE date <= $5::date), 0),
            ARRAY(
                SELECT coalesce(counter.position, 0)
                FROM generate_series(0, 7) AS slots (slot)
                LEFT JOIN posting_position AS counter ON counter.merchant_id = $1 AND counter.slot = slots.slot
                ORDER BY slots.slot
            )
    )
    INSERT INTO watched_future (merchant_id, currency, date, net)
    SELECT $1, $2, date, net FROM of_day WHERE date > $5::date;
END IF;

RETURN QUERY
WITH given AS (
    SELECT
        watched.*, $3 AS direction, $4::numeric AS threshold,
        CASE $3 WHEN 'below' THEN watched.balance < $4::numeric ELSE watched.balance > $4::numeric END AS is_triggered
    FROM watched_balance AS watched
    WHERE watched.merchant_id = $1 AND watched.currency = $2
), known AS (
    INSERT INTO balance_alert AS known (merchant_id, currency, direction, threshold, is_triggered)
    SELECT $1, currency, direction, threshold, is_triggered FROM given
    ON CONFLICT (merchant_id, currency, direction) DO UPDATE SET
        threshold = excluded.threshold, is_triggered = excluded.is_triggered, updated_at = excluded.updated_at
    RETURNING known.*
)
SELECT
    known.id, known.currency, known.direction, known.threshold::text, known.is_triggered, given.balance::text,
    (extract(epoch FROM known.updated_at) * 1000000)::bigint
FROM known, given;
END
$$;
