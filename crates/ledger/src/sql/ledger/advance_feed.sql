-- Cuts the feed off behind what is visible, at most some entries further, and derives events from what lies between. Whether more
-- was left, or somebody else is at it, is the answer.
--
-- Under the merchant's lock for the feed, which nobody waits for here. After the lock, what is visible is read in one statement:
-- all that lies up to there is visible to the statements that follow, and stays as it is (docs/adr/0023). Nothing is read or
-- locked that posting waits for.
--
-- If not all is taken, it is what comes first by time. Within a slot the greatest time so far counts, so that what is taken begins
-- each slot, whatever its clock did; and a batch is never parted.
--
-- Plans are kept, and each range is one of an index, whatever the planner thinks of the tables' sizes (docs/adr/0017).
CREATE OR REPLACE FUNCTION ledger.advance_feed(merchant_id text, today text, time_zone text, entries_max integer)
RETURNS TABLE (is_behind boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    business_day date := today::date;
    is_locked boolean := false;
    cut_last_event bigint;
    cut_positions bigint[];
    cut_noted bigint;
    visible_positions bigint[];
    visible_noted bigint;
    has_day_begun boolean;
    candidate_count bigint;
    next_positions bigint[];
    next_noted bigint;
    member_count bigint;
    derived_count bigint;
    alert_count bigint;
BEGIN
LOOP
    SELECT last_event, positions, noted INTO cut_last_event, cut_positions, cut_noted
    FROM feed_cut
    WHERE merchant_id = $1
    ORDER BY last_event DESC
    LIMIT 1;
    IF NOT FOUND THEN
        cut_last_event := 0;
        cut_positions := array_fill(0::bigint, ARRAY[8]);
        cut_noted := 0;
    END IF;
    SELECT
        ARRAY(
            SELECT coalesce(counter.position, 0)
            FROM generate_series(0, 7) AS slots (slot)
            LEFT JOIN posting_position AS counter ON counter.merchant_id = $1 AND counter.slot = slots.slot
            ORDER BY slots.slot
        ),
        coalesce((SELECT position FROM event_counter WHERE merchant_id = $1), 0),
        EXISTS (SELECT FROM watched_balance WHERE merchant_id = $1 AND day < business_day)
    INTO visible_positions, visible_noted, has_day_begun;
    IF visible_positions = cut_positions AND visible_noted = cut_noted AND NOT has_day_begun THEN
        RETURN QUERY SELECT false;
        RETURN;
    END IF;
    -- Once without the lock, because there is seldom anything new; then again under it, because it may be somebody else's by then.
    EXIT WHEN is_locked;
    is_locked := pg_try_advisory_xact_lock(hashtextextended('feed ' || $1, 0));
    IF is_locked IS NOT TRUE THEN
        RETURN QUERY SELECT true WHERE $1 <> '';
        RETURN;
    END IF;
END LOOP;

WITH candidate AS MATERIALIZED (
    SELECT span.ordinal, next.position, max(next.recorded_at) OVER (PARTITION BY span.ordinal ORDER BY next.position) AS at
    FROM unnest(cut_positions, visible_positions) WITH ORDINALITY AS span (cut_until, visible_until, ordinal)
    CROSS JOIN LATERAL (
        SELECT position, recorded_at
        FROM entry
        WHERE merchant_id = $1 AND slot = span.ordinal - 1 AND position > span.cut_until AND position <= span.visible_until
        ORDER BY merchant_id, slot, position
        LIMIT entries_max + 1
    ) AS next
    WHERE span.visible_until > span.cut_until
    UNION ALL
    SELECT 9, next.position, max(next.recorded_at) OVER (ORDER BY next.position)
    FROM (
        SELECT position, recorded_at
        FROM feed_event
        WHERE merchant_id = $1 AND position > cut_noted AND position <= visible_noted
        ORDER BY merchant_id, position
        LIMIT entries_max + 1
    ) AS next
), taken AS MATERIALIZED (
    SELECT ordinal, max(position) AS position
    FROM (SELECT ordinal, position FROM candidate ORDER BY at, ordinal, position LIMIT entries_max) AS first
    GROUP BY ordinal
)
SELECT
    (SELECT count(*) FROM candidate),
    ARRAY(
        SELECT coalesce(taken.position, span.cut_until)
        FROM unnest(cut_positions) WITH ORDINALITY AS span (cut_until, ordinal)
        LEFT JOIN taken USING (ordinal)
        ORDER BY span.ordinal
    ),
    coalesce((SELECT position FROM taken WHERE ordinal = 9), cut_noted)
INTO candidate_count, next_positions, next_noted;
IF candidate_count <= entries_max THEN
    next_positions := visible_positions;
    next_noted := visible_noted;
END IF;

WITH member AS MATERIALIZED (
    SELECT posted.*, posted.position > coalesce(start.positions[span.ordinal], 0) AS is_derived_from
    FROM unnest(cut_positions, next_positions) WITH ORDINALITY AS span (cut_until, next_until, ordinal)
    LEFT JOIN feed_start AS start ON start.merchant_id = $1
    CROSS JOIN LATERAL (
        SELECT id, currency, date, slot, position, recorded_at
        FROM entry
        WHERE merchant_id = $1 AND slot = span.ordinal - 1 AND position > span.cut_until AND position <= span.next_until
        ORDER BY merchant_id, slot, position
        OFFSET 0
    ) AS posted
    WHERE span.next_until > span.cut_until
), counted AS MATERIALIZED (
    SELECT
        (SELECT count(*) FROM member)
        + (
            SELECT count(*)
            FROM (
                SELECT FROM feed_event
                WHERE merchant_id = $1 AND position > cut_noted AND position <= next_noted
                ORDER BY merchant_id, position
                OFFSET 0
            ) AS noted
        ) AS members
), restated AS (
    SELECT
        'day.restated' AS type, member.id::text AS about, member.recorded_at,
        jsonb_build_object(
            'currency', member.currency, 'date', to_char(member.date, 'YYYY-MM-DD'), 'entry_id', member.id, 'seal', seal.number
        ) AS data,
        row_number() OVER (ORDER BY member.recorded_at, member.slot, member.position, member.id) AS ordinal
    FROM member
    LEFT JOIN LATERAL (
        SELECT coverage.number
        FROM seal_coverage AS coverage
        WHERE coverage.merchant_id = $1 AND coverage.currency = member.currency AND coverage.date = member.date
            AND coverage.slot = member.slot AND coverage.position >= member.position
        ORDER BY coverage.position
        LIMIT 1
    ) AS covering ON true
    LEFT JOIN LATERAL (
        SELECT day_seal.number
        FROM day_seal
        WHERE day_seal.merchant_id = $1 AND day_seal.currency = member.currency AND day_seal.date = member.date
        ORDER BY day_seal.number DESC
        LIMIT 1
    ) AS newest ON true
    CROSS JOIN LATERAL (SELECT coalesce(covering.number - 1, newest.number) AS number) AS seal
    WHERE member.is_derived_from AND seal.number > 0
), changed AS (
    SELECT
        'day.balance_changed' AS type,
        concat_ws(' ', day.currency, to_char(day.date, 'YYYY-MM-DD'), ledger_epoch.epoch, total.entry_count) AS about,
        clock_timestamp() AS recorded_at,
        jsonb_build_object(
            'currency', day.currency, 'date', to_char(day.date, 'YYYY-MM-DD'), 'credits', total.credits::text,
            'debits', total.debits::text, 'entry_count', total.entry_count, 'epoch', ledger_epoch.epoch
        ) AS data,
        row_number() OVER (ORDER BY day.currency, day.date) AS ordinal
    FROM (SELECT DISTINCT currency, date FROM member WHERE is_derived_from) AS day
    CROSS JOIN ledger_epoch
    CROSS JOIN LATERAL (
        SELECT sum(total.credits) AS credits, sum(total.debits) AS debits, sum(total.entry_count)::bigint AS entry_count
        FROM daily_total AS total
        WHERE total.merchant_id = $1 AND total.currency = day.currency AND total.date >= day.date AND total.date <= day.date
        HAVING count(*) > 0
    ) AS total
), derived AS MATERIALIZED (
    SELECT event_id($1, event.type, event.about) AS id, event.*
    FROM (
        SELECT 1 AS kind, restated.* FROM restated
        UNION ALL
        SELECT 2, changed.* FROM changed
    ) AS event
), inserted AS (
    INSERT INTO feed_event (merchant_id, id, type, sequence, recorded_at, data)
    SELECT
        $1, derived.id, derived.type, cut_last_event + counted.members + row_number() OVER (ORDER BY derived.kind, derived.ordinal),
        derived.recorded_at, derived.data
    FROM derived, counted
    -- Totals that were told already. Nobody else derives events meanwhile. With LIMIT, it is a look into an index for each.
    WHERE (SELECT true FROM feed_event AS told WHERE told.merchant_id = $1 AND told.id = derived.id LIMIT 1) IS NULL
    RETURNING 1
)
SELECT counted.members, (SELECT count(*) FROM inserted) INTO member_count, derived_count FROM counted;

alert_count := cross_alerts(
    $1, cut_positions, next_positions, CASE WHEN candidate_count <= entries_max THEN business_day END, $3,
    cut_last_event + member_count + derived_count
);
IF member_count + derived_count + alert_count > 0 THEN
    INSERT INTO feed_cut (merchant_id, last_event, positions, noted)
    VALUES ($1, cut_last_event + member_count + derived_count + alert_count, next_positions, next_noted);
END IF;
RETURN QUERY SELECT candidate_count > entries_max;
END
$$;
