-- Batches as arrays, uncompressed, so that reading one is a copy.
CREATE TABLE prepared_batch (
    number        bigint      PRIMARY KEY,
    merchant_id   text        NOT NULL,
    ids           uuid[]      NOT NULL,
    fingerprints  bytea[]     NOT NULL,
    types         text[]      NOT NULL,
    amounts_minor bigint[]    NOT NULL,
    currencies    text[]      NOT NULL,
    dates         text[]      NOT NULL,
    descriptions  text[]      NOT NULL,
    categories    text[]      NOT NULL,
    originals     uuid[]      NOT NULL,
    total_currencies text[]   NOT NULL,
    total_days    text[]      NOT NULL
);
ALTER TABLE prepared_batch
    ALTER COLUMN ids SET STORAGE EXTERNAL,
    ALTER COLUMN fingerprints SET STORAGE EXTERNAL,
    ALTER COLUMN types SET STORAGE EXTERNAL,
    ALTER COLUMN amounts_minor SET STORAGE EXTERNAL,
    ALTER COLUMN currencies SET STORAGE EXTERNAL,
    ALTER COLUMN dates SET STORAGE EXTERNAL,
    ALTER COLUMN descriptions SET STORAGE EXTERNAL,
    ALTER COLUMN categories SET STORAGE EXTERNAL,
    ALTER COLUMN originals SET STORAGE EXTERNAL;
