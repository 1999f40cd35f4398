"""Functions die at the worst moments."""

from chaos.fault import Scene, fault
from chaos.http_rules import KillBetweenWrites, KillSender
from chaos.proxy import Rule
from chaos.store_rules import KillAfterCommit, KillBeforeRemembering
from chaos.system import wait

TIMES = 10
LASTING_S = 10


def kill(scene: Scene, door: str, rule: Rule) -> None:
    """Under the rule, some processes die."""
    with scene.system.ruled(door, rule):
        wait(LASTING_S)
    scene.note(f"{rule.hits} processes killed")
    scene.check(rule.hits == TIMES, f"{TIMES} processes to be killed, not {rule.hits}")


@fault("apply-killed", "apply-to-ledger killed after the commit, before it has PostgreSQL's answer", no_failed_post=True)
def apply_killed(scene: Scene) -> None:
    """The next attempt finds the entries posted, and must write their balance all the same."""
    kill(scene, "POSTGRES", KillAfterCommit(TIMES))


@fault("consolidate-killed", "consolidate-day killed between the two writes, of the day and of the month", no_failed_post=True)
def consolidate_killed(scene: Scene) -> None:
    """One of two items is written."""
    kill(scene, "DYNAMODB", KillBetweenWrites(scene.system.function("ConsolidateDay"), TIMES))


@fault("register-killed-before", "register-entry killed before StartExecution")
def register_killed_before(scene: Scene) -> None:
    """Nobody knows of the entry but its client, who repeats it."""
    kill(scene, "SFN", KillSender(scene.system.function("RegisterEntry"), "StartExecution", TIMES))


@fault("register-killed-after", "register-entry killed between StartExecution and the mark in Redis")
def register_killed_after(scene: Scene) -> None:
    """The entry is on its way, and its client repeats it."""
    kill(scene, "REDIS", KillBeforeRemembering(scene.system.function("RegisterEntry"), TIMES))
