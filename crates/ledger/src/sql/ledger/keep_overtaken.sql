-- For functions of the release before; goes with the next. See record_refused.
-- Keeps the reversals that another reversal of the same entry has overtaken.
CREATE OR REPLACE FUNCTION ledger.keep_overtaken(
    merchant_id text, ids uuid[], fingerprints bytea[], types text[], amounts_minor bigint[], currencies text[], dates text[],
    descriptions text[], categories text[], originals uuid[]
)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
SELECT raise_event_counter($1, 0);
INSERT INTO overtaken_reversal (merchant_id, id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
SELECT $1, given.*
FROM unnest($2::uuid[], $3::bytea[], $4::text[], $5::bigint[], $6::text[], $7::text[]::date[], $8::text[], $9::text[], $10::uuid[])
    AS given (id, fingerprint, type, amount_minor, currency, date, description, category, reverses)
ORDER BY given.id
ON CONFLICT DO NOTHING;
END
