-- A day's balance from what had been posted up to a moment: the totals of the days of posting (UTC) before it; of that one day,
-- the sums of the blocks that had ended by then, and the single entries of those that had not, or are not summed yet. These are
-- at most two blocks of each slot, whatever has been posted, as long as the clock never ran back.
CREATE OR REPLACE FUNCTION ledger.as_of(merchant_id text, currency_code text, day text, instant text)
RETURNS TABLE (opening text, credits text, debits text, entry_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH moment AS MATERIALIZED (
    SELECT
        $4::text::timestamptz AS at,
        ($4::text::timestamptz AT TIME ZONE 'UTC')::date AS day
), block AS MATERIALIZED (
    SELECT block.*
    FROM posting_block AS block, moment
    WHERE block.merchant_id = $1 AND block.currency = $2 AND block.posted_on = moment.day AND block.date <= $3::text::date
        AND block.first_at <= moment.at
), single AS MATERIALIZED (
    SELECT DISTINCT slot, first_position, last_position FROM block, moment WHERE block.last_at > moment.at
    UNION ALL
    SELECT slot, summed_until + 1, position FROM posting_position WHERE merchant_id = $1
), known AS (
    SELECT date, credits, debits, entry_count
    FROM daily_total, moment
    WHERE merchant_id = $1 AND currency = $2 AND date <= $3::text::date AND posted_on < moment.day
    UNION ALL
    SELECT date, credits, debits, entry_count FROM block, moment WHERE block.last_at <= moment.at
    UNION ALL
    SELECT
        posted.date,
        CASE posted.type WHEN 'credit' THEN posted.amount_minor ELSE 0 END,
        CASE posted.type WHEN 'debit' THEN posted.amount_minor ELSE 0 END,
        1
    FROM single
    CROSS JOIN LATERAL (
        -- Not merged into a join that could begin elsewhere: a few short ranges of one index.
        SELECT date, type, amount_minor
        FROM entry, moment
        WHERE merchant_id = $1 AND slot = single.slot AND position BETWEEN single.first_position AND single.last_position
            AND currency = $2 AND date <= $3::text::date
            AND recorded_at >= moment.day::timestamp AT TIME ZONE 'UTC' AND recorded_at <= moment.at
        OFFSET 0
    ) AS posted
)
SELECT
    coalesce(sum(credits - debits) FILTER (WHERE date < $3::text::date), 0)::text AS opening,
    coalesce(sum(credits) FILTER (WHERE date = $3::text::date), 0)::text AS credits,
    coalesce(sum(debits) FILTER (WHERE date = $3::text::date), 0)::text AS debits,
    coalesce(sum(entry_count) FILTER (WHERE date = $3::text::date), 0)::bigint AS entry_count
FROM known;
END
