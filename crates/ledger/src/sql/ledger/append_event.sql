-- Notes that a webhook endpoint was switched off. What it is about makes the event's name: the same again changes nothing.
CREATE OR REPLACE FUNCTION ledger.append_event(merchant_id text, about uuid, endpoint_id uuid, url text, reason text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
BEGIN ATOMIC
INSERT INTO feed_event (merchant_id, id, type, position, recorded_at, data)
SELECT
    $1, event_id($1, 'webhook_endpoint.disabled', $2::text), 'webhook_endpoint.disabled', raise_event_counter($1, 1), clock_timestamp(),
    jsonb_build_object('endpoint_id', $3, 'url', $4, 'reason', $5)
ON CONFLICT (merchant_id, id) DO NOTHING;
END
