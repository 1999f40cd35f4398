-- What came under an id and is not posted, with the reasons of record_refused, in the order in which it came. Of conflicts the
-- first hundred, since a client may go on for ever; of overtaken reversals the first, which is the one that the key names.
CREATE OR REPLACE FUNCTION ledger.refused(merchant_id text, entry_id uuid)
RETURNS TABLE (
    reason text, id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date text, description text,
    category text, reverses uuid, recorded_at_us bigint
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    found.reason, found.id, found.fingerprint, found.type, found.amount_minor, found.currency,
    to_char(found.date, 'YYYY-MM-DD') AS date, found.description, found.category, found.reverses,
    (extract(epoch FROM found.recorded_at) * 1000000)::bigint AS recorded_at_us
FROM (
    (
        SELECT
            'conflict' AS reason, conflict.id, conflict.fingerprint, conflict.type, conflict.amount_minor, conflict.currency,
            conflict.date, conflict.description, conflict.category, conflict.reverses, conflict.recorded_at
        FROM entry_conflict AS conflict
        WHERE conflict.merchant_id = $1 AND conflict.id = $2
        ORDER BY conflict.recorded_at, conflict.fingerprint
        LIMIT 100
    )
    UNION ALL
    (
        SELECT
            'already_reversed', overtaken.id, overtaken.fingerprint, overtaken.type, overtaken.amount_minor, overtaken.currency,
            overtaken.date, overtaken.description, overtaken.category, overtaken.reverses, overtaken.recorded_at
        FROM overtaken_reversal AS overtaken
        WHERE overtaken.merchant_id = $1 AND overtaken.id = $2
        ORDER BY overtaken.recorded_at, overtaken.fingerprint
        LIMIT 1
    )
) AS found
ORDER BY found.recorded_at, found.fingerprint;
END
