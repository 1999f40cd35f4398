SELECT
    (extract(epoch FROM reconciled_until) * 1000000)::bigint AS reconciled_until_us,
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint AS now_us
FROM reconciliation
