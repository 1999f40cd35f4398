-- For functions of the release before; goes with the next. See recorded.
-- What the ledger holds under the given ids, for comparing fingerprints, and the reversals of the given originals.
CREATE OR REPLACE FUNCTION ledger.stored(merchant_id text, ids uuid[], originals uuid[])
RETURNS TABLE (id uuid, fingerprint bytea, reverses uuid)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT id, fingerprint, reverses FROM entry WHERE merchant_id = $1 AND id = ANY ($2::uuid[])
UNION ALL
SELECT id, fingerprint, reverses FROM entry WHERE merchant_id = $1 AND reverses = ANY ($3::uuid[]) AND id <> ALL ($2::uuid[]);
END
