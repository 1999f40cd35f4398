-- Reversals, statements, balances as of an earlier moment, and seals.

-- The functions send single statements and give up long before this. No transaction should stay open for longer: a balance
-- as of a moment waits for those that were writing entries then. Migrations lift the limit for themselves.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''10s''', current_database());
    EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = ''10s''', current_database());
END
$$;

-- ---- Reversals ------------------------------------------------------------------------------------------------------

ALTER TABLE entry ADD COLUMN reverses uuid;
COMMENT ON COLUMN entry.reverses IS 'The entry that this one undoes: the same amount in the other direction.';

-- At most one reversal of an entry. Partial, so that ordinary entries do not pay for it.
CREATE UNIQUE INDEX entry_is_reversed_once ON entry (merchant_id, reverses) WHERE reverses IS NOT NULL;

-- Entries are never changed or removed, so what is true of the original when its reversal comes stays true.
CREATE FUNCTION check_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    original entry%ROWTYPE;
BEGIN
    SELECT * INTO original FROM entry WHERE merchant_id = NEW.merchant_id AND id = NEW.reverses;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the entry to reverse is not posted' USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF original.reverses IS NOT NULL THEN
        RAISE EXCEPTION 'a reversal cannot be reversed' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.amount_minor, NEW.currency) IS DISTINCT FROM (original.amount_minor, original.currency) OR NEW.type = original.type THEN
        RAISE EXCEPTION 'a reversal mirrors its original' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER reversal_mirrors_its_original BEFORE INSERT ON entry
    FOR EACH ROW WHEN (NEW.reverses IS NOT NULL) EXECUTE FUNCTION check_reversal();

ALTER TABLE entry_conflict ADD COLUMN reverses uuid;

CREATE TABLE overtaken_reversal (
    merchant_id   text        NOT NULL,
    id            uuid        NOT NULL,
    fingerprint   bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    type          text        NOT NULL,
    amount_minor  bigint      NOT NULL,
    currency      text        NOT NULL,
    date          date        NOT NULL,
    description   text,
    category      text,
    reverses      uuid        NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, id, fingerprint),
    FOREIGN KEY (merchant_id, reverses) REFERENCES entry (merchant_id, id)
);
COMMENT ON TABLE overtaken_reversal IS 'Append-only. Reversals that were accepted, but came to the ledger after another one of the same entry, and were therefore not posted.';
CREATE TRIGGER overtaken_reversal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON overtaken_reversal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ---- Statements -----------------------------------------------------------------------------------------------------

-- A day in posting order, from wherever the last page ended.
CREATE INDEX entry_by_day ON entry (merchant_id, currency, date, posted_xid, id);

-- Signs the cursors of statements, so that nobody can turn one into a cursor that was never given out.
CREATE TABLE cursor_key (
    only_row      boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    key           bytea       NOT NULL CHECK (octet_length(key) = 32)
);
INSERT INTO cursor_key (key)
SELECT sha256(convert_to(string_agg(gen_random_uuid()::text, ''), 'UTF8')) FROM generate_series(1, 4);

-- ---- Balances as of an earlier moment -------------------------------------------------------------------------------

-- Totals by the day of posting (UTC) as well: what was known at a moment is the totals of the days of posting before it,
-- and the entries of that one day up to it.
ALTER TABLE daily_total ADD COLUMN posted_on date;
ALTER TABLE daily_total DROP CONSTRAINT daily_total_pkey;
DELETE FROM daily_total;
INSERT INTO daily_total (merchant_id, currency, date, posted_on, slot, credits, debits, entry_count)
SELECT
    merchant_id, currency, date, (recorded_at AT TIME ZONE 'UTC')::date, 0,
    coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0),
    coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0),
    count(*)
FROM entry
GROUP BY 1, 2, 3, 4;
ALTER TABLE daily_total ADD PRIMARY KEY (merchant_id, currency, date, posted_on, slot);
COMMENT ON COLUMN daily_total.posted_on IS 'The day, in UTC, on which the entries were posted.';

-- Not the start of the transaction, which may lie long before: whoever takes this time holds a lock on the table already, so
-- a moment can tell whether an entry with an earlier time may still come.
ALTER TABLE entry ALTER COLUMN recorded_at SET DEFAULT clock_timestamp();
COMMENT ON COLUMN entry.recorded_at IS 'When the row was written, within the transaction that posted it.';

CREATE INDEX entry_by_time ON entry (merchant_id, currency, recorded_at);

-- ---- Seals ----------------------------------------------------------------------------------------------------------

CREATE TABLE day_seal (
    merchant_id   text        NOT NULL,
    currency      text        NOT NULL,
    date          date        NOT NULL,
    number        integer     NOT NULL CHECK (number > 0),
    credits       numeric(38) NOT NULL CHECK (credits >= 0),
    debits        numeric(38) NOT NULL CHECK (debits >= 0),
    entry_count   bigint      NOT NULL CHECK (entry_count >= 0),
    sealed_at     timestamptz NOT NULL DEFAULT now(),
    epoch         integer     NOT NULL CHECK (epoch > 0),
    snapshot      pg_snapshot NOT NULL,
    sha256        bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    PRIMARY KEY (merchant_id, currency, date, number)
);
COMMENT ON TABLE day_seal IS 'Append-only. What a day was when it was sealed; it covers the entries whose posted_xid is visible in its snapshot.';
CREATE TRIGGER day_seal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON day_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One field of an entry as a seal hashes it. The length keeps a text from passing for the end of its field.
CREATE FUNCTION sealed_field(field text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN field IS NULL THEN E'absent\n' ELSE octet_length(field) || ':' || field || E'\n' END
$$;

-- Finds the merchants of one day, for sealing it on schedule.
CREATE INDEX daily_total_by_date ON daily_total (date, merchant_id, currency);

-- ---- What is shown of an entry ----------------------------------------------------------------------------------------

-- Each seal of a day sees what the one before saw, and more: the first that sees an entry is the first that covers it, and
-- an entry that none sees is later than the newest.
CREATE VIEW posted_entry AS
SELECT
    entry.*,
    (SELECT reversal.id FROM entry AS reversal WHERE reversal.merchant_id = entry.merchant_id AND reversal.reverses = entry.id) AS reversed_by,
    seals.first_covering AS seal,
    seals.seal_count > 0 AND seals.first_covering IS NULL AS late
FROM entry
CROSS JOIN LATERAL (
    SELECT
        min(day_seal.number) FILTER (WHERE pg_visible_in_snapshot(entry.posted_xid, day_seal.snapshot)) AS first_covering,
        count(*) AS seal_count
    FROM day_seal
    WHERE day_seal.merchant_id = entry.merchant_id AND day_seal.currency = entry.currency AND day_seal.date = entry.date
) AS seals;

GRANT SELECT ON posted_entry, cursor_key TO ledger_writer;
GRANT SELECT, INSERT ON overtaken_reversal, day_seal TO ledger_writer;
