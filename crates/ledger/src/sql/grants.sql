-- Who may call what. PostgreSQL lets everybody call a new function; these lines run in the transaction that made them.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger, ledger_lookup, ledger_maintenance FROM PUBLIC;
REVOKE ALL ON FUNCTION public.count_waits() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.cross_alerts(text, bigint[], bigint[], date, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO ledger_writer, ledger_maintainer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger_lookup TO ledger_lookup, ledger_writer, ledger_maintainer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger_maintenance TO ledger_maintainer;

-- Each of these works as it did, for what still runs the release before while a stack is deployed.
COMMENT ON FUNCTION ledger.conflicts(text, uuid) IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger.cursor_key(text) IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger.keep_conflicts(text, uuid[], bytea[], text[], bigint[], text[], text[], text[], text[], uuid[])
    IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger.keep_overtaken(text, uuid[], bytea[], text[], bigint[], text[], text[], text[], text[], uuid[])
    IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger.overtaken(text, uuid) IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger.seal(text, text, text) IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger.seals(text, text, text, bigint) IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger.statement(text, text, text, text, text, text, text, text, uuid, bigint)
    IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger.stored(text, uuid[], uuid[]) IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger_maintenance.months_recorded_between(text, text) IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger_maintenance.reconciled_until() IS 'For functions of the release before; goes with the next.';
COMMENT ON FUNCTION ledger_maintenance.unsealed(text, text, text, bigint) IS 'For functions of the release before; goes with the next.';
