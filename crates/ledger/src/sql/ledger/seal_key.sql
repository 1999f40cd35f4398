-- The key under which a merchant's seals show what they cover. It is the same in all epochs, which are counted from 1: what a
-- seal shows never changes. See statement_key.
CREATE OR REPLACE FUNCTION ledger.seal_key(merchant_id text)
RETURNS TABLE (key bytea)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT sha512(key || int4send(0) || sha512(convert_to('seal ' || $1, 'UTF8'))) AS key FROM cursor_key WHERE $1 <> '';
END
