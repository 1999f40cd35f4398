"""`make parked` and `make redrive` on the second door: what waits in the log, what is in the dead-letter topic, and why."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fluxo_local import kafka_client, terminal
from fluxo_local.parked import IDS_SHOWN_MAX, SHOWN_MAX
from fluxo_local.problem import Problem
from fluxo_local.services import WORKER, binary
from fluxo_local.wording import counted, moment, pause

# What consumes what, and what is not done as long as it does not.
CONSUMERS = {"entries": ("entries-record", "posted"), "totals": ("consolidation-consume", "written to the balances")}
# Who tries again what failed at which step (services/entries, services/worker).
RETRIERS = {"record": "entries-retry", "consolidate": "worker"}
DELAYS = {"retry.1m": timedelta(minutes=1), "retry.15m": timedelta(minutes=15)}
# Who brings dead letters back.
REDRIVE = "redrive"


@dataclass(frozen=True)
class Waiting:
    """A record that could not be handled."""

    entries: tuple[str, ...]
    merchant: str | None
    reason: str
    step: str
    origin: str
    attempt: int
    since: datetime
    next_try: datetime | None
    """None in the dead-letter topic."""

    @classmethod
    def read(cls, record: Mapping[str, Any], delay: timedelta | None) -> "Waiting":
        """What a record says; all of it may be missing."""
        headers, appended_at = record["headers"], record["appended_at"]
        try:
            value = json.loads(record["value"])
            entries = tuple(entry["id"] for entry in value.get("entries", []))
            merchant = value.get("merchant_id")
        except (ValueError, AttributeError, KeyError, TypeError):
            entries, merchant = (), None
        try:
            since = datetime.fromisoformat(headers.get("first_failed_at", ""))
        except ValueError:
            since = appended_at
        return cls(
            entries,
            merchant,
            headers.get("reason", "no reason given"),
            headers.get("step", "no step given"),
            headers.get("origin", record["origin"]),
            int(headers["attempt"]) if headers.get("attempt", "").isdigit() else 1,
            since,
            appended_at + delay if delay is not None else None,
        )


def list_parked(stack: Mapping[str, Any]) -> None:
    """Prints what is in the log of the local stack. Nothing is taken out."""
    brokers = stack["kafka_brokers"]
    behind = {topic: kafka_client.lag(brokers, topic, group) for topic, (group, _) in CONSUMERS.items()}
    waiting = [each for topic, delay in DELAYS.items() for each in retries(brokers, topic, delay)]
    dead = [Waiting.read(record, None) for record in kafka_client.records(brokers, "dead", REDRIVE) if record["not_handled_by"]]
    for line in report(behind, waiting, dead, datetime.now(UTC)):
        terminal.say(line)


def retries(brokers: str, topic: str, delay: timedelta) -> Iterator[Waiting]:
    """What is tried again later: what the group of its step has not handled."""
    for record in kafka_client.records(brokers, topic, *RETRIERS.values()):
        group = RETRIERS.get(record["headers"].get("step", ""))
        if group in record["not_handled_by"]:
            yield Waiting.read(record, delay)


def report(behind: Mapping[str, int], waiting: list[Waiting], dead: list[Waiting], now: datetime) -> Iterator[str]:
    """The lines for a person."""
    for topic, count in behind.items():
        yield f"{counted(count, 'record')} of {kafka_client.PREFIX}.{topic} not yet {CONSUMERS[topic][1]}"
    yield f"{counted(len(waiting), 'record')} in the topics of retries{by_reason(waiting)}"
    yield from blocks(waiting, now)
    yield f"{counted(len(dead), 'record')} in {kafka_client.PREFIX}.dead{by_reason(dead)}"
    yield from blocks(dead, now)
    if waiting or any(behind.values()):
        yield "What waits runs again by itself until it is recorded: end the fault that `why` or the log of the service names."
    if dead:
        yield "A dead letter is kept for 14 days: mend what its reason names, then bring it back with `make redrive DOOR=services`."


def by_reason(waiting: list[Waiting]) -> str:
    """How many of them for which reason."""
    counts = Counter(each.reason for each in waiting)
    return f": {', '.join(f'{count:,} {reason}' for reason, count in counts.most_common())}" if counts else ""


def blocks(waiting: list[Waiting], now: datetime) -> Iterator[str]:
    """A few lines about each, the one that has waited longest first."""
    for each in sorted(waiting, key=lambda each: each.since)[:SHOWN_MAX]:
        more = len(each.entries) - IDS_SHOWN_MAX
        ids = " ".join(each.entries[:IDS_SHOWN_MAX]) or "entries not known"
        yield ""
        yield f"  {ids}{f' and {more} more' if more > 0 else ''} of {each.merchant or 'a merchant not known'}"
        yield f"    why       {each.reason}, at the step {each.step}, of {each.origin}"
        yield f"    since     {moment(each.since)}, {pause(now - each.since)} ago"
        if each.next_try is None:
            yield f"    ran       {counted(each.attempt, 'time')}, and does not run again by itself"
        elif each.next_try <= now:
            yield f"    next try  attempt {each.attempt + 1}, due now"
        else:
            yield f"    next try  attempt {each.attempt + 1}, at {each.next_try:%H:%M:%S} UTC, in {pause(each.next_try - now)}"
    if len(waiting) > SHOWN_MAX:
        yield ""
        yield f"  and {len(waiting) - SHOWN_MAX:,} more, not shown"
    if waiting:
        yield ""


def redrive(stack: Mapping[str, Any]) -> None:
    """Runs `worker redrive`, and says how many dead letters it has brought back."""
    before = kafka_client.lag(stack["kafka_brokers"], "dead", REDRIVE)
    ended = subprocess.run(
        [binary(WORKER.words[0]), REDRIVE], env=stack["worker"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if ended.returncode != 0:
        raise Problem(f"worker redrive has failed: {(ended.stderr or ended.stdout).strip()[-500:]}")
    left = kafka_client.lag(stack["kafka_brokers"], "dead", REDRIVE)
    terminal.say(f"Dead letters brought back or found not to be such: {before - left}")
