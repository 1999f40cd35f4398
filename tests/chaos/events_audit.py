"""The audit of events: the feed has every accepted entry once and ends with the exact totals, and what is delivered is the feed."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chaos.audience import Audience, Member
from chaos.audit import SHOWN_MAX
from chaos.book import FRACTION_DIGITS, Book, Line, Sums, decimal, line_of, sums
from chaos.feed import Reader

POLL_S = 1
# Whoever failed once or twice is tried again within 72 s, whoever was killed is missed after 90 s and found by the next sweep but one.
PATIENCE_S = 300
# For how long the sender waits for one answer. A receiver that nothing is done to may not be kept waiting by one that does not answer.
ATTEMPT_S = 15

Event = dict[str, Any]


@dataclass
class Heard:
    """What came of the events of a fault."""

    # In the feeds: how many, and what of the accepted entries is not there, or is there twice, or was not accepted.
    events: int = 0
    missing: int = 0
    doubled: int = 0
    # At the receivers: requests, events of the feed that were never accepted, events that are in no feed.
    requests: int = 0
    undelivered: int = 0
    unknown: int = 0
    # The longest that events took to receivers that nothing was done to.
    worst_lag_s: float | None = None
    # How many a user had delivered again.
    redelivered: int = 0
    # From the end of the fault until everything was delivered.
    delivered_after_s: float = 0
    differences: list[str] = field(default_factory=list)

    def add(self, differences: list[str]) -> int:
        """Notes some of them; answers how many there are."""
        self.differences += differences[:SHOWN_MAX]
        return len(differences)


def heard(audience: Audience, book: Book, ended_at: float) -> Heard:
    """Audits the feeds, and the receivers until they have them, or the time is up. Everything accepted is in the ledger by now."""
    found = Heard()
    feeds = {}
    for merchant, member in audience.members.items():
        member.reader.stop()
        feeds[merchant] = Reader(member.url, member.token).read_to_the_end()
        audit_feed(member, feeds[merchant], book.lines(merchant), found)
    settle(audience, feeds)
    found.redelivered = audience.redelivered
    found.delivered_after_s = max(0.0, time.monotonic() - ended_at)
    for merchant, member in audience.members.items():
        audit_receiver(member, feeds[merchant], found)
    audit_others(audience, found)
    return found


def audit_feed(member: Member, feed: list[Event], expected: dict[str, Line], found: Heard) -> None:
    """Compares a feed that was read in one go with the accepted entries, and with what was read of it while things broke."""
    merchant = member.merchant
    if member.reader.read_to_the_end() != feed:
        found.add([f"{merchant}: who read the feed meanwhile has other events, or in another order, than who reads it now"])
    posted = [event["data"] for event in feed if event["type"] == "entry.posted"]
    told = {entry["id"]: line_of(entry, "") for entry in posted}
    found.events += len(feed)
    found.missing += found.add([f"{merchant}: {entry} is not in the feed" for entry, line in expected.items() if told.get(entry) != line])
    times = Counter(entry["id"] for entry in posted)
    found.doubled += found.add([f"{merchant}: {entry} is in the feed {number} times" for entry, number in times.items() if number > 1])
    found.doubled += found.add([f"{merchant}: {entry} is in the feed and was not accepted" for entry in told if entry not in expected])
    ids = Counter(event["id"] for event in feed)
    found.doubled += found.add([f"{merchant}: event {event} is there {number} times" for event, number in ids.items() if number > 1])
    found.add([f"{merchant}: {difference}" for difference in different_days(feed, expected)])


def different_days(feed: list[Event], expected: dict[str, Line]) -> list[str]:
    """Of which days the feed does not end with the exact totals, or tells of older ones after newer ones."""
    last: dict[tuple[str, str], Event] = {}
    differences = []
    for event in feed:
        if event["type"] == "day.balance_changed":
            day = event["data"]
            key = day["currency"], day["date"]
            if key in last and version(day) <= version(last[key]):
                differences.append(f"the feed tells of {key} as of {version(day)} after {version(last[key])}")
            last[key] = day
    totals = sums(expected.values())
    wanted = {(currency, day): of_day for currency in totals for day, of_day in totals[currency].items() if len(day) == len("2026-11-22")}
    for key in sorted(wanted.keys() | last.keys()):
        should = as_told(wanted.get(key, Sums()), key[0])
        told = {name: last.get(key, {}).get(name) for name in should}
        if told != should:
            differences.append(f"the feed should end with {key} as {should}, ends with {told}")
    return differences


def version(day: dict[str, Any]) -> tuple[int, int]:
    """Which of two totals is newer."""
    return day["version"]["epoch"], day["version"]["entry_count"]


def as_told(of_day: Sums, currency: str) -> dict[str, Any]:
    """Totals as an event tells of them."""
    assert currency in FRACTION_DIGITS
    return {
        "total_credits": decimal(of_day.credits, currency),
        "total_debits": decimal(of_day.debits, currency),
        "entry_count": of_day.entry_count,
    }


def settle(audience: Audience, feeds: dict[str, list[Event]]) -> None:
    """Returns when every event of every feed was accepted and is said to be delivered, or when the time is up."""
    deadline = time.monotonic() + PATIENCE_S
    waiting = list(audience.members.values())
    while waiting and time.monotonic() < deadline:
        time.sleep(POLL_S)
        if audience.redelivers:
            audience.redelivered += sum(member.redeliver_failed() for member in waiting)
        waiting = [member for member in waiting if not has_all(member, feeds[member.merchant])]


def has_all(member: Member, feed: list[Event]) -> bool:
    """Whether the receiver has accepted the whole feed, and the sender knows."""
    # What costs nothing to see first.
    return all(event["id"] in member.receiver.accepted for event in feed) and not undelivered(member, feed)


def undelivered(member: Member, feed: list[Event]) -> list[str]:
    """The events of the feed that the API does not say are delivered."""
    delivered = {delivery["event_id"] for delivery in member.deliveries() if delivery["status"] == "delivered"}
    return [event["id"] for event in feed if event["id"] not in delivered]


def audit_receiver(member: Member, feed: list[Event], found: Heard) -> None:
    """Compares what a receiver was sent with the feed."""
    merchant, receiver = member.merchant, member.receiver
    events = {event["id"]: event for event in feed}
    found.requests += receiver.requests
    lacking = [f"{merchant}: event {event} was not accepted by the receiver" for event in events if event not in receiver.accepted]
    found.undelivered += found.add(lacking)
    strange = [
        f"{merchant}: event {event} was sent and is not in the feed as it was"
        for event, sent in receiver.events.items()
        if events.get(event) != sent
    ]
    found.unknown += found.add(strange)
    found.add([f"{merchant}: {wrong}" for wrong in receiver.wrong])
    found.add([f"{merchant}: event {event} is not said to be delivered" for event in undelivered(member, feed)])
    if (status := member.ask("GET").body["status"]) != "enabled":
        found.add([f"{merchant}: the endpoint is {status}"])


def audit_others(audience: Audience, found: Heard) -> None:
    """One receiver that fails delays no other."""
    if not audience.disturbed:
        return
    lags = audience.lags_of_others()
    found.worst_lag_s = max(lags, default=None)
    if not lags:
        found.add(["the receivers that nothing was done to had no events meanwhile"])
    elif max(lags) >= ATTEMPT_S:
        found.add([f"an event took {max(lags):.1f} s to a receiver that nothing was done to"])
