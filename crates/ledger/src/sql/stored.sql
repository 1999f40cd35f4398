-- What the ledger holds under the given ids, for comparing fingerprints, and the reversals of the given originals.
SELECT id, fingerprint, reverses FROM entry WHERE merchant_id = $1 AND id = ANY ($2::uuid[])
UNION ALL
SELECT id, fingerprint, reverses FROM entry WHERE merchant_id = $1 AND reverses = ANY ($3::uuid[]) AND id <> ALL ($2::uuid[])
