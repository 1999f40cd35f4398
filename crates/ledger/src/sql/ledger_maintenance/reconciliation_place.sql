-- How far the scheduled comparison has come, and how far within a window, if a run left it there.
CREATE OR REPLACE FUNCTION ledger_maintenance.reconciliation_place()
RETURNS TABLE (
    reconciled_until_us bigint, now_us bigint, window_until_us bigint, merchant_id text, currency text, month text
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    (extract(epoch FROM reconciliation.reconciled_until) * 1000000)::bigint AS reconciled_until_us,
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS now_us,
    (extract(epoch FROM place.window_until) * 1000000)::bigint AS window_until_us,
    place.after_merchant_id AS merchant_id,
    place.after_currency AS currency,
    to_char(place.after_month, 'YYYY-MM') AS month
FROM reconciliation
LEFT JOIN reconciliation AS place ON place.place_of = place.reconciled_until;
END
