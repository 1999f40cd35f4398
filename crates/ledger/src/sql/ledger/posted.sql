CREATE OR REPLACE FUNCTION ledger.posted(merchant_id text, ids uuid[])
RETURNS TABLE (
    id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date text, description text, category text,
    reverses uuid, recorded_at_us bigint, reversed_by uuid, seal integer, late boolean
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    id, fingerprint, type, amount_minor, currency, to_char(date, 'YYYY-MM-DD') AS date, description, category, reverses,
    (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at_us,
    reversed_by, seal, late
FROM posted_entry
WHERE merchant_id = $1 AND id = ANY ($2::uuid[]);
END
