-- For functions of the release before; goes with the next.
CREATE OR REPLACE FUNCTION ledger_maintenance.reconciled_until()
RETURNS TABLE (reconciled_until_us bigint, now_us bigint)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    (extract(epoch FROM reconciled_until) * 1000000)::bigint AS reconciled_until_us,
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS now_us
FROM reconciliation;
END
