-- A day's balance from what had been posted up to a moment: the totals of the days of posting (UTC) before it, and the
-- single entries of that one day.
CREATE OR REPLACE FUNCTION ledger.as_of(merchant_id text, currency_code text, day text, instant text)
RETURNS TABLE (opening text, credits text, debits text, entry_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH moment AS MATERIALIZED (
    SELECT
        $4::text::timestamptz AS at,
        ($4::text::timestamptz AT TIME ZONE 'UTC')::date AS day
), known AS (
    SELECT date, credits, debits, entry_count
    FROM daily_total, moment
    WHERE merchant_id = $1 AND currency = $2 AND date <= $3::text::date AND posted_on < moment.day
    UNION ALL
    SELECT
        date,
        CASE type WHEN 'credit' THEN amount_minor ELSE 0 END,
        CASE type WHEN 'debit' THEN amount_minor ELSE 0 END,
        1
    FROM entry, moment
    WHERE merchant_id = $1 AND currency = $2 AND date <= $3::text::date
        AND recorded_at >= moment.day::timestamp AT TIME ZONE 'UTC' AND recorded_at <= moment.at
)
SELECT
    coalesce(sum(credits - debits) FILTER (WHERE date < $3::text::date), 0)::text AS opening,
    coalesce(sum(credits) FILTER (WHERE date = $3::text::date), 0)::text AS credits,
    coalesce(sum(debits) FILTER (WHERE date = $3::text::date), 0)::text AS debits,
    coalesce(sum(entry_count) FILTER (WHERE date = $3::text::date), 0)::bigint AS entry_count
FROM known;
END
