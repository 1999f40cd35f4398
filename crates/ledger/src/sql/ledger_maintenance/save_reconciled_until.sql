-- Never back: of two runs at once, the one that has come further counts.
CREATE OR REPLACE FUNCTION ledger_maintenance.save_reconciled_until(until text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
UPDATE reconciliation SET reconciled_until = $1::text::timestamptz WHERE reconciled_until < $1::text::timestamptz;
END
