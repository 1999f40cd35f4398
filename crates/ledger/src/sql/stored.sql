-- What the ledger holds under the given ids, for comparing fingerprints.
SELECT id, fingerprint FROM entry WHERE merchant_id = $1 AND id = ANY ($2::uuid[])
