-- Removes an alert, and with the last of its currency what was kept for it. Under the lock for the feed, as it is set.
CREATE OR REPLACE FUNCTION ledger.remove_alert(merchant_id text, alert_id uuid)
RETURNS TABLE (is_removed boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    of_currency text;
BEGIN
PERFORM pg_advisory_xact_lock(hashtextextended('feed ' || $1, 0));
DELETE FROM balance_alert WHERE merchant_id = $1 AND id = $2 RETURNING currency INTO of_currency;
IF of_currency IS NOT NULL
    AND NOT EXISTS (SELECT FROM balance_alert WHERE merchant_id = $1 AND currency = of_currency)
THEN
    DELETE FROM watched_balance WHERE merchant_id = $1 AND currency = of_currency;
    DELETE FROM watched_future WHERE merchant_id = $1 AND currency = of_currency;
END IF;
RETURN QUERY SELECT of_currency IS NOT NULL;
END
$$;
