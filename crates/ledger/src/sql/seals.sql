SELECT
    number, credits::text AS credits, debits::text AS debits, entry_count, (extract(epoch FROM sealed_at) * 1000000)::bigint AS sealed_at_us,
    epoch, snapshot::text AS snapshot, encode(sha256, 'hex') AS sha256
FROM day_seal
WHERE merchant_id = $1 AND currency = $2 AND date = $3::text::date
ORDER BY number DESC
LIMIT $4
