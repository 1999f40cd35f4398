CREATE OR REPLACE FUNCTION ledger_maintenance.set_month_aside(merchant_id text, currency_code text, first_day text, reason text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
INSERT INTO month_set_aside AS known (merchant_id, currency, month, reason)
VALUES ($1, $2, $3::text::date, left($4, 500))
ON CONFLICT ON CONSTRAINT month_set_aside_pkey DO UPDATE SET
    last_failed_at = excluded.last_failed_at,
    attempts = known.attempts + 1,
    reason = excluded.reason;
END
