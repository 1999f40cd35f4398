-- Positions that the ledger numbers itself, in the place of transaction ids, which another cluster counts anew. With them come
-- what else follows from them: the order of statements, what seals cover, and totals of blocks of entries.
-- See docs/adr/0023-positions.md.

-- In the order in which writers take them. Nobody posts or reads until all of this is there.
LOCK TABLE entry, entry_conflict, overtaken_reversal, daily_total, day_seal IN ACCESS EXCLUSIVE MODE;

-- Whatever uses the columns that change here. The functions are created again in the same transaction.
DO $$
DECLARE
    used regprocedure;
BEGIN
    FOR used IN
        SELECT oid FROM pg_proc
        WHERE pronamespace IN ('ledger'::regnamespace, 'ledger_maintenance'::regnamespace) AND prosqlbody IS NOT NULL
    LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', used);
    END LOOP;
END
$$;
DROP VIEW posted_entry;

-- ---- Positions ------------------------------------------------------------------------------------------------------

-- A writer raises the counter of its slot first and holds the row until its transaction ends, so within a slot transactions
-- end in the order of their positions. What is visible at a moment is then the row of each slot: a vector of numbers.
-- A position counts entries: a batch of ten raises the counter by ten, and all of it has the new value.
-- The rows are updated in place all the time, for which pages need room.
CREATE TABLE posting_position (
    merchant_id   text COLLATE "C" NOT NULL CHECK (merchant_id ~ '^[!-~]{1,64}$'),
    slot          smallint    NOT NULL CHECK (slot BETWEEN 0 AND 7),
    position      bigint      NOT NULL CHECK (position > 0),
    summed_until  bigint      NOT NULL CHECK (summed_until >= 0),
    PRIMARY KEY (merchant_id, slot)
) WITH (fillfactor = 50);
COMMENT ON TABLE posting_position IS 'How far each slot of a merchant has come. An entry is visible at a moment if its position is not above that of its slot then.';
COMMENT ON COLUMN posting_position.summed_until IS 'The last position whose entries are in posting_block.';

-- Entries were numbered by their transactions until now, which becomes their position in slot 0. One pass over the table does
-- this and gives the keys a collation that no update of the operating system changes.
DROP INDEX entry_by_day, entry_by_time;
ALTER TABLE entry ADD COLUMN slot smallint NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN position bigint;
ALTER TABLE entry
    ALTER COLUMN merchant_id TYPE text COLLATE "C",
    ALTER COLUMN currency TYPE text COLLATE "C",
    ALTER COLUMN position TYPE bigint USING posted_xid::text::bigint,
    ALTER COLUMN slot DROP DEFAULT;
ALTER TABLE entry_conflict ALTER COLUMN merchant_id TYPE text COLLATE "C", ALTER COLUMN currency TYPE text COLLATE "C";
ALTER TABLE overtaken_reversal ALTER COLUMN merchant_id TYPE text COLLATE "C", ALTER COLUMN currency TYPE text COLLATE "C";
ALTER TABLE daily_total ALTER COLUMN merchant_id TYPE text COLLATE "C", ALTER COLUMN currency TYPE text COLLATE "C";
ALTER TABLE day_seal ALTER COLUMN merchant_id TYPE text COLLATE "C", ALTER COLUMN currency TYPE text COLLATE "C";

-- A seal that was made while a transaction with a smaller number was still running does not cover what that one posted. Such
-- entries go to slot 1, in the order of the seals that were the first to cover them, so that there, too, a position tells.
CREATE TEMPORARY TABLE out_of_order ON COMMIT DROP AS
SELECT
    passed.merchant_id, passed.id,
    row_number() OVER (PARTITION BY passed.merchant_id ORDER BY passed.first_covering NULLS LAST, passed.posted_xid, passed.id) AS position
FROM (
    SELECT
        entry.merchant_id, entry.id, entry.posted_xid,
        min(day_seal.number) FILTER (WHERE pg_visible_in_snapshot(entry.posted_xid, day_seal.snapshot)) AS first_covering
    FROM entry
    JOIN day_seal USING (merchant_id, currency, date)
    GROUP BY entry.merchant_id, entry.id, entry.posted_xid
    HAVING bool_or(
        entry.posted_xid < pg_snapshot_xmax(day_seal.snapshot) AND NOT pg_visible_in_snapshot(entry.posted_xid, day_seal.snapshot)
    )
) AS passed;
ALTER TABLE entry DISABLE TRIGGER entry_is_append_only;
UPDATE entry SET slot = 1, position = out_of_order.position
FROM out_of_order
WHERE entry.merchant_id = out_of_order.merchant_id AND entry.id = out_of_order.id;
ALTER TABLE entry ENABLE TRIGGER entry_is_append_only;
DROP TABLE out_of_order;

ALTER TABLE entry ALTER COLUMN position SET NOT NULL;
COMMENT ON COLUMN entry.slot IS 'The slot of its merchant in which it was posted.';
COMMENT ON COLUMN entry.position IS 'Where in that slot. With a vector of positions it tells what was visible when.';
COMMENT ON COLUMN entry.posted_xid IS 'For functions of the release before, and means nothing to others: goes with the next.';

INSERT INTO posting_position (merchant_id, slot, position, summed_until)
SELECT merchant_id, slot, max(position), max(position) FROM entry GROUP BY merchant_id, slot;

-- A day in posting order, from wherever the last page ended.
CREATE INDEX entry_by_posting ON entry (merchant_id, currency, date, recorded_at, id);
-- The entries of a block.
CREATE INDEX entry_by_position ON entry (merchant_id, slot, position);

-- ---- Balances as of an earlier moment -------------------------------------------------------------------------------

-- A slot's entries are summed up whenever some more than a thousand are there. What was posted until a moment on its day is
-- then the sums of whole blocks and the entries of at most one block of each slot, and of those not summed yet.
CREATE TABLE posting_block (
    merchant_id    text COLLATE "C" NOT NULL,
    currency       text COLLATE "C" NOT NULL,
    posted_on      date        NOT NULL,
    slot           smallint    NOT NULL,
    last_position  bigint      NOT NULL,
    date           date        NOT NULL,
    first_position bigint      NOT NULL,
    first_at       timestamptz NOT NULL,
    last_at        timestamptz NOT NULL,
    credits        numeric(38) NOT NULL CHECK (credits >= 0),
    debits         numeric(38) NOT NULL CHECK (debits >= 0),
    entry_count    bigint      NOT NULL CHECK (entry_count > 0),
    PRIMARY KEY (merchant_id, currency, posted_on, slot, last_position, date)
);
COMMENT ON TABLE posting_block IS 'Sums of entry by blocks of positions, days of posting (UTC) and business dates.';
COMMENT ON COLUMN posting_block.first_at IS 'When the first entry of the whole block was recorded, whatever its dates and currency are.';
COMMENT ON COLUMN posting_block.last_at IS 'When the last entry of the whole block was recorded.';

INSERT INTO posting_block
SELECT
    merchant_id, currency, (recorded_at AT TIME ZONE 'UTC')::date, slot, last_position, date, first_position, first_at, last_at,
    coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0),
    coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0),
    count(*)
FROM (
    SELECT
        merchant_id, currency, recorded_at, slot, date, type, amount_minor,
        min(position) OVER block AS first_position, max(position) OVER block AS last_position,
        min(recorded_at) OVER block AS first_at, max(recorded_at) OVER block AS last_at
    FROM (
        SELECT
            merchant_id, currency, recorded_at, slot, position, date, type, amount_minor,
            -- Entries of one position have one rank, so no block ends among them.
            (rank() OVER (PARTITION BY merchant_id, slot ORDER BY position) - 1) / 1024 AS block
        FROM entry
    ) AS numbered
    WINDOW block AS (PARTITION BY merchant_id, slot, block)
) AS blocks
GROUP BY merchant_id, currency, (recorded_at AT TIME ZONE 'UTC')::date, slot, last_position, date, first_position, first_at, last_at;

-- ---- Seals ----------------------------------------------------------------------------------------------------------

-- What a seal covers: the entries of its day up to a position in each slot, 0 to 7.
-- Of a seal from before, those of its day that its snapshot sees; a later entry's position is above them in any case.
ALTER TABLE day_seal ADD COLUMN positions bigint[];
ALTER TABLE day_seal DISABLE TRIGGER day_seal_is_append_only;
UPDATE day_seal SET positions = covered.positions
FROM (
    SELECT seal.merchant_id, seal.currency, seal.date, seal.number, array_agg(of_slot.position ORDER BY of_slot.slot) AS positions
    FROM day_seal AS seal
    CROSS JOIN LATERAL (
        SELECT slots.slot, coalesce(max(entry.position), 0) AS position
        FROM generate_series(0, 7) AS slots (slot)
        LEFT JOIN entry
            ON entry.merchant_id = seal.merchant_id AND entry.currency = seal.currency AND entry.date = seal.date
                AND entry.slot = slots.slot AND pg_visible_in_snapshot(entry.posted_xid, seal.snapshot)
        GROUP BY slots.slot
    ) AS of_slot
    GROUP BY seal.merchant_id, seal.currency, seal.date, seal.number
) AS covered
WHERE (day_seal.merchant_id, day_seal.currency, day_seal.date, day_seal.number)
    = (covered.merchant_id, covered.currency, covered.date, covered.number);
ALTER TABLE day_seal ENABLE TRIGGER day_seal_is_append_only;
ALTER TABLE day_seal ALTER COLUMN positions SET NOT NULL, ADD CHECK (array_ndims(positions) = 1 AND cardinality(positions) = 8);
ALTER TABLE day_seal ALTER COLUMN snapshot SET DEFAULT pg_current_snapshot();
COMMENT ON TABLE day_seal IS 'Append-only. What a day was when it was sealed; it covers the entries up to its positions.';
COMMENT ON COLUMN day_seal.snapshot IS 'For functions of the release before, and means nothing to others: goes with the next.';

-- The first seal that covers an entry is one look into this key, however many there are.
CREATE TABLE seal_coverage (
    merchant_id   text COLLATE "C" NOT NULL,
    currency      text COLLATE "C" NOT NULL,
    date          date        NOT NULL,
    slot          smallint    NOT NULL,
    position      bigint      NOT NULL,
    number        integer     NOT NULL,
    PRIMARY KEY (merchant_id, currency, date, slot, position)
);
COMMENT ON TABLE seal_coverage IS 'Append-only. Of each seal, the slots in which it covers more than the seals before it, and up to where.';
CREATE TRIGGER seal_coverage_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seal_coverage
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

INSERT INTO seal_coverage (merchant_id, currency, date, slot, position, number)
SELECT merchant_id, currency, date, slot, position, number
FROM (
    SELECT
        seal.merchant_id, seal.currency, seal.date, covered.ordinal - 1 AS slot, covered.position, seal.number,
        coalesce(max(covered.position) OVER earlier, 0) AS position_before
    FROM day_seal AS seal
    CROSS JOIN LATERAL unnest(seal.positions) WITH ORDINALITY AS covered (position, ordinal)
    WINDOW earlier AS (
        PARTITION BY seal.merchant_id, seal.currency, seal.date, covered.ordinal ORDER BY seal.number
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
) AS advanced
WHERE position > position_before;

-- Whoever makes a seal, this goes with it.
CREATE FUNCTION note_coverage() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO seal_coverage (merchant_id, currency, date, slot, position, number)
    SELECT NEW.merchant_id, NEW.currency, NEW.date, covered.ordinal - 1, covered.position, NEW.number
    FROM unnest(NEW.positions) WITH ORDINALITY AS covered (position, ordinal)
    WHERE covered.position > 0 AND NOT EXISTS (
        SELECT FROM seal_coverage AS before
        WHERE before.merchant_id = NEW.merchant_id AND before.currency = NEW.currency AND before.date = NEW.date
            AND before.slot = covered.ordinal - 1 AND before.position >= covered.position
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER seal_notes_what_it_covers AFTER INSERT ON day_seal FOR EACH ROW EXECUTE FUNCTION note_coverage();

-- ---- What is shown of an entry --------------------------------------------------------------------------------------

-- Each seal of a day covers what the one before covered, and more. An entry of a sealed day that none covers is late.
-- Each answer is one look into an index: with LIMIT, PostgreSQL cannot make a scan of a whole table of it.
CREATE VIEW posted_entry AS
SELECT
    entry.*,
    (SELECT reversal.id FROM entry AS reversal WHERE reversal.merchant_id = entry.merchant_id AND reversal.reverses = entry.id) AS reversed_by,
    first_covering.number AS seal,
    first_covering.number IS NULL AND sealed.is_sealed IS NOT NULL AS late
FROM entry
LEFT JOIN LATERAL (
    SELECT coverage.number
    FROM seal_coverage AS coverage
    WHERE coverage.merchant_id = entry.merchant_id AND coverage.currency = entry.currency AND coverage.date = entry.date
        AND coverage.slot = entry.slot AND coverage.position >= entry.position
    ORDER BY coverage.position
    LIMIT 1
) AS first_covering ON true
LEFT JOIN LATERAL (
    SELECT true AS is_sealed
    FROM day_seal
    WHERE day_seal.merchant_id = entry.merchant_id AND day_seal.currency = entry.currency AND day_seal.date = entry.date
    LIMIT 1
) AS sealed ON true;

-- ---- Used keys ------------------------------------------------------------------------------------------------------

-- A key is used by an overtaken reversal as by an entry, and other payloads under it are conflicts as well.
ALTER TABLE entry_conflict DROP CONSTRAINT entry_conflict_merchant_id_id_fkey;
ALTER TABLE entry_conflict ADD CHECK (merchant_id ~ '^[!-~]{1,64}$');
CREATE FUNCTION check_conflict() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM entry WHERE merchant_id = NEW.merchant_id AND id = NEW.id)
        AND NOT EXISTS (SELECT FROM overtaken_reversal WHERE merchant_id = NEW.merchant_id AND id = NEW.id)
    THEN
        RAISE EXCEPTION 'a conflict needs what it conflicts with' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER conflict_is_with_something BEFORE INSERT ON entry_conflict FOR EACH ROW EXECUTE FUNCTION check_conflict();

REVOKE ALL ON FUNCTION note_coverage(), check_conflict() FROM PUBLIC;
