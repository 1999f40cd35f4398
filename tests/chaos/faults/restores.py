"""What is in a store is not what was written to it: overwritten by hand, or restored to an earlier moment."""

from datetime import date
from typing import Any

from deployed.api import call

from chaos.fault import Scene, fault
from chaos.load import Sale
from chaos.proxy import Refuse
from chaos.system import System, wait

OVERWRITTEN = 5
# What a run of reconciliation counts. In flight: totals that lack an entry of the last minute, which it writes, too, but which
# may be nobody's fault.
DIFFERENT = ("missing", "behind", "wrong", "ahead", "in_flight")


@fault("balance-overwritten", f"{OVERWRITTEN} balances overwritten by hand, at the same version", rate=5, no_failed_post=True)
def balance_overwritten(scene: Scene) -> None:
    """No later write of that version would put them right: reconciliation does, and says so."""
    system, table = scene.system, scene.system.ids["balances_table"]
    # Nothing is posted to these days any more, and they are right.
    quiet = scene.quiet_items(OVERWRITTEN)
    for key in quiet:
        system.balances.update_item(
            TableName=table, Key=key, UpdateExpression="ADD credits :one", ExpressionAttributeValues={":one": {"N": "1"}}
        )
    report = reconcile(system)
    tell(scene, report)
    scene.check(report["wrong"] >= len(quiet), f"{len(quiet)} wrong totals to be found, not {report['wrong']}")
    scene.check(report["repaired"] >= len(quiet), f"{len(quiet)} totals to be repaired, not {report['repaired']}")


@fault("read-model-restored", "the read model restored to an earlier moment", rate=5, no_failed_post=True)
def read_model_restored(scene: Scene) -> None:
    """Totals are missing or lack entries, and no execution will bring them up: reconciliation does, and says so."""
    wait(5)
    scene.load.stop()
    scene.system.restore_balances(scene.earlier_balances)
    first = reconcile(scene.system)
    tell(scene, first)
    again = reconcile(scene.system)
    scene.check(sum(first[kind] for kind in DIFFERENT) > 0, "totals to be missing or to lack entries")
    scene.check(sum(again[kind] for kind in DIFFERENT) == 0, f"nothing to differ any more, not {again}")


@fault(
    "ledger-restored",
    "the ledger restored to an earlier moment, epoch and generation raised, what is lost repeated by clients or run again",
    rate=5,
)
def ledger_restored(scene: Scene) -> None:
    """By the runbook: epoch and generation first, then reconciliation, then the executions of the time that is lost, under other names.

    Before that, half of the clients repeat what they were answered 202 for, and are not told that it is known.
    """
    system = scene.system
    with system.ruled("POSTGRES", Refuse()):
        system.back_up_ledger()
    wait(8)
    with scene.load.quiet(), system.ruled("POSTGRES", Refuse()):
        system.restore_ledger()
        epoch = system.ledger_answer("UPDATE ledger_epoch SET epoch = epoch + 1 RETURNING epoch || '-' || left(ledger_id::text, 8)")
    scene.load.stop()
    names = [name for name in system.workflow.names() if name not in scene.known]
    with system.generation(epoch):
        report = reconcile(system)
        tell(scene, report)
        scene.check(sum(report[kind] for kind in DIFFERENT) > 0, "totals not to be the ledger's")
        repeats = [Sale(sale.merchant, sale.entries, sale.is_batch) for sale in scene.load.sales[::2]]
        attempts = [scene.load.post(repeat) for repeat in repeats]
        again = sum(not attempt.failed and not attempt.is_repeat for attempt in attempts)
        scene.check(again > 0, "lost requests to be accepted anew")
        scene.check(not any(attempt.failed for attempt in attempts), "every repeat to be accepted")
    for name in names:
        system.run_again(name)
    scene.note(f"{again} requests accepted anew, {len(names)} executions run again")


@fault("ledger-moved", "the ledger dumped and restored into another cluster, under load", rate=5, no_failed_post=True)
def ledger_moved(scene: Scene) -> None:
    """No counter of the cluster counts: a statement that was begun before goes on after, and seals cover what they covered."""
    system, merchant = scene.system, scene.merchants[0]
    token, today = scene.load.token(merchant), date.today().isoformat()
    wait(5)
    sealed = call(f"{system.url}/days/{today}/seal", "POST", token)
    first = call(f"{system.url}/entries?date={today}&limit=5", "GET", token)
    whole = call(f"{system.url}/entries?date={today}&limit=500", "GET", token)
    with system.ruled("POSTGRES", Refuse()):
        system.move_ledger()
    wait(5)
    rest = call(f"{system.url}/entries?date={today}&limit=500&cursor={first.body['next_cursor']}", "GET", token)
    ids = [entry["id"] for entry in first.body["entries"] + rest.body["entries"]]
    scene.check(ids[:5] == [entry["id"] for entry in whole.body["entries"]][:5], "a statement to begin as before")
    scene.check(len(ids) == len(set(ids)), "a statement to show nothing twice")
    after = call(f"{system.url}/entries?date={today}&limit=500", "GET", token)
    covered = sum(entry["seal"] == sealed.body["number"] for entry in after.body["entries"])
    scene.check(covered > 0 and covered <= sealed.body["entry_count"], f"the seal to cover what it covered, not {covered}")
    scene.note(f"{len(ids)} entries in a statement across the move, {covered} covered by a seal of before")


def reconcile(system: System) -> dict[str, Any]:
    """Compares everything and repairs it; what was found, summed up."""
    sums: dict[str, Any] = {}
    place = None
    while True:
        report = system.invoke("ReconcileBalances", {"everything": True} | ({"after": place} if place else {}))
        place = report.pop("next")
        sums = {name: sums.get(name, 0) + value for name, value in report.items()}
        if place is None:
            return sums


def tell(scene: Scene, report: dict[str, Any]) -> None:
    """Notes what reconciliation has found."""
    found = [f"{report[kind]} {kind.replace('_', ' ')}" for kind in (*DIFFERENT, "renewed", "repaired") if report[kind]]
    scene.note("reconciliation: " + ", ".join(found))
