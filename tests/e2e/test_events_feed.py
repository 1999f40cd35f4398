"""The feed of a merchant's events, through the gateway."""

import time
import uuid
from threading import Thread
from typing import Any

from deployed.merchant import DATE, Merchant, entry
from deployed.stack import Stack
from deployed.waiting import at_once, eventually

POSTED, CHANGED, SEALED, RESTATED = "entry.posted", "day.balance_changed", "day.sealed", "day.restated"


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The events of one type."""
    return [event for event in events if event["type"] == kind]


def test_everything_that_happens_to_a_merchant_is_in_its_feed_once(merchant: Merchant) -> None:
    accepted = merchant.accepted(entry("150.75", description="Counter sale"), "first")
    posted = merchant.posted(accepted.body["id"])
    events, cursor = merchant.events_and_cursor()
    (event,) = of_type(events, POSTED)
    assert event["specversion"] == "1.0" and event["source"] == f"/merchants/{merchant.id}"
    assert event["subject"] == f"entries/{posted['id']}" and event["datacontenttype"] == "application/json"
    assert uuid.UUID(event["id"])
    assert event["data"]["id"] == posted["id"] and event["data"]["amount"] == "150.75" and event["data"]["description"] == "Counter sale"
    (changed,) = of_type(events, CHANGED)
    assert changed["subject"] == f"days/{DATE}/BRL"
    assert changed["data"]["total_credits"] == "150.75" and changed["data"]["entry_count"] == 1
    # What is before the cursor is not given again, and what was given is the same for ever.
    assert merchant.events(after=cursor) == []
    assert merchant.events() == events


def test_a_seal_and_what_comes_after_it_are_told(merchant: Merchant) -> None:
    merchant.posted(merchant.accepted(entry("10.00"), "before").body["id"])
    _, cursor = merchant.events_and_cursor()
    assert merchant.seal().status == 201
    late = merchant.posted(merchant.accepted(entry("5.00"), "after").body["id"])
    events = merchant.events(after=cursor)
    (sealed,) = of_type(events, SEALED)
    assert sealed["data"]["number"] == 1 and sealed["data"]["entry_count"] == 1
    (restated,) = of_type(events, RESTATED)
    assert restated["data"]["entry_id"] == late["id"] and restated["data"]["date"] == DATE
    assert [event["id"] for event in merchant.events(after=cursor, types=SEALED)] == [sealed["id"]]


def test_a_key_that_was_used_for_something_else_is_told(stack: Stack, merchant: Merchant) -> None:
    with stack.ledger.writes_waiting():
        first = merchant.accepted(entry("10.00"), "used-twice")
        stack.ledger.until_waiting(1)
        stack.forget_requests()
        other = merchant.accepted(entry("11.00", type="debit"), "used-twice")
        stack.ledger.until_waiting(2)
    assert other.body["id"] == first.body["id"]
    (conflicted,) = eventually(lambda: merchant.events(types="entry.conflicted"), lambda found: len(found) == 1, "the conflict to be told")
    assert conflicted["subject"] == f"entries/{first.body['id']}"
    assert {amount["data"]["amount"] for amount in of_type(merchant.events(), POSTED)} | {conflicted["data"]["amount"]} == {
        "10.00",
        "11.00",
    }


def test_readers_that_page_while_writers_write_miss_nothing_and_agree(merchant: Merchant) -> None:
    writers, each = 6, 5
    seen: list[str] = []

    def write(number: int) -> None:
        for turn in range(each):
            merchant.accepted(entry("1.00", description=f"{number}/{turn}"), f"{number}-{turn}")

    def read() -> None:
        cursor = None
        while len([1 for kind in seen if kind.startswith(POSTED)]) < writers * each and time.monotonic() < deadline:
            query = "/events?limit=3" + (f"&after={cursor}" if cursor else "")
            answer = merchant.get(query)
            assert answer.status == 200, answer
            seen.extend(f"{event['type']} {event['id']}" for event in answer.body["events"])
            cursor = answer.body["next"]

    deadline = time.monotonic() + 60
    reader = Thread(target=read)
    reader.start()
    at_once(write, writers)
    reader.join()
    whole = [f"{event['type']} {event['id']}" for event in merchant.events()]
    assert len(set(whole)) == len(whole) and len(set(seen)) == len(seen)
    assert len([1 for kind in whole if kind.startswith(POSTED)]) == writers * each
    # Who read meanwhile has what who reads now has, in the same order.
    assert whole[: len(seen)] == seen


def test_who_waits_is_answered_with_what_comes_meanwhile(merchant: Merchant) -> None:
    _, cursor = merchant.events_and_cursor()
    answers: list[Any] = []

    def wait() -> None:
        answers.append(merchant.get(f"/events?after={cursor}&wait=20"))

    waiting = Thread(target=wait)
    waiting.start()
    merchant.accepted(entry("10.00"), "awaited")
    waiting.join()
    (answer,) = answers
    assert answer.status == 200 and answer.body["events"], answer
    cursor = merchant.events_and_cursor()[1]
    nothing = merchant.get(f"/events?after={cursor}&wait=1")
    assert (nothing.status, nothing.body["events"], nothing.body["has_more"]) == (200, [], False)


def test_those_who_wait_keep_nobody_else_from_reading(merchant: Merchant, stack: Stack) -> None:
    # More requests than the function has calls at once here.
    others = [Merchant(stack) for _ in range(6)]
    asked = [(other, other.events_and_cursor()[1]) for other in others] * 2
    waiting = [Thread(target=other.get, args=(f"/events?after={cursor}&wait=20",)) for other, cursor in asked]
    for thread in waiting:
        thread.start()
    merchant.posted(merchant.accepted(entry("10.00"), "meanwhile").body["id"])
    assert merchant.events() != []
    assert any(thread.is_alive() for thread in waiting), "nobody waited"
    for other in others:
        other.accepted(entry("10.00"), "awaited")
    for thread in waiting:
        thread.join()


def test_nobody_reads_the_feed_of_another(merchant: Merchant, stack: Stack) -> None:
    merchant.posted(merchant.accepted(entry("10.00"), "mine").body["id"])
    _, cursor = merchant.events_and_cursor()
    stranger = Merchant(stack)
    assert stranger.events() == []
    assert stranger.get(f"/events?after={cursor}").status == 400
