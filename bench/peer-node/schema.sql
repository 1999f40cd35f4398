-- The tables of the peer: what the ledger's tables are without what only Fluxo needs of them.
CREATE SCHEMA peer;

CREATE TABLE peer.entry (
    merchant_id   text        NOT NULL,
    id            uuid        NOT NULL,
    fingerprint   text        NOT NULL,
    type          text        NOT NULL CHECK (type IN ('credit', 'debit')),
    amount_minor  bigint      NOT NULL CHECK (amount_minor > 0),
    currency      text        NOT NULL,
    date          date        NOT NULL,
    description   text,
    category      text,
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX entry_by_day ON peer.entry (merchant_id, currency, date, recorded_at);

CREATE TABLE peer.daily_total (
    merchant_id   text        NOT NULL,
    currency      text        NOT NULL,
    date          date        NOT NULL,
    credits       numeric     NOT NULL,
    debits        numeric     NOT NULL,
    entry_count   bigint      NOT NULL,
    PRIMARY KEY (merchant_id, currency, date)
);
