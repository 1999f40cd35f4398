-- What there is to seal: how far the merchant's entries have come, the day's totals up to there, and the day's newest seal, all of
-- one snapshot. What it costs does not depend on the number of entries.
CREATE OR REPLACE FUNCTION ledger.day_to_seal(merchant_id text, currency_code text, day text)
RETURNS TABLE (
    positions bigint[], credits text, debits text, entry_count bigint,
    seal_number integer, seal_credits text, seal_debits text, seal_entry_count bigint, seal_sealed_at_us bigint, seal_epoch integer,
    seal_positions bigint[], seal_sha256 text
)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    ARRAY(
        SELECT coalesce(counter.position, 0)
        FROM generate_series(0, 7) AS slots (slot)
        LEFT JOIN posting_position AS counter ON counter.merchant_id = $1 AND counter.slot = slots.slot
        ORDER BY slots.slot
    ) AS positions,
    total.credits::text AS credits, total.debits::text AS debits, total.entry_count,
    newest.number, newest.credits::text, newest.debits::text, newest.entry_count,
    (extract(epoch FROM newest.sealed_at) * 1000000)::bigint, newest.epoch, newest.positions, encode(newest.sha256, 'hex')
FROM (
    SELECT
        coalesce(sum(credits), 0) AS credits, coalesce(sum(debits), 0) AS debits,
        coalesce(sum(entry_count), 0)::bigint AS entry_count
    FROM daily_total
    WHERE merchant_id = $1 AND currency = $2 AND date = $3::text::date
) AS total
LEFT JOIN LATERAL (
    SELECT * FROM day_seal
    WHERE merchant_id = $1 AND currency = $2 AND date = $3::text::date
    ORDER BY number DESC
    LIMIT 1
) AS newest ON true;
END
