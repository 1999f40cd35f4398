"""What is in a store is not what was written to it: overwritten by hand, or restored to an earlier moment."""

from typing import Any

from chaos.fault import Scene, fault
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
    "ledger-restored", "the ledger restored to an earlier moment, the epoch raised, lost executions run again", rate=5, no_failed_post=True
)
def ledger_restored(scene: Scene) -> None:
    """By the runbook: epoch first, then reconciliation, then the executions of the time that is lost, under other names."""
    system = scene.system
    with system.ruled("POSTGRES", Refuse()):
        system.back_up_ledger()
    wait(8)
    with system.ruled("POSTGRES", Refuse()):
        system.restore_ledger()
        system.ledger_answer("UPDATE ledger_epoch SET epoch = epoch + 1")
    report = reconcile(system)
    tell(scene, report)
    scene.check(sum(report[kind] for kind in DIFFERENT) > 0, "totals not to be the ledger's")
    names = [name for name in system.workflow.names() if name not in scene.known]
    for name in names:
        system.run_again(name)
    scene.note(f"{len(names)} executions run again")


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
