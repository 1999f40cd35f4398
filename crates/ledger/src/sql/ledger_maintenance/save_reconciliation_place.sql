-- A place within a window, as long as no run has come past that window. Of two runs in the same window the one that has come
-- further counts; of two in windows of different length the last one, whose place is as true as the other's.
CREATE OR REPLACE FUNCTION ledger_maintenance.save_reconciliation_place(
    reconciled_until text, window_until text, after_merchant text, after_currency text, after_month text
)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
UPDATE reconciliation AS place
SET
    place_of = $1::text::timestamptz, window_until = $2::text::timestamptz,
    after_merchant_id = $3, after_currency = $4, after_month = $5::text::date
WHERE place.reconciled_until = $1::text::timestamptz
    AND (
        (place.place_of, place.window_until) IS DISTINCT FROM ($1::text::timestamptz, $2::text::timestamptz)
        OR (place.after_merchant_id, place.after_currency, place.after_month) < ($3, $4, $5::text::date)
    );
END
