"""What has become of an entry, by its id."""

from datetime import UTC, datetime
from functools import partial
from itertools import count

import pytest
from deployed.api import Answer
from deployed.merchant import DATE, Merchant, entry
from deployed.stack import VARIABLES, Stack
from deployed.waiting import at_once, eventually

# What can be said of an entry before it is posted.
ACCEPTED_FIELDS = {"id", "merchant_id", "type", "amount", "currency", "date", "description", "category", "reverses", "status"}


def test_a_posted_entry_is_shown_with_all_that_is_known_of_it(merchant: Merchant) -> None:
    before = datetime.now(UTC)
    accepted = merchant.accepted(entry("150.75", description="Venda no cartão", category="vendas"), "sale-1").body
    shown = merchant.posted(accepted["id"])
    assert shown == accepted | {
        "reverses": None,
        "status": "posted",
        "posted_at": shown["posted_at"],
        "reversed_by": None,
        "seal": None,
        "late": False,
        "conflicts": [],
        "balance_token": shown["balance_token"],
    }
    assert before <= datetime.fromisoformat(shown["posted_at"]) <= datetime.now(UTC)
    assert shown["posted_at"].endswith("Z")


def test_what_an_entry_was_given_no_text_for_is_null(merchant: Merchant) -> None:
    shown = merchant.posted(merchant.accepted(entry(), "plain").body["id"])
    assert (shown["description"], shown["category"], shown["reverses"]) == (None, None, None)


def test_the_place_that_a_202_names_is_where_the_entry_is(merchant: Merchant) -> None:
    accepted = merchant.accepted(entry(), "located")
    merchant.recorded(accepted)
    assert merchant.get(accepted.headers["location"]).body["id"] == accepted.body["id"]


def test_an_entry_that_cannot_be_posted_yet_is_pending_and_then_posted(merchant: Merchant, stack: Stack) -> None:
    # The cache may miss an entry when Redis takes longer than its 50 ms. A busy machine must not fail this test for it.
    tries = count()

    def accepted_and_looked_up() -> tuple[Answer, Answer]:
        accepted = merchant.accepted(entry("10.00", description="☕"), f"waiting-{next(tries)}")
        return accepted, merchant.look_up(accepted.body["id"])

    with stack.ledger.writes_waiting():
        accepted, shown = eventually(accepted_and_looked_up, lambda seen: seen[1].status == 200, "an entry to be remembered")
        assert shown.body.keys() == ACCEPTED_FIELDS
        assert shown.body == accepted.body | {"category": None, "reverses": None, "status": "pending"}
    assert merchant.posted(accepted.body["id"])["description"] == "☕"


def test_what_is_neither_remembered_nor_posted_is_not_found_until_it_is_posted(merchant: Merchant, stack: Stack) -> None:
    with stack.ledger.writes_waiting():
        accepted = merchant.accepted(entry(), "forgotten")
        stack.forget_requests()
        assert merchant.look_up(accepted.body["id"]).problem == (404, "not_found")
    merchant.posted(accepted.body["id"])


def test_a_posted_entry_is_found_without_redis(merchant: Merchant, stack: Stack) -> None:
    """When Redis knows nothing of it, and when it hangs."""
    accepted = merchant.accepted(entry(), "forgotten").body
    shown = merchant.posted(accepted["id"])
    stack.forget_requests()
    assert merchant.look_up(accepted["id"]).body == shown
    with stack.hanging("Redis"):
        assert merchant.look_up(accepted["id"]).body == shown


def test_a_conflict_is_shown_with_the_entry_that_stands(merchant: Merchant, stack: Stack) -> None:
    """Another payload that came under a key that Redis had forgotten."""
    payloads = [entry("10.00", description="first"), entry("99.00", type="debit", date="2026-03-11", category="second")]
    with stack.ledger.writes_waiting():
        first = merchant.accepted(payloads[0], "used-twice")
        stack.ledger.until_waiting(1)
        stack.forget_requests()
        other = merchant.accepted(payloads[1], "used-twice")
        stack.ledger.until_waiting(2)
    for name in stack.workflow.names_for(other.body["id"]):
        stack.workflow.finished(name)

    # The first in the ledger stands: of two that wait there, that is the one whose statement is answered first.
    shown = merchant.posted(first.body["id"])
    said = ("type", "amount", "currency", "date", "description", "category")
    stands, conflicting = sorted(payloads, key=lambda payload: payload["amount"] != shown["amount"])
    defaults = {"currency": "BRL", "description": None, "category": None}
    assert {name: shown[name] for name in said} == defaults | stands
    (conflict,) = shown["conflicts"]
    assert conflict == defaults | conflicting | {"received_at": conflict["received_at"]}
    assert datetime.fromisoformat(shown["posted_at"]) < datetime.fromisoformat(conflict["received_at"]) <= datetime.now(UTC)
    # Whoever asks again is answered as the ledger has it, whatever Redis has kept.
    assert merchant.post(conflicting, "used-twice").problem == (422, "idempotency_key_reused")
    assert merchant.accepted(stands, "used-twice").is_repeat


def test_the_reversal_that_came_too_late_says_so(merchant: Merchant, stack: Stack) -> None:
    original = merchant.posted(merchant.accepted(entry("10.00", category="sales"), "sale").body["id"])
    # Both get past the door, since neither is posted there yet.
    with stack.ledger.writes_waiting():
        rivals = [merchant.accepted_reversal(original["id"], f"refund-{n}", {"date": DATE}) for n in range(2)]
    for rival in rivals:
        merchant.recorded(rival)

    shown = [merchant.look_up(rival.body["id"]).body for rival in rivals]
    assert sorted(body["status"] for body in shown) == ["already_reversed", "posted"]
    overtaken, posted = sorted(shown, key=lambda body: body["status"])
    assert overtaken.keys() == ACCEPTED_FIELDS | {"conflicts"}
    (accepted,) = (rival.body for rival in rivals if rival.body["id"] == overtaken["id"])
    assert overtaken == accepted | {"description": None, "status": "already_reversed", "conflicts": []}
    assert merchant.look_up(original["id"]).body["reversed_by"] == posted["id"]
    # Not only Redis knows it.
    stack.forget_requests()
    assert merchant.look_up(overtaken["id"]).body == overtaken


@pytest.mark.door("lambda", "What comes through the log has no execution; test_flow_log.py looks at that.")
def test_only_an_operator_is_told_the_execution_that_records_an_entry(merchant: Merchant, stack: Stack) -> None:
    operator = stack.users.tokens(merchant.id, ["viewer", "operator"])["IdToken"]
    single = merchant.accepted(entry("1.00"), "single")
    merchant.recorded(single)
    (alone,) = stack.workflow.names_for(single.body["id"])
    before = set(stack.workflow.names())
    batch = merchant.recorded_batch([entry("2.00", idempotency_key="a"), entry("3.00", idempotency_key="b")])
    (together,) = set(stack.workflow.names()) - before
    for entry_id, execution in [(single.body["id"], alone), *((line["id"], together) for line in batch.body["entries"])]:
        # The memory of requests may miss an entry on a busy machine.
        told = eventually(partial(merchant.look_up, entry_id, token=operator), names_its_execution, "the execution to be named")
        assert told.body["execution"] == execution
        assert "execution" not in merchant.look_up(entry_id).body


def names_its_execution(answer: Answer) -> bool:
    """Whether a lookup says which execution records the entry."""
    return "execution" in answer.body


def test_another_merchants_entry_is_answered_as_one_that_does_not_exist(merchant: Merchant, stack: Stack) -> None:
    posted = merchant.posted(merchant.accepted(entry(), "sale").body["id"])
    stranger = Merchant(stack)
    with stack.ledger.writes_waiting():
        pending = merchant.accepted(entry(), "waiting").body
        absent = stranger.look_up(VARIABLES["id"])
        assert absent.problem == (404, "not_found")
        for entry_id in (posted["id"], pending["id"]):
            answer = stranger.look_up(entry_id)
            assert (answer.status, answer.body) == (404, absent.body)
            assert answer.headers.keys() == absent.headers.keys()


def test_every_one_of_many_simultaneous_entries_is_found(merchant: Merchant) -> None:
    accepted = at_once(lambda n: merchant.accepted(entry(f"{n + 1}.00"), f"key-{n}").body, 50)
    shown = at_once(lambda n: merchant.posted(accepted[n]["id"]), 50)
    assert [(body["id"], body["amount"]) for body in shown] == [(body["id"], body["amount"]) for body in accepted]
