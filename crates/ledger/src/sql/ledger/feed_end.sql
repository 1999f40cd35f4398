-- Where a reader begins who wants nothing of what has happened by now: after the newest event, and beyond what is visible and not
-- in the feed yet.
CREATE OR REPLACE FUNCTION ledger.feed_end(merchant_id text)
RETURNS TABLE (sequence bigint, positions bigint[], noted bigint)
LANGUAGE sql STABLE SECURITY DEFINER
BEGIN ATOMIC
SELECT
    coalesce((SELECT last_event FROM feed_cut WHERE merchant_id = $1 ORDER BY last_event DESC LIMIT 1), 0),
    ARRAY(
        SELECT coalesce(counter.position, 0)
        FROM generate_series(0, 7) AS slots (slot)
        LEFT JOIN posting_position AS counter ON counter.merchant_id = $1 AND counter.slot = slots.slot
        ORDER BY slots.slot
    ),
    coalesce((SELECT position FROM event_counter WHERE merchant_id = $1), 0);
END
