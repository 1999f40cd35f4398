-- The entries of a day up to some positions, in the order in which a seal hashes them. Whoever reads them takes them one by one;
-- PostgreSQL sorts and keeps on disk what is beyond `work_mem`.
CREATE OR REPLACE FUNCTION ledger.entries_to_seal(merchant_id text, currency_code text, day text, given_positions bigint[])
RETURNS TABLE (id uuid, type text, amount_minor bigint, description text, category text, reverses uuid)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT id, type, amount_minor, description, category, reverses
FROM entry
WHERE merchant_id = $1 AND currency = $2 AND date = $3::text::date AND position <= ($4)[slot + 1]
ORDER BY id;
END
