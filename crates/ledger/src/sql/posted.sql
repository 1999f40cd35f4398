SELECT
    id, fingerprint, type, amount_minor, currency, to_char(date, 'YYYY-MM-DD') AS date, description, category, reverses,
    (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at_us,
    reversed_by, seal, late
FROM posted_entry
WHERE merchant_id = $1 AND id = ANY ($2::uuid[])
