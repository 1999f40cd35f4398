-- Adds a seal with the number after that of the seal which the same statement saw that read the positions: so each seal covers
-- what the one before covered. No row: another seal came in between.
CREATE OR REPLACE FUNCTION ledger.add_seal(
    merchant_id text, currency_code text, day text, seal_number integer, credits text, debits text, entry_count bigint,
    given_positions bigint[], sha256 bytea
)
RETURNS TABLE (sealed_at_us bigint, epoch integer)
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
INSERT INTO day_seal (merchant_id, currency, date, number, credits, debits, entry_count, epoch, positions, sha256)
SELECT $1, $2, $3::text::date, $4, $5::text::numeric, $6::text::numeric, $7, ledger_epoch.epoch, $8, $9
FROM ledger_epoch
ON CONFLICT DO NOTHING
RETURNING (extract(epoch FROM day_seal.sealed_at) * 1000000)::bigint AS sealed_at_us, day_seal.epoch;
END
