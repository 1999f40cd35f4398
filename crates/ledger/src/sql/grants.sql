-- Who may call what. PostgreSQL lets everybody call a new function; these lines run in the transaction that made them.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger, ledger_lookup, ledger_maintenance FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO ledger_writer, ledger_maintainer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger_lookup TO ledger_lookup, ledger_writer, ledger_maintainer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger_maintenance TO ledger_maintainer;
