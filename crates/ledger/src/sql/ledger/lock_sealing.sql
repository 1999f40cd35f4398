-- Takes the turn to seal a day of this merchant until the transaction ends; false if somebody else has it.
-- RDS Proxy keeps the connection to one client for a transaction in any case, and a lock that ends with it does not pin it.
CREATE OR REPLACE FUNCTION ledger.lock_sealing(merchant_id text)
RETURNS TABLE (is_locked boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
SELECT pg_try_advisory_xact_lock(hashtextextended('seal ' || $1, 0)) AS is_locked WHERE $1 <> '';
END
