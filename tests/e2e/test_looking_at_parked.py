"""`make parked` and `make flow`: what is parked and why, and what an entry went through, without anything being taken out or delayed."""

import subprocess
import sys
import uuid
from typing import Any

import pytest
from deployed.merchant import Merchant, entry
from deployed.stack import LAUNCH_TIMEOUT_S, Stack
from deployed.waiting import eventually
from fluxo_local import parked
from fluxo_local.profile import CHECKOUT

pytestmark = pytest.mark.door("lambda", "It looks into the park queue and executions; test_log.py is about the topics of the second door.")

# All retries of a task in 0.6 s instead of 31.
SHORT = 0.02
# A delay that lasts longer than the test looks, and ends well within what a test waits for.
DELAY_S = 15


def said(command: str, stack: Stack, *options: str) -> str:
    """What a command of the local stack prints."""
    words = [sys.executable, CHECKOUT / "local", command, "--profile", stack.profile.name, *options]
    done = subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LAUNCH_TIMEOUT_S)
    assert done.stderr == ""
    return done.stdout


def in_park_queue(stack: Stack, entry_id: str) -> list[dict[str, Any]]:
    """The messages about an entry, as they lie in the queue."""
    return [dict(message) for message in parked.messages(stack.ids, stack.ids["park_queue_url"]) if entry_id in message["Body"]]


def test_listing_and_following_take_nothing_out_and_delay_nothing(merchant: Merchant, stack: Stack) -> None:
    with (
        stack.environment("ReplayParked", REPLAY_DELAY_SECONDS=str(DELAY_S)),
        stack.ledger.refusing(),
        stack.waits_between_retries(SHORT),
    ):
        entry_id = merchant.accepted(entry(description="Rent of the stall"), "parked").body["id"]
        before = eventually(
            lambda: in_park_queue(stack, entry_id),
            # Not while the message that it was parked in is still there beside the one that waits.
            lambda messages: ["Waited" in message["MessageAttributes"] for message in messages] == [True],
            "the input to wait",
        )
        listed = said("parked", stack)
        followed = said("flow", stack, entry_id)
        assert in_park_queue(stack, entry_id) == before

    block = listed[listed.index(entry_id) :].splitlines()[:4]
    assert block[0] == f"{entry_id} of {merchant.id}"
    assert block[1].startswith("    why       LedgerUnavailable: ")
    assert block[2].startswith("    since     ")
    assert block[3].startswith("    next try  attempt 1 (-r1), at ")
    (name,) = stack.workflow.names_for(entry_id)
    assert "attempt 6: failed after " in followed and "LedgerUnavailable: " in followed
    assert f"-> parked; its input will run as {name}-r1" in followed
    assert not [secret for secret in ("Rent", "1000", "10.00") if secret in listed + followed]

    # It is delivered when it was meant to be, and the command tells of both executions.
    eventually(lambda: merchant.look_up(entry_id), lambda answer: answer.body.get("status") == "posted", "the entry to be posted")
    stack.workflow.finished(f"{name}-r1")
    followed = said("flow", stack, entry_id.upper())
    assert f"-> parked; its input ran again as {name}-r1, below" in followed
    assert "-> recorded: the balances are written" in followed
    assert "Ledger: posted at " in followed.splitlines()[-1]
    assert in_park_queue(stack, entry_id) == []


def test_an_entry_of_a_batch_is_followed_too(merchant: Merchant, stack: Stack) -> None:
    answer = merchant.recorded_batch([entry("1.00", idempotency_key="one"), entry("2.00", idempotency_key="two")])
    second = answer.body["entries"][1]["id"]
    followed = said("flow", stack, second)
    assert f"Entry {second} of {merchant.id}, in a batch with 1 other" in followed
    assert "\nbatch-" in followed and "ConsolidateDay" in followed


def test_what_is_in_the_dead_letter_queue_is_listed_with_its_reason(merchant: Merchant, stack: Stack) -> None:
    good = merchant.recorded(merchant.accepted(entry(), "good")).input
    refused = good["entries"][0] | {"id": str(uuid.uuid4()), "amount_minor": "0"}
    stack.dead_letters.purge()
    try:
        stack.workflow.run(good | {"entries": [refused]})
        before = parked.messages(stack.ids, stack.ids["dead_letter_queue_url"])
        listed = said("parked", stack)
        followed = said("flow", stack, refused["id"])
        assert parked.messages(stack.ids, stack.ids["dead_letter_queue_url"]) == before
    finally:
        stack.dead_letters.purge()
    assert "1 input in the dead-letter queue: 1 InvalidInput" in listed
    assert f"  {refused['id']} of {merchant.id}" in listed
    assert "    reason    the input can never be processed" in listed
    assert "went to the dead-letter queue" in followed
    assert f"Ledger: {merchant.id} has no such entry." in followed


def test_an_entry_that_is_not_known_is_said_to_be(merchant: Merchant, stack: Stack) -> None:
    unknown = str(uuid.uuid4())
    followed = said("flow", stack, unknown, "--merchant", merchant.id)
    assert f"No execution of the entry {unknown} is known." in followed
    assert f"Ledger: {merchant.id} has no such entry." in followed
