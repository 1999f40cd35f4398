"""`make flow` at the second door: what an entry went through, from the log to its balance."""

import json
import re
import uuid

import pytest
from deployed.log import DEAD, ENTRIES
from deployed.merchant import Merchant, entry
from deployed.stack import Stack, said

pytestmark = pytest.mark.door("services", "At the first door it shows executions: tests/deploy/test_parked.py, test_looking_at_parked.py.")


def test_an_entry_is_followed_from_the_log_to_its_balance(merchant: Merchant) -> None:
    answer = merchant.accepted(entry(), "followed")
    execution = merchant.recorded(answer).input
    assert execution["entries"][0]["id"] == answer.body["id"]
    merchant.settled_day(1)
    flow = said("flow", answer.body["id"])
    assert flow.startswith(f"Entry {answer.body['id']} of {merchant.id}; ")
    time = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
    wanted = (
        rf"  {time}  appended to fluxo\.entries, partition \d, offset \d+ as {answer.body['id']}-\S+, request \S+\n"
        rf"  {time}  posted, [\d.]+ s after it was appended\n"
        rf"  {time}  totals appended to fluxo\.totals, partition \d, offset \d+: they cover 1 of the day 2026-03-10\n"
        r"  -> recorded: the balance is written, and covers 1 of the day now\n"
    )
    assert re.search(wanted, flow), flow
    assert re.search(r"^Ledger: posted at .* on the day 2026-03-10\.$", flow, re.MULTILINE), flow


def test_a_batch_is_found_by_each_of_its_entries(merchant: Merchant) -> None:
    answer = merchant.post_batch([entry(f"{number}.00", idempotency_key=f"key-{number}") for number in (1, 2, 3)])
    for each in answer.body["entries"]:
        merchant.posted(each["id"])
    merchant.settled_day(3)
    flow = said("flow", answer.body["entries"][2]["id"])
    assert "in a batch with 2 others" in flow and "-> recorded" in flow, flow


def test_what_waits_says_for_what(merchant: Merchant, stack: Stack) -> None:
    with stack.hanging("entries record"):
        answer = merchant.accepted(entry(), "waits")
        flow = said("flow", answer.body["id"])
        assert "-> not posted: `entries record` has not come to it yet" in flow and "Ledger: pending" in flow, flow
    with stack.hanging("consolidation consume"):
        second = merchant.accepted(entry("1.00"), "waits-for-its-balance")
        merchant.posted(second.body["id"])
        flow = said("flow", second.body["id"])
        assert "-> its balance is not written yet" in flow or "another door posted it, or they are on their way" in flow, flow
    merchant.settled_day(2)
    assert "-> recorded" in said("flow", second.body["id"])


def test_a_dead_letter_says_why_and_what_brings_it_back(merchant: Merchant, stack: Stack) -> None:
    known = merchant.recorded(merchant.accepted(entry(), "known")).input
    dead = str(uuid.uuid4())
    put = json.dumps(known | {"entries": [known["entries"][0] | {"id": dead, "amount_minor": "0"}]})
    stack.log.append(ENTRIES, put, execution=f"{dead}-put")
    stack.log.finished(f"{dead}-put")
    flow = said("flow", dead)
    assert f"failed: InvalidInput at the step record, attempt 1; now in {DEAD}, partition" in flow, flow
    assert "`make redrive` brings it back" in flow and f"Ledger: {merchant.id} has no such entry." in flow, flow


def test_an_entry_of_the_other_door_is_found_and_an_unknown_one_is_said_to_be(merchant: Merchant, stack: Stack) -> None:
    with stack.at_the_first_door():
        other = merchant.accepted(entry(), "through-the-functions")
    merchant.posted(other.body["id"])
    merchant.settled_day(1)
    flow = said("flow", other.body["id"])
    assert f"The log has no record of the entry {other.body['id']}." in flow and "SUCCEEDED" in flow, flow
    unknown = str(uuid.uuid4())
    flow = said("flow", unknown)
    assert f"The log has no record of the entry {unknown}.\nNo execution of the entry {unknown} is known.\n" in flow, flow


def test_operators_are_told_of_executions_only_where_there_are_any(merchant: Merchant, stack: Stack) -> None:
    operator = stack.users.tokens(merchant.id, ["clerk", "operator"])["IdToken"]
    here = merchant.accepted(entry(), "here")
    with stack.at_the_first_door():
        there = merchant.accepted(entry(), "there")
    merchant.posted(here.body["id"])
    merchant.posted(there.body["id"])
    assert "execution" not in merchant.look_up(here.body["id"], token=operator).body
    assert merchant.look_up(there.body["id"], token=operator).body["execution"].startswith(there.body["id"])
