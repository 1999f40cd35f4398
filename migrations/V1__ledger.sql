-- The ledger: entries are appended, never changed and never removed.
-- The checks repeat the domain's, so that no other client can post what the API would refuse.

CREATE TABLE entry (
    merchant_id   text        NOT NULL CHECK (merchant_id ~ '^[!-~]{1,64}$'),
    id            uuid        NOT NULL,
    fingerprint   bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    type          text        NOT NULL CHECK (type IN ('credit', 'debit')),
    amount_minor  bigint      NOT NULL CHECK (amount_minor > 0 AND amount_minor <= 99999999999999900),
    currency      text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    date          date        NOT NULL CHECK (date >= DATE '1900-01-01'),
    description   text        CHECK (char_length(description) <= 255),
    category      text        CHECK (char_length(category) <= 100),
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    posted_xid    xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (merchant_id, id)
);

COMMENT ON TABLE entry IS 'Append-only. One row per entry; the id is derived from merchant and idempotency key.';
COMMENT ON COLUMN entry.fingerprint IS 'SHA-256 over the request as sent: tells a repeat from another payload under the same key.';
COMMENT ON COLUMN entry.amount_minor IS 'In minor units of the currency (ISO 4217); the type tells the direction.';
COMMENT ON COLUMN entry.posted_xid IS 'The transaction that posted it: with a snapshot it tells what was visible when.';

CREATE TABLE entry_conflict (
    merchant_id   text        NOT NULL,
    id            uuid        NOT NULL,
    fingerprint   bytea       NOT NULL CHECK (octet_length(fingerprint) = 32),
    type          text        NOT NULL,
    amount_minor  bigint      NOT NULL,
    currency      text        NOT NULL,
    date          date        NOT NULL,
    description   text,
    category      text,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, id, fingerprint),
    FOREIGN KEY (merchant_id, id) REFERENCES entry (merchant_id, id)
);

COMMENT ON TABLE entry_conflict IS 'Append-only. Payloads that came under a key already used by another one, and were therefore not posted.';

CREATE TABLE daily_total (
    merchant_id   text        NOT NULL,
    currency      text        NOT NULL,
    date          date        NOT NULL,
    slot          smallint    NOT NULL,
    credits       numeric(38) NOT NULL CHECK (credits >= 0),
    debits        numeric(38) NOT NULL CHECK (debits >= 0),
    entry_count   bigint      NOT NULL CHECK (entry_count > 0),
    PRIMARY KEY (merchant_id, currency, date, slot)
);

COMMENT ON TABLE daily_total IS 'Sums of entry, in minor units. Writers add to one of a few slots, so that they seldom wait for each other; readers sum the slots.';

-- The version of a total is (epoch, entry_count). Whoever restores the ledger to an earlier moment raises the epoch.
CREATE TABLE ledger_epoch (
    only_row      boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch         integer     NOT NULL CHECK (epoch > 0)
);
INSERT INTO ledger_epoch (epoch) VALUES (1);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_conflict_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry_conflict
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The functions' login is a member of this role and has no other rights.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_writer') THEN
        CREATE ROLE ledger_writer NOLOGIN;
    END IF;
END
$$;
GRANT SELECT, INSERT ON entry, entry_conflict TO ledger_writer;
GRANT SELECT, INSERT, UPDATE ON daily_total TO ledger_writer;
GRANT SELECT ON ledger_epoch TO ledger_writer;
