"""What the second door has and the first has not fails: Kafka, and processes that stay."""

import os
import random
import signal
import time

from fluxo_local.doors import SERVICES

from chaos.fault import BUSY_RATE, Scene, fault
from chaos.proxy import Hang, Refuse
from chaos.system import wait

RATE = 40
KAFKA = "Kafka"
KILLS = 8
HANG_S = 20
LONG_S = 75


def kill_at_random(scene: Scene, name: str, times: int) -> None:
    """Kills a process some times, at moments that nobody knows, once it has been started again each time."""
    chance, killed = random.Random(name), set()
    for _ in range(times):
        wait(chance.uniform(0.2, 4))
        deadline = time.monotonic() + 60
        while (victim := scene.system.service(name)).process.pid in killed or victim.process.poll() is not None:
            assert time.monotonic() < deadline, f"{name} to be started again"
            wait(0.1)
        killed.add(victim.process.pid)
        victim.kill()
    scene.note(f"{name} killed {len(killed)} times")


def hang(scene: Scene, name: str, seconds: float) -> None:
    """A process does nothing for some time."""
    process = scene.system.service(name).process.pid
    os.kill(process, signal.SIGSTOP)
    try:
        wait(seconds)
    finally:
        os.kill(process, signal.SIGCONT)


@fault("kafka-killed", "Kafka killed with -9 twice under load, started again each time", rate=RATE, doors=(SERVICES,))
def kafka_killed(scene: Scene) -> None:
    """Who is not told that their entry is in the log repeats it."""
    kill_at_random(scene, KAFKA, 2)
    wait(20)


@fault("kafka-hangs", f"Kafka accepts connections and never answers, for {HANG_S} s", rate=RATE, doors=(SERVICES,))
def kafka_hangs(scene: Scene) -> None:
    """What was sent meanwhile is appended afterwards, whether its client has heard of it or not."""
    hang(scene, KAFKA, HANG_S)


@fault("kafka-restarted", "Kafka stopped in order and started again", rate=RATE, doors=(SERVICES,))
def kafka_restarted(scene: Scene) -> None:
    """As at each update of it."""
    scene.system.service(KAFKA).stop()
    wait(20)


@fault("record-killed", f"entries record killed with -9 {KILLS} times at random", rate=RATE, no_failed_post=True, doors=(SERVICES,))
def record_killed(scene: Scene) -> None:
    """Between posting, totals and committing, or anywhere else."""
    kill_at_random(scene, "entries record", KILLS)


@fault("consume-killed", f"consolidation consume killed with -9 {KILLS} times at random", rate=RATE, no_failed_post=True, doors=(SERVICES,))
def consume_killed(scene: Scene) -> None:
    """Between two writes, or anywhere else."""
    kill_at_random(scene, "consolidation consume", KILLS)


@fault("serve-killed", f"entries serve killed with -9 {KILLS} times at random", rate=RATE, doors=(SERVICES,))
def serve_killed(scene: Scene) -> None:
    """Before and after the log has the entry, before and after Redis knows."""
    kill_at_random(scene, "entries serve", KILLS)


@fault("everything-killed", "all processes and Kafka killed with -9, in turn and at random", rate=RATE, doors=(SERVICES,))
def everything_killed(scene: Scene) -> None:
    """One after the other, while those before are starting."""
    for name in ("entries record", "consolidation consume", KAFKA, "worker", "entries serve", "entries record"):
        kill_at_random(scene, name, 1)
    wait(15)


@fault("record-hangs", f"entries record hangs for {LONG_S} s, and wakes", rate=RATE, no_failed_post=True, doors=(SERVICES,))
def record_hangs(scene: Scene) -> None:
    """Longer than the session of its group: what it has in work may be another's by then."""
    hang(scene, "entries record", LONG_S)


@fault("ledger-down-long", f"PostgreSQL killed with -9, back after {LONG_S} s", rate=RATE, no_failed_post=True, doors=(SERVICES,))
def ledger_down_long(scene: Scene) -> None:
    """The topic is the queue."""
    with scene.system.killed("PostgreSQL"):
        wait(LONG_S)


@fault("dynamodb-down-long", f"DynamoDB refuses connections for {LONG_S} s", rate=RATE, no_failed_post=True, doors=(SERVICES,))
def dynamodb_down_long(scene: Scene) -> None:
    """Totals wait, and only the newest of each period is written."""
    with scene.system.ruled("DYNAMODB", Refuse()):
        wait(LONG_S)


@fault("everything-hangs", "PostgreSQL, Redis and DynamoDB never answer, for 30 s", no_failed_post=True, doors=(SERVICES,))
def everything_hangs(scene: Scene) -> None:
    """Entries are accepted with the log alone."""
    with scene.system.ruled("POSTGRES", Hang()), scene.system.ruled("REDIS", Hang()), scene.system.ruled("DYNAMODB", Hang()):
        wait(30)


@fault("two-doors", "requests and their repeats at both doors, on one ledger, one cache, one read model", rate=BUSY_RATE, doors=(SERVICES,))
def two_doors(scene: Scene) -> None:
    """As while one takes over from the other, either way; Redis loses everything meanwhile."""
    scene.load.urls = [scene.system.url, scene.system.ids["lambda_url"]]
    for _ in range(4):
        wait(5)
        scene.system.redis_command("FLUSHALL")
    wait(5)
