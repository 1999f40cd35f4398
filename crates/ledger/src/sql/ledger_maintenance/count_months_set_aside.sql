CREATE OR REPLACE FUNCTION ledger_maintenance.count_months_set_aside()
RETURNS TABLE (month_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT count(*) AS month_count FROM month_set_aside;
END
