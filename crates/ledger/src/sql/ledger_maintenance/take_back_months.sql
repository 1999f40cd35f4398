-- Months that have been compared are not set aside any more. They are locked in one order, so that two runs that take back the
-- same months do not wait for each other in a ring.
CREATE OR REPLACE FUNCTION ledger_maintenance.take_back_months(merchant_ids text[], currencies text[], first_days text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
WITH compared AS MATERIALIZED (
    SELECT known.merchant_id, known.currency, known.month
    FROM unnest($1::text[], $2::text[], $3::text[]::date[]) AS given (merchant_id, currency, month)
    JOIN month_set_aside AS known USING (merchant_id, currency, month)
    ORDER BY known.merchant_id, known.currency, known.month
    FOR UPDATE OF known
)
DELETE FROM month_set_aside AS known
USING compared
WHERE (known.merchant_id, known.currency, known.month) = (compared.merchant_id, compared.currency, compared.month);
END
