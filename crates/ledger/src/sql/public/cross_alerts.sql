-- Takes the watched balances of a merchant over the entries between two cuts, one by one in the feed's order, and appends an event
-- for each crossing of a threshold, after event `sequence`. Answers how many. Who calls it holds the lock for the feed.
--
-- A balance is of the entries dated up to a business day: that of the newest entry so far, by its time. When a day begins, what is
-- dated on it begins to count, day by day, before anything else of that day. At the end it is today, if that is given.
CREATE OR REPLACE FUNCTION public.cross_alerts(
    merchant_id text, cut_positions bigint[], next_positions bigint[], today date, time_zone text, sequence bigint
)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    watched record;
    watched_day date;
    watched_net numeric;
    alert_ids uuid[];
    directions text[];
    thresholds numeric[];
    are_triggered boolean[];
    step record;
    beginning record;
    is_of_step boolean;
    crossed_at timestamptz;
    crossing_entry uuid;
    event_type text;
    crossing_count bigint := 0;
BEGIN
FOR watched IN SELECT * FROM watched_balance WHERE merchant_id = $1 ORDER BY currency LOOP
    watched_day := watched.day;
    watched_net := watched.balance;
    SELECT
        array_agg(id ORDER BY direction), array_agg(direction ORDER BY direction), array_agg(threshold ORDER BY direction),
        array_agg(is_triggered ORDER BY direction)
    INTO alert_ids, directions, thresholds, are_triggered
    FROM balance_alert
    WHERE merchant_id = $1 AND currency = watched.currency;
    FOR step IN
        SELECT posted.*, (posted.recorded_at AT TIME ZONE time_zone)::date AS day
        FROM unnest(cut_positions, next_positions, watched.positions) WITH ORDINALITY AS span (cut_until, next_until, counted_until, ordinal)
        CROSS JOIN LATERAL (
            SELECT
                id, date, CASE type WHEN 'credit' THEN amount_minor ELSE -amount_minor END AS net, recorded_at, slot, position
            FROM entry
            WHERE merchant_id = $1 AND slot = span.ordinal - 1
                AND position > greatest(span.cut_until, span.counted_until) AND position <= span.next_until
                AND currency = watched.currency
            ORDER BY merchant_id, slot, position
            OFFSET 0
        ) AS posted
        WHERE span.next_until > span.cut_until
        UNION ALL
        SELECT NULL, NULL, NULL, 'infinity', NULL, NULL, $4 WHERE $4 IS NOT NULL
        ORDER BY recorded_at, slot, position, id
    LOOP
        LOOP
            is_of_step := true;
            IF step.day > watched_day THEN
                DELETE FROM watched_future AS future
                WHERE future.merchant_id = $1 AND future.currency = watched.currency AND future.date = (
                    SELECT date FROM watched_future
                    WHERE merchant_id = $1 AND currency = watched.currency AND date <= step.day
                    ORDER BY date
                    LIMIT 1
                )
                RETURNING future.date, future.net INTO beginning;
                is_of_step := NOT FOUND;
            END IF;
            IF is_of_step THEN
                watched_day := greatest(watched_day, step.day);
                IF step.date <= watched_day THEN
                    watched_net := watched_net + step.net;
                ELSIF step.date IS NOT NULL THEN
                    INSERT INTO watched_future AS future (merchant_id, currency, date, net)
                    VALUES ($1, watched.currency, step.date, step.net)
                    ON CONFLICT (merchant_id, currency, date) DO UPDATE SET net = future.net + excluded.net;
                END IF;
                crossed_at := step.recorded_at;
                crossing_entry := step.id;
            ELSE
                watched_day := beginning.date;
                watched_net := watched_net + beginning.net;
                crossed_at := beginning.date::timestamp AT TIME ZONE time_zone;
                crossing_entry := NULL;
            END IF;

            FOR index IN 1 .. coalesce(cardinality(alert_ids), 0) LOOP
                CONTINUE WHEN are_triggered[index] = CASE directions[index]
                    WHEN 'below' THEN watched_net < thresholds[index]
                    ELSE watched_net > thresholds[index]
                END;
                are_triggered[index] := NOT are_triggered[index];
                crossing_count := crossing_count + 1;
                event_type := CASE WHEN are_triggered[index] THEN 'balance.alert.triggered' ELSE 'balance.alert.resolved' END;
                INSERT INTO feed_event (merchant_id, id, type, sequence, recorded_at, data)
                VALUES (
                    $1,
                    event_id($1, event_type, alert_ids[index] || ' ' || coalesce(crossing_entry::text, to_char(watched_day, 'YYYY-MM-DD'))),
                    event_type,
                    $6 + crossing_count,
                    crossed_at,
                    jsonb_build_object(
                        'alert_id', alert_ids[index], 'currency', watched.currency, 'direction', directions[index],
                        'threshold', thresholds[index]::text, 'balance', watched_net::text,
                        'date', to_char(watched_day, 'YYYY-MM-DD'), 'entry_id', crossing_entry
                    )
                );
            END LOOP;
            EXIT WHEN is_of_step;
        END LOOP;
    END LOOP;
    UPDATE watched_balance AS known SET day = watched_day, balance = watched_net
    WHERE known.merchant_id = $1 AND known.currency = watched.currency
        AND (known.day, known.balance) IS DISTINCT FROM (watched_day, watched_net);
    UPDATE balance_alert AS known SET is_triggered = now_is.is_triggered
    FROM unnest(directions, are_triggered) AS now_is (direction, is_triggered)
    WHERE known.merchant_id = $1 AND known.currency = watched.currency AND known.direction = now_is.direction
        AND known.is_triggered <> now_is.is_triggered;
END LOOP;
RETURN crossing_count;
END
$$;
