-- What apply-to-ledger sends for a batch, each statement in a transaction of its own as in post-one.sql. The batches lie in a table,
-- because pgbench cannot send arrays that change: reading them there costs less than receiving them would.
\set number :turn * :clients + :client_id
\set turn :turn + 1
\startpipeline
SELECT posted.* FROM prepared_batch AS batch, ledger.post(batch.merchant_id, batch.ids, batch.fingerprints, batch.types, batch.amounts_minor, batch.currencies, batch.dates, batch.descriptions, batch.categories, batch.originals, NULL) AS posted WHERE batch.number = :number;
COMMIT;
SELECT totals.* FROM prepared_batch AS batch, ledger.period_totals(batch.merchant_id, batch.total_currencies, batch.total_days) AS totals WHERE batch.number = :number;
\endpipeline
