-- Seals of a day, the newest first, from below a number on.
CREATE OR REPLACE FUNCTION ledger.seal_page(merchant_id text, currency_code text, day text, below integer, rows_max bigint)
RETURNS TABLE (
    number integer, credits text, debits text, entry_count bigint, sealed_at_us bigint, epoch integer, positions bigint[], sha256 text
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    number, credits::text AS credits, debits::text AS debits, entry_count, (extract(epoch FROM sealed_at) * 1000000)::bigint AS sealed_at_us,
    epoch, positions, encode(sha256, 'hex') AS sha256
FROM day_seal
WHERE merchant_id = $1 AND currency = $2 AND date = $3::text::date AND number < $4
ORDER BY number DESC
LIMIT $5;
END
