"""Undoing an entry: by another one that mirrors it, at most once."""

from itertools import count
from typing import Any

import pytest
from deployed.api import Answer
from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import VARIABLES, Stack
from deployed.waiting import at_once, eventually
from fluxo_local.doors import LAMBDA
from record_entries.scenarios import OVERTAKEN, RECORDED

REFUND = {"date": "2026-03-12", "description": "Returned goods"}


@pytest.fixture
def sale(merchant: Merchant) -> dict[str, Any]:
    """A posted entry."""
    accepted = merchant.accepted(entry("150.75", description="Venda no cartão", category="vendas"), "sale")
    merchant.recorded(accepted)
    return merchant.posted(accepted.body["id"])


def test_a_reversal_mirrors_its_original_and_both_stay(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    answer = merchant.accepted_reversal(sale["id"], "refund", REFUND)
    assert answer.body == {
        "id": answer.body["id"],
        "merchant_id": merchant.id,
        "type": "debit",
        "amount": "150.75",
        "currency": "BRL",
        "date": "2026-03-12",
        "description": "Returned goods",
        "category": "vendas",
        "reverses": sale["id"],
        "status": "accepted",
    }
    assert answer.headers["location"] == f"/entries/{answer.body['id']}"
    assert not answer.is_repeat
    execution = merchant.recorded(answer)
    assert execution.status == "SUCCEEDED"
    if stack.door == LAMBDA:
        assert execution.states == RECORDED

    reversal = merchant.posted(answer.body["id"])
    assert (reversal["reverses"], reversal["reversed_by"]) == (sale["id"], None)
    original = merchant.look_up(sale["id"]).body
    assert original == sale | {"reversed_by": reversal["id"], "balance_token": original["balance_token"]}
    assert [line["running_balance"] for line in merchant.statement() + merchant.statement("2026-03-12")] == ["150.75", "0.00"]
    assert merchant.statement()[0]["reversed_by"] == reversal["id"]
    assert merchant.day() == Day("0.00", "150.75", "0.00", "150.75", 1)
    assert merchant.day("2026-03-12") == Day("150.75", "0.00", "150.75", "0.00", 1)


def test_a_debit_is_reversed_by_a_credit_in_its_own_currency(merchant: Merchant) -> None:
    original = merchant.posted(merchant.accepted(entry("1.500", type="debit", currency="KWD"), "rent").body["id"])
    answer = merchant.accepted_reversal(original["id"], "refund", {"date": DATE})
    merchant.recorded(answer)
    assert (answer.body["type"], answer.body["amount"], answer.body["currency"]) == ("credit", "1.500", "KWD")
    assert (answer.body["description"], answer.body["category"]) == (None, None)
    assert merchant.day(currency="KWD") == Day("0.000", "1.500", "1.500", "0.000", 2)


def test_a_reversal_that_names_no_date_is_of_today(merchant: Merchant, sale: dict[str, Any]) -> None:
    # What today is in the business time zone, an entry without a date says.
    before, answer, after = (
        merchant.accepted(entry("1.00", date=None), "before"),
        merchant.accepted_reversal(sale["id"], "refund"),
        merchant.accepted(entry("1.00", date=None), "after"),
    )
    assert answer.body["date"] in (before.body["date"], after.body["date"])
    merchant.recorded(answer)
    assert merchant.posted(answer.body["id"])["date"] == answer.body["date"]


def test_a_reversal_is_not_dated_before_its_entry(merchant: Merchant, sale: dict[str, Any]) -> None:
    refused = merchant.reverse(sale["id"], "refund", {"date": "2026-03-09"})
    assert (refused.problem, refused.faults) == ((400, "validation_failed"), ["/date"])
    assert sale["date"] in refused.body["errors"][0]["detail"]
    # A refusal is not remembered.
    assert merchant.accepted_reversal(sale["id"], "refund", {"date": sale["date"]}).body["date"] == sale["date"]


def test_an_id_in_upper_case_is_the_same_id(merchant: Merchant, sale: dict[str, Any]) -> None:
    assert merchant.look_up(sale["id"].upper()).body["id"] == sale["id"]
    first = merchant.accepted_reversal(sale["id"], "refund", REFUND)
    again = merchant.accepted_reversal(sale["id"].upper(), "refund", REFUND)
    assert (again.is_repeat, again.body) == (True, first.body)


def test_an_entry_is_reversed_once(merchant: Merchant, sale: dict[str, Any]) -> None:
    merchant.recorded(merchant.accepted_reversal(sale["id"], "refund", REFUND))
    refused = merchant.reverse(sale["id"], "refund-again", REFUND)
    assert refused.problem == (409, "already_reversed")
    assert merchant.reverse(sale["id"], "refund-again", REFUND | {"date": "2026-03-13"}).problem == (409, "already_reversed")
    assert len(merchant.entries()) == 2


def test_a_refused_reversal_is_not_remembered(merchant: Merchant, sale: dict[str, Any]) -> None:
    merchant.recorded(merchant.accepted_reversal(sale["id"], "refund", REFUND))
    assert merchant.reverse(sale["id"], "free").problem == (409, "already_reversed")
    other = merchant.accepted(entry("1.00"), "free")
    assert not other.is_repeat
    merchant.recorded(other)


def test_of_twenty_simultaneous_reversals_exactly_one_is_posted(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    answers = at_once(lambda n: merchant.reverse(sale["id"], f"refund-{n}", {"date": DATE}), 20)
    accepted = [answer for answer in answers if answer.status == 202]
    assert accepted
    assert {answer.problem for answer in answers if answer.status != 202} <= {(409, "already_reversed")}
    for answer in accepted:
        assert merchant.recorded(answer).status == "SUCCEEDED"

    shown = [merchant.look_up(answer.body["id"]).body for answer in accepted]
    statuses = sorted(body["status"] for body in shown)
    assert statuses == ["already_reversed"] * (len(accepted) - 1) + ["posted"]
    (winner,) = (body["id"] for body in shown if body["status"] == "posted")
    assert merchant.look_up(sale["id"]).body["reversed_by"] == winner
    assert [row["id"] for row in merchant.entries()] == [sale["id"], winner]
    assert merchant.day() == Day("0.00", "150.75", "150.75", "0.00", 2)
    assert stack.ledger.conflicts(merchant.id) == []


def test_twenty_simultaneous_requests_under_one_key_are_one_reversal(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    answers = at_once(lambda _: merchant.reverse(sale["id"], "refund"), 20)
    assert [answer.status for answer in answers] == [202] * 20
    first = answers[0]
    assert all((answer.body, answer.headers["location"]) == (first.body, first.headers["location"]) for answer in answers)
    assert sum(not answer.is_repeat for answer in answers) <= (stack.firsts_at_once or 20)
    assert merchant.recorded(first).status == "SUCCEEDED"
    assert len(merchant.entries()) == 2


@pytest.mark.door("lambda", "It looks at states of the state machine.")
def test_the_path_of_the_reversal_that_came_too_late_shows_in_its_execution(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    with stack.ledger.writes_waiting():
        rivals = [merchant.accepted_reversal(sale["id"], f"refund-{n}", REFUND) for n in range(2)]
    executions = [merchant.recorded(rival) for rival in rivals]
    assert {execution.status for execution in executions} == {"SUCCEEDED"}
    (overtaken,) = (execution for execution in executions if execution.output["outcomes"]["already_reversed"])
    assert overtaken.states == OVERTAKEN
    assert overtaken.output["outcomes"] == {"applied": 0, "duplicate": 0, "conflict": 0, "already_reversed": 1}
    assert len(merchant.entries()) == 2
    # Run again, it comes to the same.
    again = stack.workflow.run(overtaken.input)
    assert (again.states, again.output["outcomes"]) == (overtaken.states, overtaken.output["outcomes"])
    assert len(merchant.entries()) == 2


@pytest.mark.door("lambda", "No request makes such a batch; services/entries tests it on the log.")
def test_a_reversal_that_came_too_late_harms_no_entry_beside_it(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    # No request makes such a batch, but the workflow would carry it.
    first = merchant.recorded(merchant.accepted_reversal(sale["id"], "refund", REFUND)).input["entries"][0]
    plain = merchant.recorded(merchant.accepted(entry("4.00", date="2026-03-13"), "plain")).input["entries"][0]
    rival = first | {"id": "00000000-0000-5000-8000-000000000001"}
    new = plain | {"id": "00000000-0000-5000-8000-000000000002"}
    execution = stack.workflow.run({"merchant_id": merchant.id, "entries": [rival, new]})
    assert execution.states == OVERTAKEN
    assert execution.output["outcomes"] == {"applied": 1, "duplicate": 0, "conflict": 0, "already_reversed": 1}
    assert merchant.look_up(rival["id"]).body["status"] == "already_reversed"
    assert merchant.look_up(new["id"]).body["status"] == "posted"
    assert merchant.day("2026-03-13") == Day("0.00", "8.00", "0.00", "8.00", 2)


@pytest.mark.door("lambda", "No request makes such a batch; services/entries tests it on the log.")
def test_two_reversals_of_one_entry_in_one_batch_are_one(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    refund = merchant.recorded(merchant.accepted_reversal(sale["id"], "refund", REFUND)).input["entries"][0]
    other = merchant.recorded(merchant.accepted(entry("150.75", category="vendas"), "other-sale")).input["entries"][0]
    rivals = [refund | {"id": f"00000000-0000-5000-8000-00000000000{n}", "reverses": other["id"]} for n in (1, 2)]
    execution = stack.workflow.run({"merchant_id": merchant.id, "entries": rivals})
    assert execution.output["outcomes"] == {"applied": 1, "duplicate": 0, "conflict": 0, "already_reversed": 1}
    assert sorted(merchant.look_up(rival["id"]).body["status"] for rival in rivals) == ["already_reversed", "posted"]


def test_a_repeat_is_answered_as_the_first_was(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    # Without a date, so that a repeat has to find out what the first one said.
    first = merchant.accepted_reversal(sale["id"], "refund")
    assert not first.is_repeat
    merchant.recorded(first)

    def assert_replayed(repeat: Answer) -> None:
        assert (repeat.status, repeat.body, repeat.headers["location"]) == (202, first.body, first.headers["location"])
        assert repeat.is_repeat

    assert_replayed(merchant.reverse(sale["id"], "refund"))
    assert_replayed(merchant.reverse(sale["id"], '"refund"', {}))
    stack.forget_requests()
    assert_replayed(merchant.reverse(sale["id"], "refund"))
    with stack.hanging("Redis"):
        assert_replayed(merchant.reverse(sale["id"], "refund"))
    merchant.recorded(first)
    assert len(merchant.entries()) == 2


def test_a_repeat_of_the_reversal_that_came_too_late_is_a_repeat(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    with stack.ledger.writes_waiting():
        rivals = [merchant.accepted_reversal(sale["id"], f"refund-{n}", REFUND) for n in range(2)]
    for rival in rivals:
        merchant.recorded(rival)
    for number, rival in enumerate(rivals):
        repeat = merchant.reverse(sale["id"], f"refund-{number}", REFUND)
        assert (repeat.status, repeat.is_repeat, repeat.body) == (202, True, rival.body)


def test_a_key_names_an_entry_or_a_reversal_and_never_both(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    other = merchant.posted(merchant.accepted(entry("2.00"), "other").body["id"])
    reversal = merchant.accepted_reversal(sale["id"], "refund", REFUND)
    merchant.recorded(reversal)

    # The cache may miss a request, but before a reversal the ledger is asked.
    def reused() -> list[tuple[int, str | None]]:
        answers = [
            merchant.reverse(other["id"], "sale", REFUND),
            merchant.reverse(other["id"], "refund", REFUND),
            merchant.reverse(sale["id"], "refund", REFUND | {"date": "2026-03-13"}),
            merchant.reverse(sale["id"], "refund", {"date": "2026-03-12"}),
            merchant.reverse(sale["id"], "refund"),
        ]
        return [answer.problem for answer in answers]

    assert reused() == [(422, "idempotency_key_reused")] * 5
    stack.forget_requests()
    assert reused() == [(422, "idempotency_key_reused")] * 5
    assert merchant.look_up(other["id"]).body["reversed_by"] is None
    assert len(merchant.entries()) == 3


def test_an_entry_under_the_key_of_a_reversal_is_refused(merchant: Merchant, stack: Stack) -> None:
    # As for two entries: the cache may miss one when Redis takes longer than its 50 ms.
    tries = count()

    def reversed_and_reused() -> Answer:
        number = next(tries)
        original = merchant.posted(merchant.accepted(entry("3.00"), f"sale-{number}").body["id"])
        merchant.recorded(merchant.accepted_reversal(original["id"], f"refund-{number}", {"date": DATE}))
        return merchant.post(entry("3.00", type="debit"), f"refund-{number}")

    refused = eventually(reversed_and_reused, lambda answer: answer.status != 202, "a used key to be refused")
    assert refused.problem == (422, "idempotency_key_reused")


def test_a_reversal_is_not_reversed(merchant: Merchant, sale: dict[str, Any]) -> None:
    reversal = merchant.accepted_reversal(sale["id"], "refund", REFUND)
    merchant.recorded(reversal)
    refused = merchant.reverse(reversal.body["id"], "undo", REFUND)
    assert refused.problem == (409, "reversal_of_reversal")
    assert len(merchant.entries()) == 2


def test_an_entry_that_is_not_posted_yet_is_reversed_later(merchant: Merchant, stack: Stack) -> None:
    tries = count()

    def accepted_and_reversed() -> tuple[Answer, Answer]:
        accepted = merchant.accepted(entry("10.00"), f"waiting-{next(tries)}")
        return accepted, merchant.reverse(accepted.body["id"], "refund", {"date": DATE})

    with stack.ledger.writes_waiting():
        # The cache may miss an entry when Redis takes longer than its 50 ms.
        accepted, refused = eventually(accepted_and_reversed, lambda seen: seen[1].status != 404, "an entry to be remembered")
        assert refused.problem == (409, "not_yet_posted")
        assert refused.retry_after_s >= 1
    merchant.recorded(accepted)
    # Under the same key, which the refusal has not used up.
    merchant.recorded(merchant.accepted_reversal(accepted.body["id"], "refund", {"date": DATE}))
    assert merchant.look_up(accepted.body["id"]).body["reversed_by"] is not None


def test_what_does_not_exist_and_what_is_another_merchants_is_not_found(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    stranger = Merchant(stack)
    absent = stranger.reverse(VARIABLES["id"], "refund", REFUND)
    assert absent.problem == (404, "not_found")
    foreign = stranger.reverse(sale["id"], "refund", REFUND)
    assert (foreign.status, foreign.body) == (404, absent.body)
    assert merchant.look_up(sale["id"]).body["reversed_by"] is None
    assert stranger.entries() == []


def test_who_is_no_clerk_reverses_nothing(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    refused = merchant.reverse(sale["id"], "refund", REFUND, token=stack.users.id_token(merchant.id, "viewer"))
    assert refused.problem == (403, "clerk_required")
    assert len(merchant.entries()) == 1


def test_a_reversal_needs_the_ledger(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    executions = stack.workflow.names()
    with stack.ledger.refusing():
        refused = merchant.reverse(sale["id"], "refund", REFUND)
        assert refused.problem == (503, "temporarily_unavailable")
        assert refused.retry_after_s >= 1
    assert stack.workflow.names() == executions
    merchant.recorded(merchant.accepted_reversal(sale["id"], "refund", REFUND))
    assert merchant.day("2026-03-12").closing == "0.00"


def test_an_accepted_reversal_is_posted_once_the_ledger_is_back(merchant: Merchant, sale: dict[str, Any], stack: Stack) -> None:
    with stack.failing_to_post() as until_failing, stack.ledger.writes_waiting():
        accepted = merchant.accepted_reversal(sale["id"], "refund", REFUND)
        until_failing(accepted.body["id"])
    assert merchant.recorded(accepted).status == "SUCCEEDED"
    assert merchant.look_up(sale["id"]).body["reversed_by"] == accepted.body["id"]
    assert len(merchant.entries()) == 2
