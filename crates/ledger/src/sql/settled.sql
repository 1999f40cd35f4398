-- Whether nothing can be posted any more with a time up to the given one. Who writes an entry locks the table before the
-- entry gets its time, and holds the lock until its transaction ends. So an entry of that moment is committed by now, or its
-- transaction is among those that hold the lock (or wait for it) and that began by then. The ten seconds are far more than
-- lies between the start of a statement and its lock.
-- A role sees when the transactions of its own sessions began, and all who post entries are one role. Of anybody else who is
-- writing entries, and of prepared transactions, nothing is known: they count as old.
SELECT
    $1::text::timestamptz <= clock_timestamp() - INTERVAL '10 seconds'
        AND NOT EXISTS (
            SELECT FROM pg_locks AS held
            LEFT JOIN pg_stat_activity AS session ON session.pid = held.pid
            WHERE held.locktype = 'relation'
                AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND held.relation = 'entry'::regclass
                AND held.mode = 'RowExclusiveLock'
                AND held.pid IS DISTINCT FROM pg_backend_pid()
                AND (held.pid IS NULL OR session.query = '<insufficient privilege>' OR session.xact_start <= $1::text::timestamptz)
        ) AS settled,
    greatest(1, ceil(extract(epoch FROM $1::text::timestamptz + INTERVAL '10 seconds' - clock_timestamp())))::bigint AS retry_after_s
