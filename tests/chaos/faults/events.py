"""Receivers of webhooks fail, and so do the functions that send them.

A delivery that failed is tried again after 5 to 6 s, then after 60 to 72 s, then after five minutes. So receivers fail for less than a
minute here: whatever met that is accepted at its third attempt at the latest, and nobody waits for a fourth.
"""

import random
import time
from threading import Lock

from chaos.fault import Scene, fault
from chaos.http_rules import KillAtRandom
from chaos.proxy import Refuse
from chaos.receiver import ACCEPTED, Behaviour, Exchange, honest
from chaos.system import wait

# Each entry is an event and changes a day, which is another, and MiniStack is asked several times for each that is delivered.
RATE = 3
# How many of the four merchants have a receiver that fails, the one with half of the traffic among them.
FAILING = 2
DOWN_S = 30
LYING_S = 30
SLOW_S = 40
# Longer than the sender waits for an answer.
LATE_S = 18
DRIP_S = 1
REDIRECTED = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
LONG_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
TIMES = {"RelayEvents": 8, "DeliverEvents": 6}
# So seldom that the load goes on between one and the next.
KILLED_ONE_IN = 12
KILLS_PATIENCE_S = 60


def answered_with(status: str) -> bytes:
    """A whole answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


def too_late(exchange: Exchange) -> None:
    """The work is done, and the answer comes when nobody waits for it any more."""
    exchange.take()
    if exchange.hold(LATE_S):
        exchange.send(ACCEPTED)
    else:
        exchange.reset()


def drips_its_head(exchange: Exchange) -> None:
    """A byte of the answer now and then, and its head is never whole."""
    exchange.take()
    for byte in ACCEPTED[:LATE_S]:
        exchange.send(bytes([byte]))
        if not exchange.hold(DRIP_S):
            break
    exchange.reset()


def drips_its_body(exchange: Exchange) -> None:
    """It says 200 at once, and then a byte now and then of much that nobody needs."""
    exchange.take()
    exchange.accept(LONG_ANSWER)
    while exchange.hold(DRIP_S):
        exchange.send(b" ")


def works_and_fails(exchange: Exchange) -> None:
    """The work is done, and it says that it is not."""
    exchange.take()
    exchange.send(answered_with("500 Internal Server Error"))


def works_and_refuses(exchange: Exchange) -> None:
    """The work is done, and it says that it will never be."""
    exchange.take()
    exchange.send(answered_with("422 Unprocessable Content"))


def accepts_and_crashes(exchange: Exchange) -> None:
    """It says 204 and resets the connection, so that the sender may have seen that or not."""
    exchange.take()
    exchange.accept()
    exchange.reset()


def crashes_in_its_answer(exchange: Exchange) -> None:
    """The work is done, and half of the answer's head is sent."""
    exchange.take()
    exchange.send(ACCEPTED[: len(ACCEPTED) // 2])
    exchange.reset()


def crashes_in_the_request(exchange: Exchange) -> None:
    """Half of the request is read."""
    exchange.take_half()
    exchange.reset()


def redirects(exchange: Exchange) -> None:
    """It sends the sender elsewhere, where nobody may come."""
    exchange.take()
    exchange.send(REDIRECTED)


SLOW = (too_late, too_late, drips_its_head, drips_its_body)
LIES = (
    honest,
    honest,
    works_and_fails,
    works_and_fails,
    works_and_refuses,
    accepts_and_crashes,
    crashes_in_its_answer,
    crashes_in_the_request,
    redirects,
)


class OneOf:
    """Behaves in one of several ways, of which each has its turn before any has another, and counts."""

    def __init__(self, seed: str, behaviours: tuple[Behaviour, ...]) -> None:
        self.seen = {behaviour.__name__: 0 for behaviour in behaviours}
        self._behaviours = behaviours
        self._chance = random.Random(seed)
        self._turns: list[Behaviour] = []
        self._choosing = Lock()

    def __call__(self, exchange: Exchange) -> None:
        """Behaves in the next one."""
        with self._choosing:
            self._turns = self._turns or self._chance.sample(self._behaviours, len(self._behaviours))
            behaviour = self._turns.pop()
            self.seen[behaviour.__name__] += 1
        behaviour(exchange)

    def tell(self, scene: Scene) -> None:
        """Notes what it has done, and a violation if there is something that it has never done."""
        scene.note(", ".join(f"{name.replace('_', ' ')}: {times}" for name, times in self.seen.items()))
        scene.check(min(self.seen.values()) > 0, "the receivers to have failed in every way")


@fault(
    "receiver-down",
    f"{FAILING} of 4 receivers of webhooks refuse connections for {DOWN_S} s",
    rate=RATE,
    no_failed_post=True,
    has_audience=True,
)
def receiver_down(scene: Scene) -> None:
    """What was not delivered waits, and so does what comes meanwhile, once the endpoint is paused."""
    failing = scene.merchants[:FAILING]
    with scene.audience.unreachable(failing, Refuse()):
        wait(DOWN_S)
    for merchant in failing:
        deliveries = scene.audience.members[merchant].deliveries()
        failed = [delivery for delivery in deliveries if (delivery.get("last_attempt") or {}).get("error") == "connection_failed"]
        scene.note(f"{len(failed)} of {len(deliveries)} deliveries failed last when the receiver was up again")
        scene.check(bool(failed), f"deliveries to {merchant} to fail")


@fault(
    "receiver-slow",
    f"{FAILING} of 4 receivers of webhooks answer too late or byte by byte, for {SLOW_S} s",
    rate=RATE,
    no_failed_post=True,
    has_audience=True,
)
def receiver_slow(scene: Scene) -> None:
    """Each costs a worker, and the others have theirs."""
    slow = OneOf("slow", SLOW)
    with scene.audience.behaving(scene.merchants[:FAILING], slow):
        wait(SLOW_S)
    slow.tell(scene)


@fault(
    "receiver-lies",
    f"{FAILING} of 4 receivers of webhooks lie for {LYING_S} s: work and answer 500 or 422, redirect, cut the connection anywhere",
    rate=RATE,
    no_failed_post=True,
    has_audience=True,
)
def receiver_lies(scene: Scene) -> None:
    """A user has delivered again what was refused for good; everything else comes again by itself."""
    scene.audience.redelivers = True
    lies = OneOf("lies", LIES)
    with scene.audience.behaving(scene.merchants[:FAILING], lies):
        wait(LYING_S)
    lies.tell(scene)


@fault(
    "events-killed",
    f"relay-events killed {TIMES['RelayEvents']} times, deliver-events {TIMES['DeliverEvents']} times: before or after DynamoDB or SQS "
    "has done what they ask",
    rate=RATE,
    no_failed_post=True,
    has_audience=True,
)
def events_killed(scene: Scene) -> None:
    """Who is killed with a lease is missed when that has ended."""
    system = scene.system
    names = {system.function(name): name for name in TIMES}
    rule = KillAtRandom({function: TIMES[name] for function, name in names.items()}, KILLED_ONE_IN, random.Random("events"))
    deadline = time.monotonic() + KILLS_PATIENCE_S
    with system.ruled("DYNAMODB", rule), system.ruled("SQS", rule):
        while not rule.is_done and time.monotonic() < deadline:
            wait(0.2)
    scene.note("killed: " + ", ".join(f"{names[function]} {moment}" for function, moment in rule.moments))
    scene.check(rule.is_done, f"{TIMES} to be killed, and not {rule.left} fewer")
