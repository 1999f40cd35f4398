"""The paths through the deployed state machine: which states an execution visits, and what comes of it.

They are those of tests/workflow, which tries every error on two interpreters; here they come about as they do in earnest.
"""

import pytest
from deployed.merchant import Day, Merchant, entry
from deployed.stack import Stack
from record_entries.scenarios import CONFLICTING, NONE, RECORDED, RECORDED_BEFORE

pytestmark = pytest.mark.door("lambda", "The state machine has no part in the second door.")

TEN = Day("0.00", "10.00", "0.00", "10.00", 1)
APPLIED = NONE | {"applied": 1}
DUPLICATE = NONE | {"duplicate": 1}
# All retries of a task in 0.6 s instead of 31.
SHORT = 0.02
# The first retry after 4 s instead of 1: time enough for another execution to come first.
LONG = 4


def test_a_new_entry_is_applied_checked_and_consolidated(merchant: Merchant) -> None:
    posted = merchant.accepted(entry(), "new")
    execution = merchant.recorded(posted)
    assert execution.states == RECORDED
    assert (execution.status, execution.failed_attempts) == ("SUCCEEDED", [])
    # A day and its month.
    assert execution.output == {"outcomes": APPLIED, "written": 2, "up_to_date": 0}
    assert merchant.day() == TEN
    assert [row["id"] for row in merchant.entries()] == [posted.body["id"]]


def test_an_entry_is_posted_once_the_ledger_is_back(merchant: Merchant, stack: Stack) -> None:
    with stack.ledger.refusing():
        posted = merchant.accepted(entry(), "retried")
        (name,) = stack.workflow.names_for(posted.body["id"])
        stack.workflow.failing(name)
    execution = stack.workflow.finished(name)
    assert execution.states == RECORDED
    assert execution.status == "SUCCEEDED"
    assert set(execution.failed_attempts) == {"LedgerUnavailable"}
    assert execution.output["outcomes"] == APPLIED
    assert len(merchant.entries()) == 1
    assert merchant.day() == TEN


def test_an_attempt_that_lost_its_answer_is_consolidated_by_the_next(merchant: Merchant, stack: Stack) -> None:
    """It had committed."""
    # The trap of skipping consolidation for duplicates: here the only execution of an entry sees it as a duplicate.
    with stack.ledger.writes_waiting():
        posted = merchant.accepted(entry(), "unanswered")
        (name,) = stack.workflow.names_for(posted.body["id"])
        stack.workflow.failing(name)
    # The function has given up, its statements have not: they are through well before the next attempt, a second later.
    execution = stack.workflow.finished(name)
    assert execution.failed_attempts == ["LedgerUnavailable"]
    assert execution.states == RECORDED_BEFORE
    assert execution.status == "SUCCEEDED"
    assert execution.output == {"outcomes": DUPLICATE, "written": 2, "up_to_date": 0}
    assert len(merchant.entries()) == 1
    assert merchant.day() == TEN


def test_the_same_input_run_again_is_recognised_and_counted_once(merchant: Merchant, stack: Stack) -> None:
    first = merchant.recorded(merchant.accepted(entry(), "repeated"))
    again = stack.workflow.run(first.input)
    assert again.states == RECORDED_BEFORE
    assert again.status == "SUCCEEDED"
    assert again.output == {"outcomes": DUPLICATE, "written": 0, "up_to_date": 2}
    assert len(merchant.entries()) == 1
    assert merchant.day() == TEN


def test_another_payload_under_a_forgotten_key_becomes_a_visible_conflict(merchant: Merchant, stack: Stack) -> None:
    with stack.ledger.writes_waiting():
        first = merchant.accepted(entry(), "forgotten")
        (first_name,) = stack.workflow.names_for(first.body["id"])
        # Neither Redis nor the ledger knows of the first. It is the first to be posted, since its turn comes before.
        stack.ledger.until_waiting(1)
        stack.forget_requests()
        other = merchant.accepted(entry("99.00", type="debit"), "forgotten")
        stack.ledger.until_waiting(2)
    assert other.body["id"] == first.body["id"]
    assert not other.is_repeat

    (name,) = set(stack.workflow.names_for(first.body["id"])) - {first_name}
    execution = stack.workflow.finished(name)
    assert execution.states == CONFLICTING
    assert execution.status == "SUCCEEDED"
    assert execution.output["outcomes"] == NONE | {"conflict": 1}
    assert execution.output["conflicts"] == [first.body["id"]]
    # The first one stands, the other is kept beside it.
    assert [(row["id"], row["type"], row["amount_minor"]) for row in merchant.entries()] == [(first.body["id"], "credit", 1000)]
    conflicts = [(row["id"], row["type"], row["amount_minor"]) for row in stack.ledger.conflicts(merchant.id)]
    assert conflicts == [(first.body["id"], "debit", 9900)]
    assert merchant.day() == TEN


def test_of_a_batch_each_entry_has_its_own_outcome(merchant: Merchant, stack: Stack) -> None:
    known = merchant.recorded(merchant.accepted(entry("1.00"), "known")).input["entries"][0]
    taken = merchant.recorded(merchant.accepted(entry("2.00"), "taken")).input["entries"][0]
    template = merchant.recorded(merchant.accepted(entry("4.00"), "template")).input["entries"][0]
    other = taken | {"amount_minor": "99", "fingerprint": "0" * 64}
    new = template | {"id": "00000000-0000-5000-8000-000000000001", "amount_minor": "800"}
    execution = stack.workflow.run({"merchant_id": merchant.id, "entries": [known, other, new]})
    assert execution.states == CONFLICTING
    assert execution.output["outcomes"] == {"applied": 1, "duplicate": 1, "conflict": 1, "already_reversed": 0}
    assert merchant.day() == Day("0.00", "15.00", "0.00", "15.00", 4)


def test_a_balance_left_behind_is_brought_up_by_the_next_entry_of_the_day(merchant: Merchant, stack: Stack) -> None:
    with stack.balances_unwritable(), stack.waits_between_retries(SHORT):
        behind = merchant.accepted(entry("1.00"), "behind")
        assert merchant.recorded(behind).status == "FAILED"
    merchant.recorded(merchant.accepted(entry("10.00"), "next"))
    assert merchant.day() == Day("0.00", "11.00", "0.00", "11.00", 2)


def test_a_late_consolidation_does_not_take_a_balance_back(merchant: Merchant, stack: Stack) -> None:
    with stack.waits_between_retries(LONG):
        with stack.balances_unwritable():
            early = merchant.accepted(entry("1.00"), "early")
            (name,) = stack.workflow.names_for(early.body["id"])
            stack.workflow.failing(name)
        # It has read its totals, of one entry, and now waits to write them.
        merchant.recorded(merchant.accepted(entry("10.00"), "later"))
        assert merchant.day() == Day("0.00", "11.00", "0.00", "11.00", 2)
        delayed = stack.workflow.finished(name)
    assert delayed.output == {"outcomes": APPLIED, "written": 0, "up_to_date": 2}
    assert merchant.day() == Day("0.00", "11.00", "0.00", "11.00", 2)
