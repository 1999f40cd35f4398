"""A consumer is killed at a chosen step: between what it has done and what it still has to say of it."""

import time

from fluxo_local.doors import SERVICES

from chaos.fault import Scene, fault
from chaos.http_rules import KillAtRequest
from chaos.kafka_rules import OFFSET_COMMIT, PRODUCE, KillAt, LoseAnswers, Moment
from chaos.proxy import Rule
from chaos.store_rules import KillServiceAfterCommit
from chaos.system import wait

RATE = 40
TIMES = 2
# Who is killed is missed by its group after 15 s, and only then has a successor.
PATIENCE_S = 90
RECORD, CONSUME = "entries record", "consolidation consume"
TOTALS = "fluxo.totals"


def kill_at(scene: Scene, door: str, rule: Rule, step: str, times: int = TIMES) -> None:
    """Has the rule kill so many times."""
    deadline = time.monotonic() + PATIENCE_S
    with scene.system.ruled(door, rule):
        while rule.hits < times and time.monotonic() < deadline:
            wait(0.2)
    scene.note(f"killed {rule.hits} times {step}")
    scene.check(rule.hits == times, f"{times} kills {step}, not {rule.hits}")


@fault(
    "record-killed-at-steps",
    f"entries record killed {TIMES} times each after its commit, before and after totals are appended, before offsets are committed",
    rate=RATE,
    no_failed_post=True,
    doors=(SERVICES,),
)
def record_killed_at_steps(scene: Scene) -> None:
    """Whatever was done is done again, and counts once."""

    def kill() -> None:
        scene.system.second_door.kill(RECORD)

    kill_at(scene, "POSTGRES", KillServiceAfterCommit(TIMES, kill), "after a commit of the ledger")
    kill_at(scene, "KAFKA", KillAt(Moment(PRODUCE, TOTALS), TIMES, kill), "before totals were appended")
    kill_at(scene, "KAFKA", KillAt(Moment(PRODUCE, TOTALS), TIMES, kill, is_answered=True), "after totals were appended")
    kill_at(scene, "KAFKA", KillAt(Moment(OFFSET_COMMIT, "entries-record"), TIMES, kill), "before offsets were committed")


@fault(
    "consume-killed-at-steps",
    f"consolidation consume killed {TIMES} times each before and between its writes, before offsets are committed",
    rate=RATE,
    no_failed_post=True,
    doors=(SERVICES,),
)
def consume_killed_at_steps(scene: Scene) -> None:
    """Some periods are written, others not."""

    def kill() -> None:
        scene.system.second_door.kill(CONSUME)

    kill_at(scene, "DYNAMODB", KillAtRequest("UpdateItem", after=0, times=TIMES, kill=kill), "before a write")
    kill_at(scene, "DYNAMODB", KillAtRequest("UpdateItem", after=3, times=TIMES, kill=kill), "between two writes")
    kill_at(scene, "KAFKA", KillAt(Moment(OFFSET_COMMIT, "consolidation-consume"), TIMES, kill), "before offsets were committed")


@fault(
    "kafka-loses-answers",
    "Kafka appends what it is asked to, and every fifth connection breaks before its answer",
    rate=RATE,
    doors=(SERVICES,),
)
def kafka_loses_answers(scene: Scene) -> None:
    """Nobody knows what was appended; the producer sends it again, and it is in the log once."""
    with scene.system.ruled("KAFKA", rule := LoseAnswers((Moment(PRODUCE, "fluxo.entries"), Moment(PRODUCE, TOTALS)), one_in=5)):
        wait(15)
    scene.note(f"{rule.hits} answers lost")
    scene.check(rule.hits > 0, "answers to be lost")
