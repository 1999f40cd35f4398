-- How many requests wait for events of their merchants at this moment, whoever they are from.
CREATE OR REPLACE FUNCTION public.count_waits()
RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
SELECT count(*) FROM feed_wait AS taken WHERE taken.ends_at > clock_timestamp();
END
