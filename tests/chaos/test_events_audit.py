"""The audit of events finds whatever is done to a feed or to what a receiver has."""

import copy
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from chaos import events_audit
from chaos.audience import Audience, Member
from chaos.book import Book, Line
from chaos.events_audit import ATTEMPT_S, Heard, heard
from chaos.receiver import Receiver

MERCHANT, OTHER = "acme", "other"
DAY = "2026-11-22"
LINES = {"one": Line("credit", 15075, "BRL", DAY), "two": Line("debit", 500, "BRL", DAY), "three": Line("credit", 7, "JPY", DAY)}
AMOUNTS = {"one": "150.75", "two": "5.00", "three": "7"}


def told(kind: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
    """An event that is told now."""
    return {"id": f"{kind}-{name}", "type": kind, "time": datetime.now(UTC).isoformat(), "data": data}


def posted(entry: str) -> dict[str, Any]:
    """An entry of the book."""
    line = LINES[entry]
    data = {"id": entry, "type": line.type, "amount": AMOUNTS[entry], "currency": line.currency, "date": line.date}
    return told("entry.posted", entry, data)


def changed(currency: str, total_credits: str, total_debits: str, entry_count: int) -> dict[str, Any]:
    """A day of the book."""
    totals = {"total_credits": total_credits, "total_debits": total_debits, "entry_count": entry_count}
    day = {"date": DAY, "currency": currency, "version": {"epoch": 1, "entry_count": entry_count}}
    return told("day.balance_changed", f"{currency}-{entry_count}", day | totals)


class Told(Member):
    """A merchant whose feed is a list, and whose receiver has all of it."""

    def __init__(self, merchant: str) -> None:
        self.feed = [
            *(posted("one"), changed("BRL", "150.75", "0.00", 1), posted("two"), changed("BRL", "150.75", "5.00", 2)),
            *(posted("three"), changed("JPY", "7", "0", 1)),
        ]
        events = {event["id"]: copy.deepcopy(event) for event in self.feed}
        receiver = Receiver(0, events=events, accepted=set(events), requests=len(events))
        receiver.first_at = dict.fromkeys(events, time.time())
        self.statuses = dict.fromkeys(events, "delivered")
        self.status = "enabled"
        super().__init__(merchant, merchant, "", receiver, reader_of(copy.deepcopy(self.feed)), "")

    def ask(self, method: str, path: str = "") -> Any:
        """The endpoint."""
        return SimpleNamespace(body={"status": self.status})

    def deliveries(self, status: str = "") -> list[dict[str, Any]]:
        """As the API would tell of them."""
        return [{"event_id": event, "status": now} for event, now in self.statuses.items() if status in ("", now)]


def reader_of(feed: list[dict[str, Any]]) -> Any:
    """Whoever reads this."""
    return SimpleNamespace(events=feed, stop=lambda: None, read_to_the_end=lambda: feed)


@pytest.fixture
def audience(monkeypatch: pytest.MonkeyPatch) -> Audience:
    """Two merchants, to the receiver of one of whom something was done."""
    members: dict[str, Any] = {merchant: Told(merchant) for merchant in (MERCHANT, OTHER)}
    monkeypatch.setattr(events_audit, "Reader", lambda url, _: reader_of(members[url].feed))
    monkeypatch.setattr(events_audit, "POLL_S", 0)
    monkeypatch.setattr(events_audit, "PATIENCE_S", 0.01)
    now = time.time()
    return Audience(None, members, disturbed=[MERCHANT], began_at=now - 60, ended_at=now + 60)


def found(audience: Audience) -> Heard:
    """What the audit says."""
    book = Book(audience.members)
    for merchant in audience.members:
        for entry, line in LINES.items():
            book.expect(merchant, entry, line)
    return heard(audience, book, time.monotonic())


def test_nothing_is_found_where_nothing_is_wrong(audience: Audience) -> None:
    seen = found(audience)
    assert seen.differences == []
    assert (seen.events, seen.requests, seen.missing, seen.doubled, seen.undelivered, seen.unknown) == (12, 12, 0, 0, 0, 0)
    assert seen.worst_lag_s is not None and seen.worst_lag_s < ATTEMPT_S


def everywhere(member: Any, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Changes the feed for every reader."""
    change(member.feed)
    change(member.reader.events)


WRONG: dict[str, tuple[Callable[[Any], object], str | None, str]] = {
    "an entry is not in the feed": (lambda member: everywhere(member, lambda feed: feed.pop(4)), "missing", "three is not in the feed"),
    "an entry is another in the feed": (
        lambda member: everywhere(member, lambda feed: feed[0]["data"].update(amount="150.76")),
        "missing",
        "one is not in the feed",
    ),
    "an entry is there twice": (
        lambda member: everywhere(member, lambda feed: feed.append(feed[0] | {"id": "again"})),
        "doubled",
        "one is in the feed 2 times",
    ),
    "an event is there twice": (
        lambda member: everywhere(member, lambda feed: feed.append(feed[1])),
        "doubled",
        "event day.balance_changed-BRL-1 is there 2 times",
    ),
    "an entry was never accepted": (
        lambda member: everywhere(member, lambda feed: feed.append(told("entry.posted", "x", feed[0]["data"] | {"id": "x"}))),
        "doubled",
        "x is in the feed and was not accepted",
    ),
    "who read meanwhile missed an event": (lambda member: member.reader.events.pop(2), None, "who read the feed meanwhile"),
    "who read meanwhile had another order": (lambda member: member.reader.events.reverse(), None, "who read the feed meanwhile"),
    "totals end as they were before": (
        lambda member: everywhere(member, lambda feed: feed.pop(3)),
        None,
        "the feed should end with ('BRL', '2026-11-22')",
    ),
    "totals go back": (lambda member: everywhere(member, lambda feed: feed.insert(1, feed.pop(3))), None, "as of (1, 1) after (1, 2)"),
    "an event was not accepted": (
        lambda member: member.receiver.accepted.remove("entry.posted-two"),
        "undelivered",
        "entry.posted-two was not accepted",
    ),
    "an event is in no feed": (
        lambda member: member.receiver.events.update(x=told("entry.posted", "x", {})),
        "unknown",
        "event x was sent and is not in the feed",
    ),
    "an event is another than in the feed": (
        lambda member: member.receiver.events["entry.posted-two"]["data"].update(amount="6.00"),
        "unknown",
        "entry.posted-two was sent and is not in the feed",
    ),
    "a request was not signed": (lambda member: member.receiver.wrong.append("not verified"), None, "not verified"),
    "a delivery is pending for ever": (
        lambda member: member.statuses.update({"entry.posted-two": "pending"}),
        None,
        "entry.posted-two is not said to be delivered",
    ),
    "the endpoint was switched off": (lambda member: setattr(member, "status", "disabled"), None, "the endpoint is disabled"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(audience: Audience, name: str) -> None:
    change, figure, difference = WRONG[name]
    change(audience.members[MERCHANT])
    seen = found(audience)
    assert any(difference in each for each in seen.differences), seen.differences
    if figure:
        assert getattr(seen, figure) == 1


def test_a_receiver_that_waits_for_another_is_found(audience: Audience) -> None:
    late = audience.members[OTHER].receiver.first_at
    late["entry.posted-one"] += ATTEMPT_S
    assert any("to a receiver that nothing was done to" in each for each in found(audience).differences)
    late.clear()
    assert any("had no events meanwhile" in each for each in found(audience).differences)
