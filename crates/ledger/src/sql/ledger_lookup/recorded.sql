-- What the ledger holds under the given ids: posted entries, and reversals that another one has overtaken, whose ids are used
-- up as well. Called for every request, so its plan is kept (docs/adr/0017). The LATERAL makes each id one look into a primary
-- key: there is no better plan for any number of ids, nor after any growth. While the tables are empty all plans cost the same, and the
-- session would go on with whichever comes first. Reading them whole is therefore switched off, and an id is written as a range in
-- its order, which only the primary key has.
CREATE OR REPLACE FUNCTION ledger_lookup.recorded(merchant_id text, ids uuid[])
RETURNS TABLE (
    id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date text, description text, category text,
    reverses uuid, is_overtaken boolean
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
SELECT
    posted.id, posted.fingerprint, posted.type, posted.amount_minor, posted.currency, to_char(posted.date, 'YYYY-MM-DD'),
    posted.description, posted.category, posted.reverses, false
FROM unnest($2::uuid[]) AS given (id)
CROSS JOIN LATERAL (
    SELECT * FROM entry
    WHERE entry.merchant_id = $1 AND entry.id >= given.id AND entry.id <= given.id
    ORDER BY entry.id
    LIMIT 1
) AS posted
UNION ALL
SELECT
    overtaken.id, overtaken.fingerprint, overtaken.type, overtaken.amount_minor, overtaken.currency,
    to_char(overtaken.date, 'YYYY-MM-DD'), overtaken.description, overtaken.category, overtaken.reverses, true
FROM unnest($2::uuid[]) AS given (id)
CROSS JOIN LATERAL (
    SELECT * FROM overtaken_reversal AS kept
    WHERE kept.merchant_id = $1 AND kept.id >= given.id AND kept.id <= given.id
    ORDER BY kept.id, kept.fingerprint
    LIMIT 1
) AS overtaken;
END
$$;
