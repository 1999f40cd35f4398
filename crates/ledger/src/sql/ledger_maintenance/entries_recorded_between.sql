-- How many entries were recorded in a window of time, counted up to a number. It costs no more than that number of rows and
-- the summary of the table by time, which is its only way in: where the rows of a window lie is nothing that the planner's
-- statistics tell, and a walk through a large table would never end in time.
CREATE OR REPLACE FUNCTION ledger_maintenance.entries_recorded_between(since text, until text, entries_max bigint)
RETURNS TABLE (entry_count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET enable_seqscan = off
BEGIN ATOMIC
SELECT count(*)
FROM (
    SELECT FROM entry
    WHERE recorded_at >= $1::text::timestamptz AND recorded_at < $2::text::timestamptz
    LIMIT $3
) AS counted;
END
