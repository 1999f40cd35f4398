-- A month: the absolute totals of each day with entries and of the month itself, when the newest entry of each was recorded, and
-- the newest seal of each sealed day. All of it is of one snapshot; the row of the epoch is there even if nothing else is.
CREATE OR REPLACE FUNCTION ledger.month(merchant_id text, currency_code text, first_day text)
RETURNS TABLE (
    period text, currency text, credits text, debits text, entry_count bigint, newest_entry_at_us bigint,
    seal_epoch integer, seal_number integer, seal_entry_count bigint, epoch integer, totals_at_us bigint
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
WITH month AS MATERIALIZED (
    SELECT $3::text::date AS first, ($3::text::date + INTERVAL '1 month')::date AS after_last
), day AS MATERIALIZED (
    SELECT total.date, total.credits, total.debits, total.entry_count, newest.recorded_at
    FROM (
        SELECT total.date, sum(total.credits) AS credits, sum(total.debits) AS debits, sum(total.entry_count) AS entry_count
        FROM month
        JOIN daily_total AS total
            ON total.merchant_id = $1 AND total.currency = $2 AND total.date >= month.first AND total.date < month.after_last
        GROUP BY total.date
    ) AS total
    CROSS JOIN LATERAL (
        SELECT entry.recorded_at
        FROM entry
        WHERE entry.merchant_id = $1 AND entry.currency = $2 AND entry.date = total.date
        ORDER BY entry.recorded_at DESC
        LIMIT 1
    ) AS newest
), period AS (
    SELECT to_char(date, 'YYYY-MM-DD') AS name, credits, debits, entry_count, recorded_at FROM day
    UNION ALL
    SELECT to_char(month.first, 'YYYY-MM'), sum(credits), sum(debits), sum(entry_count), max(recorded_at)
    FROM day, month
    GROUP BY month.first
), seal AS (
    SELECT to_char(calendar.day, 'YYYY-MM-DD') AS name, newest.epoch, newest.number, newest.entry_count
    FROM month
    CROSS JOIN LATERAL generate_series(month.first, month.after_last - 1, INTERVAL '1 day') AS calendar (day)
    CROSS JOIN LATERAL (
        SELECT day_seal.epoch, day_seal.number, day_seal.entry_count
        FROM day_seal
        WHERE day_seal.merchant_id = $1 AND day_seal.currency = $2 AND day_seal.date = calendar.day::date
        ORDER BY day_seal.number DESC
        LIMIT 1
    ) AS newest
), line AS (
    SELECT
        coalesce(period.name, seal.name) AS period,
        period.credits, period.debits, period.entry_count, period.recorded_at,
        seal.epoch AS seal_epoch, seal.number AS seal_number, seal.entry_count AS seal_entry_count
    FROM period
    FULL JOIN seal ON seal.name = period.name
)
SELECT
    line.period,
    $2 AS currency,
    line.credits::text AS credits,
    line.debits::text AS debits,
    line.entry_count::bigint AS entry_count,
    (extract(epoch FROM line.recorded_at) * 1000000)::bigint AS newest_entry_at_us,
    line.seal_epoch,
    line.seal_number,
    line.seal_entry_count,
    ledger_epoch.epoch,
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS totals_at_us
FROM ledger_epoch
LEFT JOIN line ON true
ORDER BY line.period;
END
