-- What apply-to-ledger sends for one entry: the two functions that it calls, each in a transaction of its own, in one round trip.
-- For pgbench a round trip is one transaction, unless COMMIT ends it in between: it warns that none was begun, and the next
-- statement begins another. The values are drawn by pgbench; what is made of them here costs PostgreSQL a few microseconds.
\set number random(1, 9000000000000000000)
\set merchant random(:first_merchant, :last_merchant)
\set day random(:first_day, :last_day)
\set minor random(1, 1000000)
\set credit random(0, 1)
\startpipeline
SELECT * FROM ledger.post(:merchant, ARRAY[md5(:number)::uuid], ARRAY['\x16d8d9c4591d57a214f053252a13823c02d0f8fa7704e1025c2a1ebaa5d93d58'::bytea], ARRAY[CASE WHEN :credit = 1 THEN 'credit' ELSE 'debit' END], ARRAY[:minor]::bigint[], ARRAY['BRL'], ARRAY['2026-11-' || :day], ARRAY['Venda no cartão'], ARRAY['vendas'], ARRAY[NULL]::uuid[], NULL);
\if :commit_between
COMMIT;
\endif
SELECT * FROM ledger.period_totals(:merchant, ARRAY['BRL'], ARRAY['2026-11-' || :day]);
\endpipeline
