-- Records entries that came and are not posted, each with the reason: 'conflict', another payload was posted under the key;
-- 'already_reversed', another reversal of the same entry was first. An entry that is recorded already stays as it is.
-- Each becomes an event, by a trigger that raises the counter of events; its row is locked first. Then one after the other and
-- sorted, as post goes through its tables: no two writers can wait for each other in a ring.
CREATE OR REPLACE FUNCTION ledger.record_refused(
    merchant_id text, reasons text[], ids uuid[], fingerprints bytea[], types text[], amounts_minor bigint[], currencies text[],
    dates text[], descriptions text[], categories text[], originals uuid[]
)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    unknown_reason text;
BEGIN
SELECT coalesce(reason, 'NULL') INTO unknown_reason
FROM unnest(reasons) AS reason
WHERE reason IS NULL OR reason NOT IN ('conflict', 'already_reversed')
LIMIT 1;
IF FOUND THEN
    RAISE EXCEPTION 'unknown reason of a refusal: %', unknown_reason USING ERRCODE = 'invalid_parameter_value';
END IF;

PERFORM raise_event_counter($1, 0);

INSERT INTO entry_conflict (merchant_id, id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
SELECT $1, id, fingerprint, type, amount_minor, currency, date, description, category, reverses
FROM unnest(reasons, ids, fingerprints, types, amounts_minor, currencies, dates::date[], descriptions, categories, originals)
    AS given (reason, id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
WHERE reason = 'conflict'
ORDER BY id
ON CONFLICT DO NOTHING;

INSERT INTO overtaken_reversal (merchant_id, id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
SELECT $1, id, fingerprint, type, amount_minor, currency, date, description, category, reverses
FROM unnest(reasons, ids, fingerprints, types, amounts_minor, currencies, dates::date[], descriptions, categories, originals)
    AS given (reason, id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
WHERE reason = 'already_reversed'
ORDER BY id
ON CONFLICT DO NOTHING;
END
$$;
