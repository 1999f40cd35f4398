-- What the ledger holds under the given ids: posted entries, and reversals that another one has overtaken, whose ids are used
-- up as well. Called for every request, so its plan is kept (docs/adr/0017): each id is a look into a primary key.
CREATE OR REPLACE FUNCTION ledger_lookup.recorded(merchant_id text, ids uuid[])
RETURNS TABLE (
    id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date text, description text, category text,
    reverses uuid, is_overtaken boolean
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
SELECT
    entry.id, entry.fingerprint, entry.type, entry.amount_minor, entry.currency, to_char(entry.date, 'YYYY-MM-DD'),
    entry.description, entry.category, entry.reverses, false
FROM unnest($2::uuid[]) AS given (id)
JOIN entry ON entry.merchant_id = $1 AND entry.id = given.id
UNION ALL
SELECT
    kept.id, kept.fingerprint, kept.type, kept.amount_minor, kept.currency, to_char(kept.date, 'YYYY-MM-DD'),
    kept.description, kept.category, kept.reverses, true
FROM unnest($2::uuid[]) AS given (id)
JOIN overtaken_reversal AS kept ON kept.merchant_id = $1 AND kept.id = given.id;
END
$$;
