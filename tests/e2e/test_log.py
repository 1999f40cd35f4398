"""The second door's log: what cannot be recorded, what is brought back, what its processes do when they are killed."""

import json
import os
import signal
import uuid
from typing import Any

import pytest
from deployed.api import Answer, call
from deployed.log import DEAD, ENTRIES, Appended
from deployed.merchant import Day, Merchant, entry
from deployed.stack import Stack, launch, said
from deployed.waiting import at_once, eventually

pytestmark = pytest.mark.door("services", "The first door has no log.")

TEN = Day("0.00", "10.00", "0.00", "10.00", 1)


def dead_letters(stack: Stack, merchant: Merchant) -> list[Appended]:
    """What is in the dead-letter topic of a merchant."""
    return [record for record in stack.log.topic(DEAD).records() if merchant.id.encode() in record.value]


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
    assert put["entries"][0]["id"] in said("parked")


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
    assert put["entries"][0]["id"] in said("parked")
    launch("redrive")
    # It waits in a topic of retries for a minute.
    eventually(merchant.day, lambda day: day.entry_count == 2, "the entry to be in the balance", timeout_s=120)
    assert merchant.day().closing == "10.00"
    assert put["entries"][0]["id"] not in said("parked")


@pytest.mark.parametrize("name", ["entries record", "consolidation consume", "entries serve", "consolidation serve", "worker", "Kafka"])
def test_what_is_killed_is_started_again_and_goes_on_where_it_was(merchant: Merchant, stack: Stack, name: str) -> None:
    before = stack.process_of(name)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: stack.process_of(name), lambda process: process != before, f"{name} to be started again")
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
    with stack.at_the_first_door():
        repeat = other.accepted(entry(), "shared")
        assert (repeat.is_repeat, repeat.body) == (True, first.body)
        stack.forget_requests()
        repeat = other.accepted(entry(), "shared")
        assert (repeat.is_repeat, repeat.body) == (True, first.body)
        second = other.accepted(entry("5.00"), "through-the-functions")
    merchant.posted(second.body["id"])
    repeat = merchant.accepted(entry("5.00"), "through-the-functions")
    assert (repeat.is_repeat, repeat.body) == (True, second.body)
    assert merchant.settled_day(2) == Day("0.00", "15.00", "0.00", "15.00", 2)
    assert len(merchant.entries()) == 2


def test_the_same_requests_at_both_doors_at_the_same_moment_are_posted_once(merchant: Merchant, stack: Stack) -> None:
    """With batches beside them that hold the same entries, in another order."""
    doors = (stack.ids["url"], stack.ids["lambda_url"])
    entries = [entry(f"{number}.00", idempotency_key=f"key-{number}") for number in range(1, 11)]

    def post(number: int) -> Answer:
        url, which = doors[number % 2], number // 2
        if which >= len(entries):
            return call(f"{url}/entries/batch", "POST", merchant.token, {"entries": entries if number % 2 else entries[::-1]})
        single = {name: value for name, value in entries[which].items() if name != "idempotency_key"}
        return call(f"{url}/entries", "POST", merchant.token, single, {"Idempotency-Key": entries[which]["idempotency_key"]})

    answers = at_once(post, 2 * len(entries) + 2)
    assert [answer.status for answer in answers] == [202] * len(answers)
    singles, batches = answers[:-2], [{each["id"] for each in answer.body["entries"]} for answer in answers[-2:]]
    ids = [answer.body["id"] for answer in singles]
    assert ids[::2] == ids[1::2] and len(set(ids)) == len(entries)
    assert batches == [set(ids), set(ids)]
    for entry_id in set(ids):
        merchant.posted(entry_id)
    # Of each door, whatever it has accepted is worked off.
    for workflow in (stack.log, stack.state_machine):
        for name in {name for entry_id in set(ids) for name in workflow.names_for(entry_id)}:
            workflow.finished(name)
    assert merchant.settled_day(10) == Day("0.00", "55.00", "0.00", "55.00", 10)
    assert len(merchant.entries()) == 10 and stack.ledger.conflicts(merchant.id) == []
