"""The same entries more than once, in other orders, with other payloads, or too late."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from itertools import product
from threading import Event
from typing import Any

from deployed.api import Answer, call
from deployed.waiting import at_once, eventually

from chaos.book import Line
from chaos.fault import Scene, fault
from chaos.load import Sale
from chaos.system import System

PAIRS = 30
BATCH_SIZE = 20
CROSSINGS = 1000
CALLS_AT_ONCE = 8
LATE_ONES = 20
CONFLICTS = 5
RACES = 24
AMOUNTS = ("10.00", "20.00")
APPLY_LOG = "/aws/lambda/fluxo/apply-to-ledger"


@fault("overlapping-batches", f"{PAIRS} pairs of batches with the same keys in opposite order, at once", rate=5, no_failed_post=True)
def overlapping_batches(scene: Scene) -> None:
    """Neither knows of the other when it starts: one of them posts an entry, and the other meets it."""
    before = deadlocks(scene.system)
    sent = []
    for _ in range(PAIRS):
        batch = scene.load.sale(size=BATCH_SIZE)
        reverse = Sale(batch.merchant, dict(reversed(batch.entries.items())), is_batch=True)
        sent += [scene.load.send(batch), scene.load.send(reverse)]
    scene.check(all(future.result().accepted for future in sent), "every batch to be accepted")
    scene.note(f"{deadlocks(scene.system) - before} deadlocks in PostgreSQL")


@fault(
    "crossing-batches", f"two batches over the same days and currencies in opposite order, {CROSSINGS:,} times", rate=2, no_failed_post=True
)
def crossing_batches(scene: Scene) -> None:
    """Given to apply-to-ledger directly, since only there could they block each other."""
    before = deadlocks(scene.system)
    merchant = scene.merchants[1]
    periods = list(product([date.today() - timedelta(days=days) for days in (0, 1, 40)], ["BRL", "USD"]))

    def cross(number: int) -> dict[str, Any]:
        order = periods if number % 2 else periods[::-1]
        return scene.system.invoke_raw("ApplyToLedger", batch_of(scene, merchant, order))

    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        answers = list(pool.map(cross, range(2 * CROSSINGS)))
    failed = [answer for answer in answers if "errorType" in answer]
    scene.check(not failed, f"no call to fail, not {len(failed)}: {failed[:1]}")
    scene.note(f"{len(answers)} batches, {deadlocks(scene.system) - before} deadlocks in PostgreSQL")
    # The totals of the last batch are those of all.
    scene.system.invoke("ConsolidateDay", scene.system.invoke("ApplyToLedger", batch_of(scene, merchant, periods)))


@fault("key-conflict", "another payload under a used key, after Redis was flushed and while the ledger cannot be asked")
def key_conflict(scene: Scene) -> None:
    """The first one stands; the second is shown beside it, and counted. Who repeats either is answered as the ledger has it."""
    began_at = time.time()
    for _ in range(CONFLICTS):
        slip_past(scene)
    counted = counted_conflicts(scene.system, began_at)
    scene.check(counted == CONFLICTS, f"the metric KeyConflicts to count {CONFLICTS}, not {counted}")
    scene.note(f"{CONFLICTS} conflicts, shown and counted")


def slip_past(scene: Scene) -> None:
    """Sends an entry, has it forgotten, and sends another under its key."""
    first = scene.load.sale(amount="10.00", currency="BRL", date=date.today().isoformat())
    scene.load.send(first).result()
    ((key, entry),) = first.entries.items()
    path = f"/entries/{scene.load.book.accounts[first.merchant].ids[key]}"
    token = scene.load.token(first.merchant)

    def look() -> dict[str, Any]:
        return call(scene.system.url + path, "GET", token).body

    eventually(look, lambda body: body.get("status") == "posted", "the entry to be posted")

    def post(payload: dict[str, Any]) -> Answer:
        return call(f"{scene.system.url}/entries", "POST", token, payload, {"Idempotency-Key": key})

    scene.system.redis_command("FLUSHALL")
    with scene.system.lookups_refused():
        second = post(entry | {"amount": "99.00"})
    scene.check(second.status == 202 and not second.is_repeat, "the conflict to slip past")
    shown = eventually(look, lambda body: body.get("conflicts"), "the conflict to be shown")
    scene.check(shown["amount"] == "10.00", "the first payload to stand")
    scene.check([conflict["amount"] for conflict in shown["conflicts"]] == ["99.00"], "the second payload beside it")
    again, other = post(entry), post(entry | {"amount": "99.00"})
    scene.check((again.status, again.is_repeat) == (202, True), f"a repeat of the first to be a replay, not {again.status}")
    scene.check(other.status == 422, f"a repeat of the second to be refused, not {other.status}")


@fault("racing-payloads", f"{RACES} times two payloads under one key at the same moment", rate=5, no_failed_post=True)
def racing_payloads(scene: Scene) -> None:
    """One of the two is accepted and the other refused; nothing is left to be a conflict."""
    outcomes = race(scene, "race")
    accepted = [sum(answer.status == 202 for answer in pair) for pair in outcomes]
    scene.check(all(number == 1 for number in accepted), f"one of each two to be accepted, not {sorted(set(accepted))}")
    scene.note(f"{len(outcomes)} pairs")


@fault("racing-payloads-flushed", f"the same {RACES} times, Redis flushed all the while", rate=5, no_failed_post=True)
def racing_payloads_flushed(scene: Scene) -> None:
    """Both may be accepted. Afterwards each is answered as the ledger has it: one as a replay, the other refused."""
    flushing = Event()

    def flush() -> None:
        while not flushing.wait(0.005):
            scene.system.redis_command("FLUSHALL")

    with ThreadPoolExecutor(1) as pool:
        flusher = pool.submit(flush)
        outcomes = race(scene, "flushed-race")
        flushing.set()
        flusher.result()
    both = sum(all(answer.status == 202 for answer in pair) for pair in outcomes)
    scene.note(f"{both} of {len(outcomes)} pairs accepted twice")


def race(scene: Scene, name: str) -> list[list[Answer]]:
    """Sends pairs of payloads, two under each key at the same moment, and books what the ledger has made of them."""
    merchant = scene.merchants[2]
    token, today = scene.load.token(merchant), date.today().isoformat()

    def post(key: str, amount: str) -> Answer:
        body = {"type": "credit", "amount": amount, "currency": "BRL", "date": today}
        return call(f"{scene.system.url}/entries", "POST", token, body, {"Idempotency-Key": key})

    outcomes = []
    for number in range(RACES):
        key = f"{name}-{number}"
        pair = at_once(lambda payload, key=key: post(key, AMOUNTS[payload]), len(AMOUNTS))
        outcomes.append(pair)
        entry_id = next(answer.body["id"] for answer in pair if answer.status == 202)
        look = partial(call, f"{scene.system.url}/entries/{entry_id}", "GET", token)
        shown = eventually(lambda look=look: look().body, lambda body: body.get("status") == "posted", "an entry to be posted")
        scene.load.book.expect(merchant, entry_id, Line("credit", int(shown["amount"].replace(".", "")), "BRL", today))
        again = [post(key, amount) for amount in AMOUNTS]
        expected = [(202, True) if amount == shown["amount"] else (422, False) for amount in AMOUNTS]
        seen = [(answer.status, answer.is_repeat) for answer in again]
        scene.check(seen == expected, f"{key} to be answered as the ledger has it: {expected}, not {seen}")
    return outcomes


@fault("late-consolidation", f"{LATE_ONES} consolidations that arrive late, with old totals", no_failed_post=True)
def late_consolidation(scene: Scene) -> None:
    """Old totals are handed in after newer ones were written."""
    system, merchant = scene.system, scene.merchants[1]
    today = [(date.today(), "BRL")]
    old = [system.invoke("ApplyToLedger", batch_of(scene, merchant, today)) for _ in range(LATE_ONES)]
    system.invoke("ConsolidateDay", system.invoke("ApplyToLedger", batch_of(scene, merchant, today)))
    late = [system.invoke("ConsolidateDay", totals) for totals in old]
    written = sum(answer["written"] for answer in late)
    scene.check(written == 0, f"no old total to be written, not {written}")
    scene.note(f"{sum(answer['up_to_date'] for answer in late)} old totals not written")


def batch_of(scene: Scene, merchant: str, periods: list[tuple[date, str]]) -> dict[str, Any]:
    """An input of the state machine with one new entry for each day and currency, in that order; booked."""
    entries = []
    for day, currency in periods:
        entry_id = str(uuid.uuid4())
        scene.load.book.expect(merchant, entry_id, Line("credit", 100, currency, day.isoformat()))
        entries.append(
            {
                "id": entry_id,
                "fingerprint": uuid.uuid4().hex * 2,
                "type": "credit",
                "amount_minor": "100",
                "currency": currency,
                "date": day.isoformat(),
            }
        )
    return {"merchant_id": merchant, "entries": entries}


def deadlocks(system: System) -> int:
    """How many deadlocks PostgreSQL has resolved so far."""
    return int(system.ledger_answer("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))


def counted_conflicts(system: System, since_s: float) -> int:
    """What the metric of apply-to-ledger has counted since then, from the lines of its log, which hold the metrics."""
    found = system.client("logs").filter_log_events(logGroupName=APPLY_LOG, startTime=int(since_s * 1000))
    lines = [json.loads(event["message"]) for event in found["events"] if event["message"].startswith("{")]
    return sum(line.get("KeyConflicts", 0) for line in lines if "_aws" in line)
