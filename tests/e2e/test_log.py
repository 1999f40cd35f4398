"""The second door's log: what cannot be recorded, what is brought back, what its processes do when they are killed."""

import json
import os
import signal
import subprocess
import sys
import uuid
from typing import Any

import pytest
from deployed.log import DEAD, ENTRIES, Appended
from deployed.merchant import Day, Merchant, entry
from deployed.stack import LAUNCH_TIMEOUT_S, Stack, launch
from deployed.waiting import eventually
from fluxo_local.profile import CHECKOUT, read_json

pytestmark = pytest.mark.door("services", "The first door has no log.")

TEN = Day("0.00", "10.00", "0.00", "10.00", 1)


def said(command: str, stack: Stack) -> str:
    """What a command of the local stack prints."""
    words = [sys.executable, CHECKOUT / "local", command, "--profile", stack.profile.name]
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LAUNCH_TIMEOUT_S).stdout


def dead_letters(stack: Stack, merchant: Merchant) -> list[Appended]:
    """What is in the dead-letter topic of a merchant."""
    return [record for record in stack.log.topic(DEAD).records() if merchant.id.encode() in record.value]


def process_of(stack: Stack, name: str) -> int:
    """The process of this name, as it runs now."""
    return next(process["id"] for process in read_json(stack.profile.running_file)["processes"] if process["name"] == name)


def appended(stack: Stack, merchant: Merchant, **changes: str) -> dict[str, Any]:
    """Appends an input like a known one, with an id of its own and these members changed."""
    known = merchant.recorded(merchant.accepted(entry(), "known")).input
    put = known | {"entries": [known["entries"][0] | {"id": str(uuid.uuid4())} | changes]}
    stack.log.append(ENTRIES, json.dumps(put), execution=f"{put['entries'][0]['id']}-put")
    return put


@pytest.mark.parametrize("fault", [{"amount_minor": "0"}, {"date": "2026-02-30"}, {"type": "Credit"}], ids=str)
def test_a_record_that_can_never_be_posted_goes_to_the_dead_letters_alone(merchant: Merchant, stack: Stack, fault: dict[str, str]) -> None:
    put = appended(stack, merchant, **fault)
    good = merchant.accepted(entry("1.00"), "behind-it")
    (letter,) = eventually(lambda: dead_letters(stack, merchant), bool, "the record to be dead-lettered")
    assert json.loads(letter.value) == put
    assert (letter.headers["reason"], letter.headers["step"]) == ("InvalidInput", "record")
    assert letter.headers["origin"].startswith(f"{ENTRIES}-")
    # Whatever is beside it or comes after it is posted.
    assert merchant.recorded(good).status == "SUCCEEDED"
    assert merchant.settled_day(2).closing == "11.00"
    assert put["entries"][0]["id"] in said("parked", stack)


def test_what_is_no_json_stops_nobody(merchant: Merchant, stack: Stack) -> None:
    stack.log.append(ENTRIES, f"\x00 poison of {merchant.id}")
    assert merchant.recorded(merchant.accepted(entry(), "after")).status == "SUCCEEDED"
    (letter,) = eventually(lambda: dead_letters(stack, merchant), bool, "the record to be dead-lettered")
    assert letter.headers["reason"] == "InvalidInput"


def test_a_dead_letter_is_brought_back_with_the_step_at_which_it_failed(merchant: Merchant, stack: Stack) -> None:
    known = merchant.recorded(merchant.accepted(entry("1.00"), "known")).input
    put = known | {"entries": [known["entries"][0] | {"id": str(uuid.uuid4()), "amount_minor": "900"}]}
    # As after days in which the ledger could not take it.
    stack.log.append(DEAD, json.dumps(put), step="record", reason="LedgerMisconfigured", origin="fluxo.entries-0-0")
    assert put["entries"][0]["id"] in said("parked", stack)
    launch("redrive")
    # It waits in a topic of retries for a minute.
    eventually(merchant.day, lambda day: day.entry_count == 2, "the entry to be in the balance", timeout_s=120)
    assert merchant.day().closing == "10.00"
    assert put["entries"][0]["id"] not in said("parked", stack)


@pytest.mark.parametrize("name", ["entries record", "consolidation consume", "entries serve", "consolidation serve", "worker", "Kafka"])
def test_what_is_killed_is_started_again_and_goes_on_where_it_was(merchant: Merchant, stack: Stack, name: str) -> None:
    before = process_of(stack, name)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: process_of(stack, name), lambda process: process != before, f"{name} to be started again")
    answer = eventually(lambda: merchant.post(entry(), "key"), lambda answer: answer.status == 202, "the entry to be accepted")
    assert merchant.recorded(answer).status == "SUCCEEDED"
    assert eventually(lambda: merchant.get("/daily-balances/2026-03-10").status, lambda status: status == 200, "an answer") == 200
    assert merchant.settled_day(1) == TEN


def test_nobody_is_told_that_an_entry_is_accepted_while_the_log_hangs(merchant: Merchant, stack: Stack) -> None:
    with stack.hanging("Kafka"):
        refused = merchant.post(entry(), "key")
        assert refused.problem == (503, "temporarily_unavailable")
        assert refused.retry_after_s >= 1
    answer = eventually(lambda: merchant.post(entry(), "key"), lambda answer: answer.status == 202, "the entry to be accepted")
    # Whether the first was appended after all or not: it is one entry.
    assert merchant.recorded(answer).status == "SUCCEEDED"
    assert merchant.settled_day(1) == TEN
    assert len(merchant.entries()) == 1


def test_both_doors_are_one(merchant: Merchant, stack: Stack) -> None:
    """What one has accepted is a repeat at the other, also when Redis has lost it: ids follow from merchant and key."""
    other = Merchant(stack, merchant.id)
    first = merchant.accepted(entry(), "shared")
    merchant.posted(first.body["id"])
    stack.url = stack.ids["lambda_url"]
    try:
        repeat = other.accepted(entry(), "shared")
        assert (repeat.is_repeat, repeat.body) == (True, first.body)
        stack.forget_requests()
        repeat = other.accepted(entry(), "shared")
        assert (repeat.is_repeat, repeat.body) == (True, first.body)
        second = other.accepted(entry("5.00"), "through-the-functions")
    finally:
        stack.url = stack.ids["url"]
    merchant.posted(second.body["id"])
    repeat = merchant.accepted(entry("5.00"), "through-the-functions")
    assert (repeat.is_repeat, repeat.body) == (True, second.body)
    assert merchant.settled_day(2) == Day("0.00", "15.00", "0.00", "15.00", 2)
    assert len(merchant.entries()) == 2
