-- For functions of the release before; goes with the next. See seal_page.
CREATE OR REPLACE FUNCTION ledger.seals(merchant_id text, currency_code text, day text, rows_max bigint)
RETURNS TABLE (
    number integer, credits text, debits text, entry_count bigint, sealed_at_us bigint, epoch integer, snapshot text, sha256 text
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    number, credits::text AS credits, debits::text AS debits, entry_count, (extract(epoch FROM sealed_at) * 1000000)::bigint AS sealed_at_us,
    epoch, snapshot::text AS snapshot, encode(sha256, 'hex') AS sha256
FROM day_seal
WHERE merchant_id = $1 AND currency = $2 AND date = $3::text::date
ORDER BY number DESC
LIMIT $4;
END
