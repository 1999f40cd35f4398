-- Gives a place to wait back, if nobody else has taken it since its time was over.
CREATE OR REPLACE FUNCTION ledger.release_wait(merchant_id text, holder uuid)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
DELETE FROM feed_wait AS taken WHERE taken.merchant_id = $1 AND taken.holder = $2;
END
