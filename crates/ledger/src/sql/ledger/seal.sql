-- For functions of the release before; goes with the next. See day_to_seal.
-- Seals a day, unless its newest seal covers the very same entries. Everything comes from the one snapshot of this
-- statement, so sums, hash and snapshot belong together, whatever is being posted beside it.
-- A number is taken only by a statement that saw the seal before it: each seal covers what the one before covered.
-- No row: another seal came in between, with a snapshot that may be older than this one. Run it again.
CREATE OR REPLACE FUNCTION ledger.seal(merchant_id text, currency_code text, day text)
RETURNS TABLE (
    is_new boolean,
    number integer, credits text, debits text, entry_count bigint, sealed_at_us bigint, epoch integer, snapshot text, sha256 text
)
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
WITH covered AS MATERIALIZED (
    SELECT
        coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0) AS credits,
        coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0) AS debits,
        count(*) AS entry_count,
        sha256(convert_to(coalesce(string_agg(
            sealed_field(id::text) || sealed_field(type) || sealed_field(amount_minor::text) || sealed_field(currency)
                || sealed_field(to_char(date, 'YYYY-MM-DD')) || sealed_field(description) || sealed_field(category)
                || sealed_field(reverses::text),
            '' ORDER BY id
        ), ''), 'UTF8')) AS sha256
    FROM entry
    WHERE merchant_id = $1 AND currency = $2 AND date = $3::text::date
), newest AS MATERIALIZED (
    SELECT * FROM day_seal
    WHERE merchant_id = $1 AND currency = $2 AND date = $3::text::date
    ORDER BY number DESC
    LIMIT 1
), made AS (
    INSERT INTO day_seal (merchant_id, currency, date, number, credits, debits, entry_count, epoch, positions, sha256)
    SELECT
        $1, $2, $3::text::date, coalesce((SELECT number FROM newest), 0) + 1,
        credits, debits, entry_count, (SELECT epoch FROM ledger_epoch),
        ARRAY(
            SELECT coalesce(counter.position, 0)
            FROM generate_series(0, 7) AS slots (slot)
            LEFT JOIN posting_position AS counter ON counter.merchant_id = $1 AND counter.slot = slots.slot
            ORDER BY slots.slot
        ),
        sha256
    FROM covered
    WHERE NOT EXISTS (SELECT FROM newest WHERE newest.sha256 = covered.sha256)
    ON CONFLICT DO NOTHING
    RETURNING *
), answer AS (
    SELECT true AS is_new, made.* FROM made
    UNION ALL
    SELECT false, newest.* FROM newest, covered WHERE newest.sha256 = covered.sha256
)
SELECT
    is_new,
    number, credits::text AS credits, debits::text AS debits, entry_count, (extract(epoch FROM sealed_at) * 1000000)::bigint AS sealed_at_us,
    epoch, snapshot::text AS snapshot, encode(sha256, 'hex') AS sha256
FROM answer;
END
