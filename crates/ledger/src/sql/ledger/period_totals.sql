-- The absolute totals of days and of their months, in one snapshot. None of a day or month without entries.
-- Called for every entry, so its plan is kept (docs/adr/0017). The LATERAL makes each sum one range of the primary key, by values
-- that are known when it begins: there is no better plan for any merchant, nor after any growth.
CREATE OR REPLACE FUNCTION ledger.period_totals(merchant_id text, currencies text[], dates text[])
RETURNS TABLE (
    period text, currency text, credits text, debits text, entry_count bigint, epoch integer, totals_at_us bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
WITH given AS (
    SELECT given.currency, given.date FROM unnest($2::text[], $3::text[]::date[]) AS given (currency, date)
), period AS (
    SELECT currency, to_char(date, 'YYYY-MM-DD') AS name, date AS first, date + 1 AS after_last
    FROM given
    UNION
    SELECT currency, to_char(date, 'YYYY-MM'), date_trunc('month', date)::date, (date_trunc('month', date) + INTERVAL '1 month')::date
    FROM given
)
SELECT
    period.name AS period,
    period.currency,
    sums.credits::text AS credits,
    sums.debits::text AS debits,
    sums.entry_count::bigint AS entry_count,
    (SELECT epoch FROM ledger_epoch) AS epoch,
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS totals_at_us
FROM period
CROSS JOIN LATERAL (
    SELECT sum(total.credits) AS credits, sum(total.debits) AS debits, sum(total.entry_count) AS entry_count
    FROM daily_total AS total
    WHERE total.merchant_id = $1
        AND total.currency = period.currency
        AND total.date >= period.first
        AND total.date < period.after_last
    HAVING count(*) > 0
) AS sums
ORDER BY period.name, period.currency;
END
$$;
