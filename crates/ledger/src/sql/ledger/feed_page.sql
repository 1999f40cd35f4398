-- The events after number `after`, of these types or of all, as far as the feed is cut. The first row says up to which number
-- was looked and how far the feed goes; each further row is an event.
--
-- Passed over is also what lies up to the given positions, and what was derived when the feed was cut there or before.
--
-- All statements see the snapshot of the caller's. Plans are kept, and each step is a look into an index or a short range of one,
-- whatever the planner thinks of the tables' sizes (docs/adr/0017): no more is read than the cuts that a page touches.
CREATE OR REPLACE FUNCTION ledger.feed_page(
    merchant_id text, after bigint, given_positions bigint[], given_noted bigint, wanted_types text[], scanned_max bigint, rows_max bigint
)
RETURNS TABLE (
    scanned_until bigint, newest bigint, is_ahead boolean,
    sequence bigint, event_type text, event_id uuid, event_at_us bigint, data text,
    id uuid, fingerprint bytea, type text, amount_minor bigint, currency text, date text, description text, category text,
    reverses uuid, recorded_at_us bigint,
    seal_number integer, seal_credits text, seal_debits text, seal_entry_count bigint, seal_sealed_at_us bigint,
    seal_epoch integer, seal_positions bigint[], seal_sha256 text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    passed bigint := after;
    last_cut bigint;
    first_beyond bigint;
    stop_at bigint;
    base_last_event bigint;
    base_positions bigint[];
    base_noted bigint;
BEGIN
newest := coalesce((SELECT last_event FROM feed_cut WHERE merchant_id = $1 ORDER BY last_event DESC LIMIT 1), 0);
is_ahead := after > newest
    OR given_noted > coalesce((SELECT position FROM event_counter WHERE merchant_id = $1), 0)
    OR EXISTS (
        SELECT FROM unnest(given_positions) WITH ORDINALITY AS given (position, ordinal)
        LEFT JOIN posting_position AS counter ON counter.merchant_id = $1 AND counter.slot = given.ordinal - 1
        WHERE given.position > coalesce(counter.position, 0)
    );
IF given_noted > 0 OR 0 < ANY (given_positions) THEN
    SELECT last_event INTO first_beyond
    FROM feed_cut
    WHERE merchant_id = $1 AND last_event > passed AND (
        noted > given_noted
        OR EXISTS (SELECT FROM unnest(positions, given_positions) AS pair (cut, given) WHERE pair.cut > pair.given)
    )
    ORDER BY last_event
    LIMIT 1;
    passed := greatest(passed, CASE
        WHEN first_beyond IS NULL THEN newest
        ELSE (SELECT last_event FROM feed_cut WHERE merchant_id = $1 AND last_event < first_beyond ORDER BY last_event DESC LIMIT 1)
    END);
END IF;
scanned_until := least(least(passed, newest) + scanned_max, newest);
RETURN NEXT;
IF is_ahead OR scanned_until <= passed THEN
    RETURN;
END IF;

SELECT last_event, positions, noted INTO base_last_event, base_positions, base_noted
FROM feed_cut
WHERE merchant_id = $1 AND last_event <= passed
ORDER BY last_event DESC
LIMIT 1;
IF NOT FOUND THEN
    base_last_event := 0;
    base_positions := array_fill(0::bigint, ARRAY[8]);
    base_noted := 0;
END IF;
stop_at := (SELECT last_event FROM feed_cut WHERE merchant_id = $1 AND last_event >= scanned_until ORDER BY last_event LIMIT 1);

RETURN QUERY
WITH cut AS MATERIALIZED (
    SELECT
        lag(last_event, 1, base_last_event) OVER in_order AS after_event,
        lag(positions, 1, base_positions) OVER in_order AS after_positions,
        lag(noted, 1, base_noted) OVER in_order AS after_noted,
        positions, noted
    FROM feed_cut
    WHERE merchant_id = $1 AND last_event > base_last_event AND last_event <= stop_at
    WINDOW in_order AS (ORDER BY last_event)
), member AS (
    SELECT
        cut.after_event, posted.recorded_at, posted.slot, posted.position, posted.id,
        posted.position > coalesce(given_positions[span.ordinal], 0) AS is_beyond
    FROM cut
    CROSS JOIN LATERAL unnest(cut.after_positions, cut.positions) WITH ORDINALITY AS span (after_position, until_position, ordinal)
    CROSS JOIN LATERAL (
        SELECT id, slot, position, recorded_at
        FROM entry
        WHERE merchant_id = $1 AND slot = span.ordinal - 1
            AND position > span.after_position AND position <= span.until_position
        ORDER BY merchant_id, slot, position
        OFFSET 0
    ) AS posted
    WHERE span.until_position > span.after_position
    UNION ALL
    SELECT cut.after_event, noted.recorded_at, 8::smallint, noted.position, noted.id, noted.position > given_noted
    FROM cut
    CROSS JOIN LATERAL (
        SELECT id, position, recorded_at
        FROM feed_event
        WHERE merchant_id = $1 AND position > cut.after_noted AND position <= cut.noted
        ORDER BY merchant_id, position
        OFFSET 0
    ) AS noted
    WHERE cut.noted > cut.after_noted
), numbered AS (
    SELECT
        member.after_event
            + row_number() OVER (
                PARTITION BY member.after_event ORDER BY member.recorded_at, member.slot, member.position, member.id
            ) AS sequence,
        member.slot, member.id, member.is_beyond
    FROM member
), event AS (
    SELECT numbered.sequence, 'entry.posted' AS type, NULL::uuid AS event_id, NULL::timestamptz AS recorded_at, NULL::jsonb AS data, numbered.id AS entry_id
    FROM numbered
    WHERE numbered.slot < 8 AND numbered.is_beyond AND numbered.sequence > passed AND numbered.sequence <= scanned_until
        AND ($5 IS NULL OR 'entry.posted' = ANY ($5))
    UNION ALL
    SELECT numbered.sequence, stored.type, stored.id, stored.recorded_at, stored.data, (stored.data ->> 'entry_id')::uuid
    FROM numbered
    CROSS JOIN LATERAL (
        SELECT * FROM feed_event
        WHERE feed_event.merchant_id = $1 AND feed_event.id >= numbered.id AND feed_event.id <= numbered.id
        ORDER BY feed_event.merchant_id, feed_event.id
        LIMIT 1
    ) AS stored
    WHERE numbered.slot = 8 AND numbered.is_beyond AND numbered.sequence > passed AND numbered.sequence <= scanned_until
        AND ($5 IS NULL OR stored.type = ANY ($5))
    UNION ALL
    SELECT derived.sequence, derived.type, derived.id, derived.recorded_at, derived.data, NULL
    FROM (
        SELECT * FROM feed_event
        WHERE feed_event.merchant_id = $1 AND feed_event.sequence > passed AND feed_event.sequence <= scanned_until
        ORDER BY feed_event.merchant_id, feed_event.sequence
        OFFSET 0
    ) AS derived
    WHERE $5 IS NULL OR derived.type = ANY ($5)
), page AS MATERIALIZED (
    SELECT * FROM event ORDER BY event.sequence LIMIT $7
)
SELECT
    scanned_until, newest, is_ahead,
    page.sequence, page.type, page.event_id,
    (extract(epoch FROM coalesce(page.recorded_at, about.recorded_at)) * 1000000)::bigint,
    page.data::text,
    about.id, about.fingerprint, about.type, about.amount_minor, about.currency, to_char(about.date, 'YYYY-MM-DD'),
    about.description, about.category, about.reverses, (extract(epoch FROM about.recorded_at) * 1000000)::bigint,
    seal.number, seal.credits::text, seal.debits::text, seal.entry_count, (extract(epoch FROM seal.sealed_at) * 1000000)::bigint,
    seal.epoch, seal.positions, encode(seal.sha256, 'hex')
FROM page
LEFT JOIN LATERAL (
    (
        SELECT
            posted.id, posted.fingerprint, posted.type, posted.amount_minor, posted.currency, posted.date, posted.description,
            posted.category, posted.reverses, posted.recorded_at
        FROM entry AS posted
        WHERE page.type = 'entry.posted'
            AND posted.merchant_id = $1 AND posted.id >= page.entry_id AND posted.id <= page.entry_id
        ORDER BY posted.merchant_id, posted.id
        LIMIT 1
    )
    UNION ALL
    (
        SELECT
            refused.id, refused.fingerprint, refused.type, refused.amount_minor, refused.currency, refused.date, refused.description,
            refused.category, refused.reverses, refused.recorded_at
        FROM entry_conflict AS refused
        WHERE page.type = 'entry.conflicted'
            AND refused.merchant_id = $1 AND refused.id >= page.entry_id AND refused.id <= page.entry_id
            AND refused.fingerprint = decode(page.data ->> 'fingerprint', 'hex')
        ORDER BY refused.merchant_id, refused.id, refused.fingerprint
        LIMIT 1
    )
    UNION ALL
    (
        SELECT
            refused.id, refused.fingerprint, refused.type, refused.amount_minor, refused.currency, refused.date, refused.description,
            refused.category, refused.reverses, refused.recorded_at
        FROM overtaken_reversal AS refused
        WHERE page.type = 'entry.reversal_overtaken'
            AND refused.merchant_id = $1 AND refused.id >= page.entry_id AND refused.id <= page.entry_id
            AND refused.fingerprint = decode(page.data ->> 'fingerprint', 'hex')
        ORDER BY refused.merchant_id, refused.id, refused.fingerprint
        LIMIT 1
    )
) AS about ON true
LEFT JOIN LATERAL (
    SELECT * FROM day_seal
    WHERE page.type = 'day.sealed'
        AND day_seal.merchant_id = $1 AND day_seal.currency = page.data ->> 'currency'
        AND day_seal.date = (page.data ->> 'date')::date AND day_seal.number = (page.data ->> 'number')::integer
    LIMIT 1
) AS seal ON true
ORDER BY page.sequence;
END
$$;
