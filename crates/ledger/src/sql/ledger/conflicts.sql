-- For functions of the release before; goes with the next. See refused.
-- In the order in which they came; the first hundred, since a client may go on for ever.
CREATE OR REPLACE FUNCTION ledger.conflicts(merchant_id text, entry_id uuid)
RETURNS TABLE (
    id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date text, description text, category text,
    reverses uuid, recorded_at_us bigint
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    id, fingerprint, type, amount_minor, currency, to_char(date, 'YYYY-MM-DD') AS date, description, category, reverses,
    (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_at_us
FROM entry_conflict
WHERE merchant_id = $1 AND id = $2
ORDER BY recorded_at, fingerprint
LIMIT 100;
END
