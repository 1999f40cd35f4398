-- The key of a merchant's feed cursors. Of another epoch is another key, as for statements: see statement_key.
CREATE OR REPLACE FUNCTION ledger.feed_key(merchant_id text)
RETURNS TABLE (key bytea)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT sha512(key || int4send(epoch) || sha512(convert_to('feed ' || $1, 'UTF8'))) AS key
FROM cursor_key, ledger_epoch
WHERE $1 <> '';
END
