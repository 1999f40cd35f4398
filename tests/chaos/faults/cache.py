"""Redis fails: the idempotency cache, without which everything must go on, at its usual pace."""

import re
import time

from fluxo_local.doors import DOORS

from chaos.fault import BUSY_RATE, Scene, fault
from chaos.proxy import Hang
from chaos.store_rules import AnswerGarbage
from chaos.system import wait

OUTAGE_S = 30


@fault("redis-killed", "Redis killed with -9, back after 30 s", rate=BUSY_RATE, no_failed_post=True, keeps_pace=True, doors=DOORS)
def redis_killed(scene: Scene) -> None:
    """What it had not written to disk is forgotten."""
    with scene.system.killed("Redis"):
        wait(OUTAGE_S)


@fault("redis-hangs", "Redis accepts connections and never answers", rate=BUSY_RATE, no_failed_post=True, keeps_pace=True, doors=DOORS)
def redis_hangs(scene: Scene) -> None:
    """The worst for whoever waits for it."""
    with scene.system.ruled("REDIS", rule := Hang()):
        wait(OUTAGE_S)
    scene.note(f"{rule.hits} requests hung")
    scene.check(rule.hits > 0, "requests to hang")


@fault(
    "redis-flushed",
    "Redis flushed every half second, in the middle of the load",
    rate=BUSY_RATE,
    no_failed_post=True,
    keeps_pace=True,
    doors=DOORS,
)
def redis_flushed(scene: Scene) -> None:
    """Repeats meet an empty cache."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        scene.system.redis_command("FLUSHALL")
        wait(0.5)


@fault("redis-evicts", "Redis has no memory left and evicts", rate=BUSY_RATE, no_failed_post=True, keeps_pace=True, doors=DOORS)
def redis_evicts(scene: Scene) -> None:
    """It may not hold more than it does already, and must drop old keys to take new ones."""
    command = scene.system.redis_command
    held = re.search(r"used_memory:(\d+)", command("INFO", "memory")).group(1)
    command("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    command("CONFIG", "SET", "maxmemory", held)
    try:
        wait(10)
    finally:
        command("CONFIG", "SET", "maxmemory", "0")
    evicted = int(re.search(r"evicted_keys:(\d+)", command("INFO", "stats")).group(1))
    scene.note(f"{evicted} keys evicted")
    scene.check(evicted > 0, "keys to be evicted")


@fault("redis-garbage", "Redis answers what no Redis answers", rate=BUSY_RATE, no_failed_post=True, keeps_pace=True, doors=DOORS)
def redis_garbage(scene: Scene) -> None:
    """It must neither be believed nor bring a request down."""
    with scene.system.ruled("REDIS", rule := AnswerGarbage()):
        wait(10)
    scene.check(rule.hits > 0, "answers to be garbled")
