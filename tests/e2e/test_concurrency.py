"""Many requests at the same moment: nothing is counted twice and nothing is lost."""

import random

from deployed.merchant import Day, Merchant, entry
from deployed.stack import Stack
from deployed.waiting import at_once
from fluxo_local.doors import LAMBDA


def test_fifty_posts_of_one_key_at_once_are_one_entry(merchant: Merchant, stack: Stack) -> None:
    """All fifty get equal answers."""
    # Without a date, so that every answer has to find out what the first one said.
    answers = at_once(lambda _: merchant.post(entry("10.00", date=None), "once"), 50)
    assert [answer.status for answer in answers] == [202] * 50
    first = answers[0]
    assert all((answer.body, answer.headers["location"]) == (first.body, first.headers["location"]) for answer in answers)
    # All but the one that started the execution know that they are repeats.
    assert sum(not answer.is_repeat for answer in answers) <= (stack.firsts_at_once or 50)
    assert merchant.recorded(first).status == "SUCCEEDED"
    assert len(merchant.entries()) == 1
    assert merchant.day(first.body["date"]) == Day("0.00", "10.00", "0.00", "10.00", 1)


def test_fifty_simultaneous_posts_of_one_key_with_two_payloads_are_one_entry(merchant: Merchant, stack: Stack) -> None:
    answers = at_once(lambda n: merchant.post(entry("10.00" if n % 2 else "20.00"), "once"), 50)
    # Which one comes first is open. Where Redis answered too late, another one was accepted and is kept as a conflict; the others
    # are told.
    accepted = [answer for answer in answers if answer.status == 202]
    assert accepted
    assert {answer.problem for answer in answers if answer.status != 202} <= {(422, "idempotency_key_reused")}
    for name in stack.workflow.names_for(accepted[0].body["id"]):
        assert stack.workflow.finished(name).status == "SUCCEEDED"
    (row,) = merchant.entries()
    amounts = {row["amount_minor"], *(conflict["amount_minor"] for conflict in stack.ledger.conflicts(merchant.id))}
    assert amounts == {int(answer.body["amount"].replace(".", "")) for answer in accepted}
    assert merchant.day().closing == f"{row['amount_minor'] // 100}.00"


def test_two_hundred_simultaneous_posts_to_one_day_add_up_exactly(merchant: Merchant) -> None:
    answers = at_once(lambda n: merchant.post(entry(f"{n + 1}.01", type="debit" if n % 4 == 0 else "credit"), f"key-{n}"), 200)
    assert [answer.status for answer in answers] == [202] * 200
    assert len({answer.body["id"] for answer in answers}) == 200
    assert not any(answer.is_repeat for answer in answers)
    debits = sum(n + 1 for n in range(0, 200, 4))
    credits = sum(range(1, 201)) - debits
    expected = Day("0.00", f"{credits + 1}.50", f"{debits}.50", f"{credits - debits + 1}.00", 200)
    assert merchant.settled_day(200) == expected
    assert len(merchant.entries()) == 200


def test_a_batch_posted_twice_at_the_same_moment_is_recorded_once(merchant: Merchant, stack: Stack) -> None:
    entries = [entry(f"{n}.10", idempotency_key=f"key-{n}") for n in range(1, 101)]
    before = stack.workflow.names()
    answers = at_once(lambda _: merchant.post_batch(entries), 2)
    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].body == answers[1].body
    for name in set(stack.workflow.names()) - set(before):
        assert stack.workflow.finished(name).status == "SUCCEEDED"
    assert len(merchant.entries()) == 100
    assert merchant.day() == Day("0.00", "5060.00", "0.00", "5060.00", 100)


def test_batches_that_overlap_in_any_order_are_recorded_once_each(merchant: Merchant, stack: Stack) -> None:
    # Writers that lock the same entries and totals in different orders would block each other for ever.
    days = ["2026-03-10", "2026-03-11", "2026-04-01"]
    every = [entry("1.00", date=days[n % 3], idempotency_key=f"key-{n}") for n in range(150)]
    chance = random.Random(1)
    batches = [chance.sample(every, 100) for _ in range(12)]
    batches.append(every)
    before = stack.workflow.names()
    answers = at_once(lambda n: merchant.post_batch(batches[n]), len(batches))
    assert [answer.status for answer in answers] == [202] * len(batches)
    executions = [stack.workflow.finished(name) for name in set(stack.workflow.names()) - set(before)]
    assert {execution.status for execution in executions} == {"SUCCEEDED"}
    if stack.door == LAMBDA:
        assert sum(execution.output["outcomes"]["applied"] for execution in executions) == 150
        assert sum(execution.output["outcomes"]["conflict"] for execution in executions) == 0
    assert len(merchant.entries()) == 150
    closings = [merchant.day(day) for day in days]
    assert closings == [
        Day("0.00", "50.00", "0.00", "50.00", 50),
        Day("50.00", "50.00", "0.00", "100.00", 50),
        Day("100.00", "50.00", "0.00", "150.00", 50),
    ]
