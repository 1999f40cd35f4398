CREATE OR REPLACE FUNCTION ledger.alerts(merchant_id text)
RETURNS TABLE (id uuid, currency text, direction text, threshold text, is_triggered boolean, balance text, updated_at_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    alert.id, alert.currency, alert.direction, alert.threshold::text, alert.is_triggered, watched.balance::text,
    (extract(epoch FROM alert.updated_at) * 1000000)::bigint
FROM balance_alert AS alert
JOIN watched_balance AS watched ON watched.merchant_id = alert.merchant_id AND watched.currency = alert.currency
WHERE alert.merchant_id = $1
ORDER BY alert.currency, alert.direction;
END
