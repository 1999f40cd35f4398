-- Whether nothing can be posted any more with a time up to the given one. An entry's time is that of the start of its
-- transaction. The ledger's own transactions end within 10 s; should one not have ended, it is seen here, because it began
-- long before this statement. A role sees the transactions of its own sessions, and all functions are one role.
SELECT
    $1::text::timestamptz <= clock_timestamp() - INTERVAL '10 seconds'
        AND NOT EXISTS (
            SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= $1::text::timestamptz
        ) AS settled,
    greatest(1, ceil(extract(epoch FROM $1::text::timestamptz + INTERVAL '10 seconds' - clock_timestamp())))::bigint AS retry_after_s
