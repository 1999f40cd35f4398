-- The feed: everything that happened to a merchant, in one order for all readers, and alerts on balances. What posts an entry
-- knows nothing of it. See docs/adr/0032-feed.md.

-- Writers of these wait until the triggers are there; posting goes on.
LOCK TABLE entry_conflict, overtaken_reversal, day_seal IN SHARE ROW EXCLUSIVE MODE;

-- ---- Events that are stored -----------------------------------------------------------------------------------------

-- Who notes an event raises the merchant's counter first and holds its row until the transaction ends: events become visible in
-- the order of their positions. It is not the counter of entries, so that nobody who posts waits for it.
CREATE TABLE event_counter (
    merchant_id   text COLLATE "C" PRIMARY KEY CHECK (merchant_id ~ '^[!-~]{1,64}$'),
    position      bigint      NOT NULL CHECK (position >= 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE event_counter IS 'The position of the newest noted event of each merchant.';

CREATE TABLE feed_event (
    merchant_id   text COLLATE "C" NOT NULL,
    id            uuid        NOT NULL,
    type          text        NOT NULL,
    position      bigint,
    sequence      bigint,
    recorded_at   timestamptz NOT NULL,
    data          jsonb       NOT NULL,
    PRIMARY KEY (merchant_id, id),
    CHECK (num_nonnulls(position, sequence) = 1)
);
COMMENT ON TABLE feed_event IS 'Append-only. The events of the feed that are no entries: noted ones have a position, derived ones a place in the feed.';
COMMENT ON COLUMN feed_event.position IS 'Of an event that was noted when it happened: by the merchant''s counter.';
COMMENT ON COLUMN feed_event.sequence IS 'Of an event that was derived when the feed was cut: its place in the feed.';
COMMENT ON COLUMN feed_event.data IS 'What happened. Of a refused entry or a seal, which row to read: it never changes.';
CREATE UNIQUE INDEX feed_event_by_position ON feed_event (merchant_id, position) WHERE position IS NOT NULL;
CREATE UNIQUE INDEX feed_event_by_sequence ON feed_event (merchant_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX feed_event_by_recording ON feed_event USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE TRIGGER feed_event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ---- The order of the feed ------------------------------------------------------------------------------------------

-- The feed is cut off behind what is visible, again and again: a row says how far. What lies between two rows is fixed, and has
-- a fixed order, so every event has a number that is the same for all readers, whatever clocks say and however long transactions
-- take.
CREATE TABLE feed_cut (
    merchant_id   text COLLATE "C" NOT NULL,
    last_event    bigint      NOT NULL CHECK (last_event > 0),
    positions     bigint[]    NOT NULL CHECK (array_ndims(positions) = 1 AND cardinality(positions) = 8),
    noted         bigint      NOT NULL CHECK (noted >= 0),
    PRIMARY KEY (merchant_id, last_event)
);
COMMENT ON TABLE feed_cut IS 'Append-only. The feed up to event last_event is the entries up to these positions, the noted events up to that one, and what was derived.';
CREATE TRIGGER feed_cut_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed_cut
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Entries of before are in the feed, but nothing is derived from them.
CREATE TABLE feed_start (
    merchant_id   text COLLATE "C" PRIMARY KEY,
    positions     bigint[]    NOT NULL CHECK (array_ndims(positions) = 1 AND cardinality(positions) = 8)
);
COMMENT ON TABLE feed_start IS 'Append-only. How far the entries of a merchant had come when the feed was introduced.';
INSERT INTO feed_start (merchant_id, positions)
SELECT merchant.merchant_id, ARRAY(
    SELECT coalesce(counter.position, 0)
    FROM generate_series(0, 7) AS slots (slot)
    LEFT JOIN posting_position AS counter ON counter.merchant_id = merchant.merchant_id AND counter.slot = slots.slot
    ORDER BY slots.slot
)
FROM (SELECT DISTINCT merchant_id FROM posting_position) AS merchant;
CREATE TRIGGER feed_start_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed_start
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ---- Names of events ------------------------------------------------------------------------------------------------

-- A UUID of version 8: the beginning of a SHA-256 (RFC 9562, section 5.8 and appendix B.2). The domain has the same function.
CREATE FUNCTION event_id(merchant text, event_type text, about text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT encode(set_byte(set_byte(name, 6, get_byte(name, 6) & 15 | 128), 8, get_byte(name, 8) & 63 | 128), 'hex')::uuid
    FROM (
        SELECT substring(
            sha256(
                decode('6b9f3c520d475e0a9c1e7f2a51d8c3b4', 'hex')
                || convert_to(E'event\n' || merchant || E'\n' || event_type || E'\n' || about, 'UTF8')
            ) FROM 1 FOR 16
        ) AS name
    ) AS hashed
);

-- ---- Events that are noted when they happen -------------------------------------------------------------------------

CREATE FUNCTION raise_event_counter(merchant text, event_count bigint) RETURNS bigint LANGUAGE sql VOLATILE
BEGIN ATOMIC
INSERT INTO event_counter AS counter (merchant_id, position) VALUES ($1, $2)
ON CONFLICT (merchant_id) DO UPDATE SET position = counter.position + excluded.position
RETURNING counter.position;
END;

-- Whoever records an entry that is not posted, of whatever release, this goes with it.
CREATE FUNCTION note_refused() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    of_merchant record;
    last_position bigint;
BEGIN
    FOR of_merchant IN SELECT merchant_id, count(*) AS event_count FROM added GROUP BY merchant_id ORDER BY merchant_id LOOP
        last_position := raise_event_counter(of_merchant.merchant_id, of_merchant.event_count);
        INSERT INTO feed_event (merchant_id, id, type, position, recorded_at, data)
        SELECT
            added.merchant_id,
            event_id(added.merchant_id, TG_ARGV[0], added.id || ' ' || encode(added.fingerprint, 'hex')),
            TG_ARGV[0],
            last_position - of_merchant.event_count + row_number() OVER (ORDER BY added.id, added.fingerprint),
            clock_timestamp(),
            jsonb_build_object('entry_id', added.id, 'fingerprint', encode(added.fingerprint, 'hex'))
        FROM added
        WHERE added.merchant_id = of_merchant.merchant_id;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER conflict_is_an_event AFTER INSERT ON entry_conflict REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note_refused('entry.conflicted');
CREATE TRIGGER overtaken_reversal_is_an_event AFTER INSERT ON overtaken_reversal REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION note_refused('entry.reversal_overtaken');

-- The lock is the one under which the feed is cut. So of an entry that the seal does not cover, either it was cut before, and is
-- seen here, or it is cut after the seal is visible, and is seen then. Between what a seal covers and where the feed was cut lies
-- what was posted while the seal was made.
CREATE FUNCTION note_seal() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    cut_positions bigint[];
    restated uuid[];
    last_position bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || NEW.merchant_id, 0));
    SELECT positions INTO cut_positions FROM feed_cut WHERE merchant_id = NEW.merchant_id ORDER BY last_event DESC LIMIT 1;
    SELECT array_agg(entry.id ORDER BY entry.recorded_at, entry.id) INTO restated
    FROM unnest(NEW.positions, cut_positions) WITH ORDINALITY AS passed (covered_until, cut_until, ordinal)
    LEFT JOIN feed_start AS start ON start.merchant_id = NEW.merchant_id
    JOIN LATERAL (
        SELECT id, recorded_at
        FROM entry
        WHERE merchant_id = NEW.merchant_id AND slot = passed.ordinal - 1
            AND position > greatest(passed.covered_until, start.positions[passed.ordinal]) AND position <= passed.cut_until
            AND currency = NEW.currency AND date = NEW.date
        OFFSET 0
    ) AS entry ON true
    WHERE passed.cut_until > passed.covered_until AND (
        SELECT true FROM feed_event AS told
        WHERE told.merchant_id = NEW.merchant_id AND told.id = event_id(NEW.merchant_id, 'day.restated', entry.id::text)
        LIMIT 1
    ) IS NULL;

    last_position := raise_event_counter(NEW.merchant_id, 1 + coalesce(cardinality(restated), 0));
    INSERT INTO feed_event (merchant_id, id, type, position, recorded_at, data)
    SELECT
        NEW.merchant_id, event_id(NEW.merchant_id, event.type, event.about), event.type,
        last_position - coalesce(cardinality(restated), 0) + event.number, clock_timestamp(),
        jsonb_build_object('currency', NEW.currency, 'date', to_char(NEW.date, 'YYYY-MM-DD')) || event.data
    FROM (
        SELECT
            'day.sealed' AS type,
            concat_ws(' ', NEW.currency, to_char(NEW.date, 'YYYY-MM-DD'), NEW.number) AS about,
            0 AS number, jsonb_build_object('number', NEW.number) AS data
        UNION ALL
        SELECT 'day.restated', entry.id::text, entry.number, jsonb_build_object('entry_id', entry.id, 'seal', NEW.number)
        FROM unnest(restated) WITH ORDINALITY AS entry (id, number)
    ) AS event;
    RETURN NULL;
END
$$;
CREATE TRIGGER seal_is_an_event AFTER INSERT ON day_seal FOR EACH ROW EXECUTE FUNCTION note_seal();

-- What was noted before, in the order and with the times of then.
INSERT INTO feed_event (merchant_id, id, type, position, recorded_at, data)
SELECT
    merchant_id, event_id(merchant_id, type, about), type,
    row_number() OVER (PARTITION BY merchant_id ORDER BY recorded_at, type, about COLLATE "C"), recorded_at, data
FROM (
    SELECT
        refused.merchant_id, refused.type, refused.id || ' ' || encode(refused.fingerprint, 'hex') AS about, refused.recorded_at,
        jsonb_build_object('entry_id', refused.id, 'fingerprint', encode(refused.fingerprint, 'hex')) AS data
    FROM (
        SELECT merchant_id, 'entry.conflicted' AS type, id, fingerprint, recorded_at FROM entry_conflict
        UNION ALL
        SELECT merchant_id, 'entry.reversal_overtaken', id, fingerprint, recorded_at FROM overtaken_reversal
    ) AS refused
    UNION ALL
    SELECT
        merchant_id, 'day.sealed', concat_ws(' ', currency, to_char(date, 'YYYY-MM-DD'), number), sealed_at,
        jsonb_build_object('currency', currency, 'date', to_char(date, 'YYYY-MM-DD'), 'number', number)
    FROM day_seal
) AS before;
INSERT INTO event_counter (merchant_id, position)
SELECT merchant_id, max(position) FROM feed_event GROUP BY merchant_id;

-- ---- Alerts ---------------------------------------------------------------------------------------------------------

-- The balance of a currency that has alerts, as far as the feed has come: of the entries dated up to a day.
CREATE TABLE watched_balance (
    merchant_id   text COLLATE "C" NOT NULL CHECK (merchant_id ~ '^[!-~]{1,64}$'),
    currency      text COLLATE "C" NOT NULL,
    day           date        NOT NULL,
    balance       numeric(38) NOT NULL,
    positions     bigint[]    NOT NULL CHECK (array_ndims(positions) = 1 AND cardinality(positions) = 8),
    PRIMARY KEY (merchant_id, currency)
) WITH (fillfactor = 50);
COMMENT ON TABLE watched_balance IS 'The closing balance of a business day, which alerts are about.';
COMMENT ON COLUMN watched_balance.positions IS 'Entries up to these were counted when the watch began.';
CREATE INDEX watched_balance_by_day ON watched_balance (day, merchant_id);

CREATE TABLE watched_future (
    merchant_id   text COLLATE "C" NOT NULL,
    currency      text COLLATE "C" NOT NULL,
    date          date        NOT NULL,
    net           numeric(38) NOT NULL,
    PRIMARY KEY (merchant_id, currency, date)
);
COMMENT ON TABLE watched_future IS 'What entries with later dates will add to a watched balance when their day begins.';

CREATE TABLE balance_alert (
    merchant_id   text COLLATE "C" NOT NULL,
    currency      text COLLATE "C" NOT NULL,
    direction     text COLLATE "C" NOT NULL CHECK (direction IN ('below', 'above')),
    id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    threshold     numeric(38) NOT NULL,
    is_triggered  boolean     NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (merchant_id, currency, direction),
    UNIQUE (merchant_id, id)
);
COMMENT ON TABLE balance_alert IS 'A merchant wants to be told when a balance crosses a threshold.';
COMMENT ON COLUMN balance_alert.is_triggered IS 'Whether the watched balance is on the side that the alert is about.';

-- ---- Waiting for events ---------------------------------------------------------------------------------------------

CREATE TABLE feed_wait (
    merchant_id   text COLLATE "C" NOT NULL CHECK (merchant_id ~ '^[!-~]{1,64}$'),
    place         smallint    NOT NULL,
    holder        uuid        NOT NULL,
    ends_at       timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, place)
) WITH (fillfactor = 50);
CREATE INDEX feed_wait_ends ON feed_wait (ends_at);
COMMENT ON TABLE feed_wait IS 'Who waits for a merchant''s events: as many at once as there are places.';

REVOKE ALL ON FUNCTION
    event_id(text, text, text), raise_event_counter(text, bigint), note_refused(), note_seal()
FROM PUBLIC;
