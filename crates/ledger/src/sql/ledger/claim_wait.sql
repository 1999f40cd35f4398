-- Takes one of the two places to wait for a merchant's events. No row: both are taken, or so many wait already, whoever they are from.
-- Of those that ask at the same moment some more may be let in.
CREATE OR REPLACE FUNCTION ledger.claim_wait(merchant_id text, wait_seconds integer, waiting_max integer)
RETURNS TABLE (holder uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    claim uuid;
BEGIN
IF public.count_waits() >= waiting_max THEN
    RETURN;
END IF;
FOR wanted IN 1 .. 2 LOOP
    INSERT INTO feed_wait AS taken (merchant_id, place, holder, ends_at)
    VALUES ($1, wanted, gen_random_uuid(), clock_timestamp() + make_interval(secs => wait_seconds))
    ON CONFLICT (merchant_id, place) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
    WHERE taken.ends_at < clock_timestamp()
    RETURNING taken.holder INTO claim;
    IF FOUND THEN
        RETURN QUERY SELECT claim;
        RETURN;
    END IF;
END LOOP;
END
$$;
