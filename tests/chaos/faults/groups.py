"""Consumers come and go, with and without a word, and Kafka with them."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fluxo_local.doors import SERVICES
from fluxo_local.processes import Service

from chaos.fault import Scene, fault
from chaos.faults.log import LONG_S, RATE
from chaos.proxy import Refuse
from chaos.second_door import KAFKA, read
from chaos.system import wait

STORM_S = 60
CONSUMERS = {"entries record": b"group entries-record ", "consolidation consume": b"group consolidation-consume "}
OTHERS_MAX = 3
REBALANCES_MIN = 5
# Longer than `max.poll.interval.ms`, for which a consumer may do without reading: the longest of all patience.
PATIENCE_MS = 300_000
OUTLASTING_S = PATIENCE_MS / 1000 + 20


def rebalances(scene: Scene, group: bytes) -> int:
    """How often a group has been shared out anew since Kafka started."""
    lines = read(scene.system.service(KAFKA).log).splitlines()
    return sum(b"Preparing to rebalance" in line and group in line for line in lines)


@contextmanager
def others(scene: Scene) -> Iterator[dict[str, list[Service]]]:
    """Other processes beside those that there are, by name; those that are left are ended."""
    beside: dict[str, list[Service]] = {name: [] for name in CONSUMERS}
    try:
        yield beside
    finally:
        for service in [service for services in beside.values() for service in services]:
            scene.check(service.stop(), f"another {service.name} to end as asked")


@fault(
    "rebalance-storm",
    f"consumers of both groups join, leave and are killed with -9 at random, for {STORM_S} s",
    rate=RATE,
    no_failed_post=True,
    doors=(SERVICES,),
)
def rebalance_storm(scene: Scene) -> None:
    """Partitions go from one to another while their records are in work."""
    chance, before = random.Random("storm"), {name: rebalances(scene, group) for name, group in CONSUMERS.items()}
    joined = left = killed = 0
    with others(scene) as beside:
        until = time.monotonic() + STORM_S
        while time.monotonic() < until:
            services = beside[name := chance.choice(list(CONSUMERS))]
            if len(services) < OTHERS_MAX and chance.random() < 0.6:
                services.append(scene.system.second_door.beside(name))
                joined += 1
            elif services:
                service = services.pop(chance.randrange(len(services)))
                if chance.random() < 0.7:
                    scene.check(service.stop(), f"another {name} to end as asked")
                    left += 1
                else:
                    scene.check(service.process.poll() is None, f"another {name} to run")
                    service.kill()
                    killed += 1
            wait(1)
    counts = {name: rebalances(scene, group) - before[name] for name, group in CONSUMERS.items()}
    scene.note(f"{joined} joined, {left} left, {killed} killed; rebalances: {counts}")
    scene.check(min(counts.values()) >= REBALANCES_MIN, f"each group to be shared out anew {REBALANCES_MIN} times, not {counts}")
    scene.check(killed > 0 and left > 0, "some to be killed and some to leave")


@fault("kafka-and-consumers-killed", "Kafka and both consumers killed with -9 at the same moment, twice", rate=RATE, doors=(SERVICES,))
def kafka_and_consumers_killed(scene: Scene) -> None:
    """The offsets of what was just handled are in nobody's memory."""
    door = scene.system.second_door
    for _ in range(2):
        wait(3)
        door.until_all_started_again(door.kill_together(KAFKA, *CONSUMERS))
    wait(10)


@fault(
    "kafka-and-ledger-killed",
    "Kafka, PostgreSQL and entries record killed with -9 together, back after some seconds",
    rate=RATE,
    doors=(SERVICES,),
)
def kafka_and_ledger_killed(scene: Scene) -> None:
    """What was acknowledged is on the disks of both, or of one."""
    door = scene.system.second_door
    victims = door.kill_together(KAFKA, "entries record")
    with scene.system.killed("PostgreSQL"):
        wait(8)
    door.until_all_started_again(victims)
    wait(10)


@fault(
    "stores-down-outlasting",
    f"PostgreSQL down and DynamoDB refusing, both for {OUTLASTING_S:.0f} s: longer than a consumer may do without reading",
    rate=5,
    no_failed_post=True,
    doors=(SERVICES,),
    is_long=True,
)
def stores_down_outlasting(scene: Scene) -> None:
    """The consumers are polled all the while and keep their place in the group."""
    before = {name: scene.system.service(name).process.pid for name in CONSUMERS}
    assert OUTLASTING_S > LONG_S
    with scene.system.ruled("DYNAMODB", Refuse()), scene.system.killed("PostgreSQL"):
        wait(OUTLASTING_S)
    after = {name: scene.system.service(name).process.pid for name in CONSUMERS}
    scene.check(before == after, "the consumers to be the same processes afterwards")
