-- The scheduled jobs: where the comparison of the read model goes on, and what it has set aside.

-- How far a run has come within what it was comparing when its time was up. It holds as long as reconciled_until is what it
-- was then: a run that has come further, of this release or the one before, leaves a place behind that means nothing any more.
ALTER TABLE reconciliation
    ADD COLUMN place_of timestamptz,
    ADD COLUMN window_until timestamptz,
    ADD COLUMN after_merchant_id text,
    ADD COLUMN after_currency text,
    ADD COLUMN after_month date,
    ADD CHECK (num_nulls(place_of, window_until, after_merchant_id, after_currency, after_month) IN (0, 5));

COMMENT ON COLUMN reconciliation.reconciled_until IS 'What was recorded before has been compared since. A run begins a minute before: transactions of that time may have ended later.';
COMMENT ON COLUMN reconciliation.place_of IS 'The reconciled_until that the place belongs to.';
COMMENT ON COLUMN reconciliation.window_until IS 'Of the months recorded from a minute before reconciled_until to here, those up to after_month have been compared.';

-- A month that cannot be compared keeps no other from being compared. It stays here until it can be.
CREATE TABLE month_set_aside (
    merchant_id     text        NOT NULL,
    currency        text        NOT NULL,
    month           date        NOT NULL CHECK (extract(day FROM month) = 1),
    first_failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_failed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts        integer     NOT NULL DEFAULT 1 CHECK (attempts > 0),
    reason          text        NOT NULL CHECK (char_length(reason) <= 500),
    PRIMARY KEY (merchant_id, currency, month)
);
COMMENT ON TABLE month_set_aside IS 'Months of the read model that could not be compared with the ledger, and why. Those that have waited longest are tried first.';
CREATE INDEX month_set_aside_by_attempt ON month_set_aside (last_failed_at);
