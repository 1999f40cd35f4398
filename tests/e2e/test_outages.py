"""A store is down: entries are accepted all the same, none is lost and none is counted twice."""

import re

import pytest
from deployed.api import Answer, call
from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import BODIES, Stack
from deployed.waiting import at_once
from fluxo_local.doors import SERVICES

# What goes on without the ledger: accepting entries, the balances of days, and endpoints that are known. Everything else needs it.
WITHOUT_LEDGER = re.compile(
    r"POST /entries(/batch)?|GET /daily-balances(\.csv|/[\d-]+)?|(?!POST)\w+ /webhook-endpoints|\w+ /webhook-endpoints/.+"
)


def test_entries_are_accepted_while_the_ledger_refuses(merchant: Merchant, stack: Stack) -> None:
    """They are posted when it is back."""
    merchant.recorded(merchant.accepted(entry("1.00"), "before"))
    with stack.ledger.refusing():
        posted = [merchant.accepted(entry("10.00"), f"during-{n}") for n in range(5)]
        batch = merchant.post_batch([entry("100.00", idempotency_key=f"batch-{n}") for n in range(3)])
        assert batch.status == 202
        # A repeat is known, reading goes on.
        assert merchant.accepted(entry("10.00"), "during-0").is_repeat
        assert merchant.day() == Day("0.00", "1.00", "0.00", "1.00", 1)
    for answer in posted:
        assert merchant.recorded(answer).status == "SUCCEEDED"
    assert merchant.settled_day(9) == Day("0.00", "351.00", "0.00", "351.00", 9)
    assert len(merchant.entries()) == 9


def test_entries_are_accepted_while_the_ledger_hangs(merchant: Merchant, stack: Stack) -> None:
    """They are posted once when it wakes."""
    merchant.recorded(merchant.accepted(entry("1.00"), "before"))
    with stack.failing_to_post() as until_failing, stack.hanging("PostgreSQL"):
        posted = [merchant.accepted(entry("10.00"), f"during-{n}") for n in range(3)]
        assert merchant.day() == Day("0.00", "1.00", "0.00", "1.00", 1)
        for answer in posted:
            until_failing(answer.body["id"])
    # Statements that the functions gave up on may go through now, beside the next attempts.
    for answer in posted:
        assert merchant.recorded(answer).status == "SUCCEEDED"
    assert merchant.settled_day(4) == Day("0.00", "31.00", "0.00", "31.00", 4)
    assert len(merchant.entries()) == 4


@pytest.mark.parametrize("outage", ["refusing", "hanging"])
def test_whoever_needs_the_ledger_is_told_to_come_back(merchant: Merchant, stack: Stack, outage: str) -> None:
    accepted = merchant.accepted(entry("1.00"), "before")
    merchant.recorded(accepted)
    routes = stack.routes(date=DATE, id=accepted.body["id"])
    needy = [(method, path) for method, path in routes if not WITHOUT_LEDGER.fullmatch(f"{method} {path.split('?')[0]}")]
    assert len(needy) == 12

    def ask(number: int) -> Answer:
        method, path = needy[number]
        return call(stack.url + path, method, merchant.token, BODIES.get((method, path)), {"Idempotency-Key": "refund"})

    executions = stack.workflow.names()
    with stack.ledger.refusing() if outage == "refusing" else stack.hanging("PostgreSQL"):
        for (method, path), answer in zip(needy, at_once(ask, len(needy)), strict=True):
            assert answer.problem == (503, "temporarily_unavailable"), (method, path, answer)
            assert answer.retry_after_s >= 1
    assert stack.workflow.names() == executions
    # A seal that its function gave up on may have been made when the ledger woke: 200 then, instead of 201.
    answers = [ask(number) for number in range(len(needy))]
    expected = [{404} if method == "DELETE" else {200, 201, 202} for method, _ in needy]
    assert all(answer.status in statuses for answer, statuses in zip(answers, expected, strict=True)), answers


def test_entries_are_accepted_while_balances_cannot_be_written(merchant: Merchant, stack: Stack) -> None:
    with stack.balances_unwritable():
        posted = [merchant.accepted(entry("10.00"), f"during-{n}") for n in range(3)]
        for answer in posted:
            stack.until_not_consolidated(answer.body["id"])
    for answer in posted:
        assert merchant.recorded(answer).status == "SUCCEEDED"
    assert merchant.day() == Day("0.00", "30.00", "0.00", "30.00", 3)


def test_entries_are_accepted_while_redis_hangs_and_repeats_are_recognised(merchant: Merchant, stack: Stack) -> None:
    known = merchant.accepted(entry("1.00"), "known")
    with stack.hanging("Redis"):
        new = merchant.accepted(entry("10.00"), "new")
        assert not new.is_repeat
        if stack.door == SERVICES:
            # Without Redis only the ledger knows a request, and it has to have it.
            merchant.posted(new.body["id"])
            merchant.posted(known.body["id"])
        for key, amount, first in (("new", "10.00", new), ("known", "1.00", known)):
            repeat = merchant.accepted(entry(amount), key)
            assert (repeat.is_repeat, repeat.body) == (True, first.body)
        batch = [entry("100.00", idempotency_key="b1"), entry("10.00", idempotency_key="new")]
        assert merchant.post_batch(batch).status == 202
        assert merchant.get(f"/daily-balances/{DATE}").status == 200
    for answer in (known, new):
        # One execution each.
        merchant.recorded(answer)
    assert merchant.settled_day(3) == Day("0.00", "111.00", "0.00", "111.00", 3)
    assert len(merchant.entries()) == 3


def test_redis_is_no_store_of_anything_that_must_last(merchant: Merchant, stack: Stack) -> None:
    first = merchant.accepted(entry("10.00", date=None), "key")
    merchant.recorded(first)
    stack.forget_requests()
    repeat = merchant.accepted(entry("10.00", date=None), "key")
    assert (repeat.is_repeat, repeat.body) == (True, first.body)
    merchant.recorded(first)
    assert merchant.day(first.body["date"]) == Day("0.00", "10.00", "0.00", "10.00", 1)
