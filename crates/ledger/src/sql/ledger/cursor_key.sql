-- For functions of the release before; goes with the next. See statement_key.
-- A key for each merchant: a cursor that one of them was given cannot be signed with another's.
-- Of another epoch is another key: a snapshot taken before a restore says nothing after it.
-- What is hashed always has the same length, so that no key is the beginning of another.
CREATE OR REPLACE FUNCTION ledger.cursor_key(merchant_id text)
RETURNS TABLE (key bytea)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT sha512(key || int4send(epoch) || sha512(convert_to($1, 'UTF8'))) AS key FROM cursor_key, ledger_epoch WHERE $1 <> '';
END
