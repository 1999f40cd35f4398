-- What reading the batches from their table costs: the same reads without the ledger.
\set number (:turn * :clients + :client_id) % :batches
\set turn :turn + 1
\startpipeline
SELECT cardinality(ids) + cardinality(fingerprints) + cardinality(types) + cardinality(amounts_minor) + cardinality(currencies) + cardinality(dates) + cardinality(descriptions) + cardinality(categories) + cardinality(originals) FROM prepared_batch WHERE number = :number;
SELECT cardinality(total_currencies) + cardinality(total_days) FROM prepared_batch WHERE number = :number;
\endpipeline
