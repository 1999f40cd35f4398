-- Of another epoch is another key: a snapshot taken before a restore says nothing after it.
SELECT sha512(key || int4send(epoch)) AS key FROM cursor_key, ledger_epoch
