-- What the ledger holds under the given ids, for comparing fingerprints, and the reversals of the given originals. Under an id
-- there may be an overtaken reversal as well as an entry; of several overtaken ones the first counts.
CREATE OR REPLACE FUNCTION ledger.recorded(merchant_id text, ids uuid[], originals uuid[])
RETURNS TABLE (id uuid, fingerprint bytea, reverses uuid, is_posted boolean)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT id, fingerprint, reverses, true FROM entry WHERE merchant_id = $1 AND id = ANY ($2::uuid[])
UNION ALL
SELECT id, fingerprint, reverses, true FROM entry
WHERE merchant_id = $1 AND reverses = ANY ($3::uuid[]) AND id <> ALL ($2::uuid[])
UNION ALL
SELECT id, fingerprint, reverses, false
FROM (
    SELECT DISTINCT ON (id) id, fingerprint, reverses FROM overtaken_reversal
    WHERE merchant_id = $1 AND id = ANY ($2::uuid[])
    ORDER BY id, recorded_at, fingerprint
) AS overtaken;
END
