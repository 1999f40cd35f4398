"""What used up its retries, or was stopped: parked, replayed, dead-lettered, brought back. Nothing is lost on the way."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from deployed.merchant import Day, Merchant, entry
from deployed.queue import Queue
from deployed.stack import Stack, launch
from deployed.waiting import eventually
from deployed.workflow import Execution
from record_entries.scenarios import ATTEMPTS, DEAD_LETTERED, NOT_CONSOLIDATED, NOT_POSTED, RECORDED

pytestmark = pytest.mark.door("lambda", "Inputs are parked by the state machine; test_log.py is about the topics of the second door.")

TEN = Day("0.00", "10.00", "0.00", "10.00", 1)
# All retries of a task in 0.6 s instead of 31.
SHORT = 0.02


@pytest.fixture
def dead_letters(stack: Stack) -> Iterator[Queue]:
    """The dead-letter queue, empty before and after."""
    queue = stack.dead_letters
    queue.purge()
    yield queue
    queue.purge()


def replay(stack: Stack, name: str, attempt: int) -> Execution:
    """The execution that runs the input of that name for this many times again, once it has ended."""
    again = f"{name}-r{attempt}"
    eventually(stack.workflow.names, lambda names: again in names, f"{again} to start")
    return stack.workflow.finished(again)


def test_a_parked_entry_is_posted_by_itself_when_the_ledger_is_back(merchant: Merchant, stack: Stack) -> None:
    """It was parked when its retries were used up."""
    with stack.ledger.refusing(), stack.waits_between_retries(SHORT):
        posted = merchant.accepted(entry(), "exhausted")
        (name,) = stack.workflow.names_for(posted.body["id"])
        parked = stack.workflow.finished(name)
        assert parked.states == NOT_POSTED
        assert (parked.status, parked.error) == ("FAILED", "EntriesParked")
        assert parked.failed_attempts == ["LedgerUnavailable"] * ATTEMPTS
        # The fault lasts: the input is parked again, with what it carries about that.
        first = replay(stack, name, 1)
        assert first.states == parked.states
        assert first.input["entries"] == parked.input["entries"]

    last = eventually(
        lambda: stack.workflow.look(stack.workflow.names_for(posted.body["id"])[-1]),
        lambda execution: execution.status == "SUCCEEDED",
        "the entry to be recorded without a hand",
    )
    assert last.states == RECORDED
    assert last.input["replay"]["attempt"] >= 2
    assert last.input["replay"]["first_parked_at"] == first.input["replay"]["first_parked_at"]
    assert len(merchant.entries()) == 1
    assert merchant.day() == TEN


def test_a_parked_balance_is_written_by_itself_when_the_table_is_back(merchant: Merchant, stack: Stack) -> None:
    """It could not be written before."""
    with stack.balances_unwritable(), stack.waits_between_retries(SHORT):
        posted = merchant.accepted(entry(), "not-consolidated")
        (name,) = stack.workflow.names_for(posted.body["id"])
        parked = stack.workflow.finished(name)
        assert parked.states == NOT_CONSOLIDATED
        assert parked.failed_attempts == ["BalancesUnavailable"] * ATTEMPTS
        # The entry is in the ledger, its balance is not yet written.
        assert len(merchant.entries()) == 1
        assert merchant.day().entry_count == 0

    assert merchant.settled_day(1) == TEN
    assert len(merchant.entries()) == 1


def test_an_execution_that_was_stopped_is_parked_by_the_rule_and_runs_again(merchant: Merchant, stack: Stack) -> None:
    with stack.ledger.refusing():
        posted = merchant.accepted(entry(), "stopped")
        (name,) = stack.workflow.names_for(posted.body["id"])
        stack.workflow.failing(name)
        stack.workflow.stop(name)
    assert stack.workflow.finished(name).status == "ABORTED"
    assert replay(stack, name, 1).status == "SUCCEEDED"
    assert merchant.settled_day(1) == TEN
    assert len(merchant.entries()) == 1


@pytest.mark.parametrize(
    "fault", [{"amount_minor": "0"}, {"amount_minor": "-1"}, {"date": "2026-02-30"}, {"currency": "brl"}, {"type": "Credit"}], ids=str
)
def test_an_input_that_can_never_be_posted_is_dead_lettered_without_a_retry(
    merchant: Merchant, stack: Stack, dead_letters: Queue, fault: dict[str, str]
) -> None:
    good = merchant.recorded(merchant.accepted(entry(), "good")).input
    new = good["entries"][0] | {"id": str(uuid.uuid4())}
    # Beside a good one, which may not be posted either.
    execution = stack.workflow.run(good | {"entries": [new, new | fault]})
    assert execution.states == DEAD_LETTERED
    assert (execution.status, execution.error, execution.failed_attempts) == ("FAILED", "EntriesRefused", ["InvalidInput"])
    assert len(merchant.entries()) == 1
    assert merchant.day() == TEN
    (message,) = dead_letters.receive()
    assert json.loads(message.body)["input"] == execution.input
    assert json.loads(message.body)["error"] == "InvalidInput"
    assert message.attributes == {"DeadLetterReason": "the input can never be processed"}


@pytest.mark.parametrize("newer", [{"colour": "red"}, {"currency": "XXX"}, {"type": "transfer"}], ids=str)
def test_an_input_that_a_newer_release_wrote_waits_as_long_as_any_other(
    merchant: Merchant, stack: Stack, dead_letters: Queue, newer: dict[str, str]
) -> None:
    good = merchant.recorded(merchant.accepted(entry(), "good")).input
    new = good["entries"][0] | {"id": str(uuid.uuid4())}
    # It has waited for days already, so that this parking is its last.
    replay = {"attempt": 40, "first_parked_at": "2026-03-10T12:00:00Z"}
    execution = stack.workflow.run(good | {"entries": [new, new | newer], "replay": replay})
    assert execution.states == NOT_POSTED
    assert (execution.status, execution.error, execution.failed_attempts) == ("FAILED", "EntriesParked", ["NewerInput"])
    (message,) = eventually(dead_letters.receive, lambda messages: len(messages) == 1, "the input to be dead-lettered")
    assert json.loads(message.body)["input"] == execution.input
    assert message.attributes == {"DeadLetterReason": "not recorded after 41 attempts since 2026-03-10T12:00:00Z"}
    # Nothing of it was posted, not even what is known.
    assert len(merchant.entries()) == 1


def test_a_dead_letter_is_recorded_once_somebody_brings_it_back(merchant: Merchant, stack: Stack, dead_letters: Queue) -> None:
    execution = merchant.recorded(merchant.accepted(entry("1.00"), "first"))
    dead_letters.send(dead_letter(execution.input, id=str(uuid.uuid4()), amount_minor="900"), DeadLetterReason="not recorded for 7 days")
    launch("redrive")
    assert merchant.settled_day(2) == Day("0.00", "10.00", "0.00", "10.00", 2)
    assert dead_letters.receive() == []


def test_what_is_brought_back_and_still_cannot_be_posted_is_dead_lettered_again(
    merchant: Merchant, stack: Stack, dead_letters: Queue
) -> None:
    execution = merchant.recorded(merchant.accepted(entry(), "good"))
    dead_letters.send(dead_letter(execution.input, id=str(uuid.uuid4()), amount_minor="0"), DeadLetterReason="a defect")
    launch("redrive")
    (message,) = eventually(dead_letters.receive, lambda messages: len(messages) == 1, "the message to come back")
    assert message.attributes["DeadLetterReason"].startswith("the input can never be posted: entry 0: amount")
    assert merchant.day() == TEN


def dead_letter(known: dict[str, Any], **changes: str) -> str:
    """What the dead-letter queue holds of an input like a known one."""
    entry = known["entries"][0] | changes
    return json.dumps({"input": known | {"entries": [entry]}, "error": "-", "cause": "-", "parked_at": "2026-03-10T12:00:00Z"})
