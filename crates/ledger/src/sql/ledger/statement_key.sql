-- The key of a merchant's cursors, and how far its entries have come: a cursor that is ahead of that is of a ledger that has
-- been set back since.
-- One merchant's key opens no other's cursors. Of another epoch is another key: positions from before a ledger was set back say
-- nothing after it. What is hashed always has the same length, so that no key is the beginning of another.
CREATE OR REPLACE FUNCTION ledger.statement_key(merchant_id text)
RETURNS TABLE (key bytea, positions bigint[])
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    sha512(key || int4send(epoch) || sha512(convert_to('statement ' || $1, 'UTF8'))) AS key,
    ARRAY(
        SELECT coalesce(counter.position, 0)
        FROM generate_series(0, 7) AS slots (slot)
        LEFT JOIN posting_position AS counter ON counter.merchant_id = $1 AND counter.slot = slots.slot
        ORDER BY slots.slot
    ) AS positions
FROM cursor_key, ledger_epoch
WHERE $1 <> '';
END
