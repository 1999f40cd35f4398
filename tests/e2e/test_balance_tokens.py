"""Whoever has seen an entry posted can ask for a balance that has it."""

import pytest
from deployed.merchant import DATE, Merchant, entry
from deployed.stack import Stack
from deployed.waiting import at_once

LATER = "2026-04-02"
# The last is what anybody could make up before tokens were signed: "1 BRL 2026-04-01 1 9999 1 9999".
NOT_TOKENS = ["", "garbage", "0", "A" * 500, "%00", "null", "MSBCUkwgMjAyNi0wNC0wMSAxIDk5OTkgMSA5OTk5"]


def paths(token: str) -> list[str]:
    """Questions whose answers cover the entries of DATE."""
    return [
        f"/daily-balances/{DATE}?token={token}",
        f"/daily-balances/{LATER}?token={token}",
        f"/daily-balances?from={DATE}&to={DATE}&token={token}",
        f"/daily-balances?from=2026-04-01&to={LATER}&token={token}",
    ]


def test_a_balance_asked_for_with_a_token_has_the_entry(merchant: Merchant) -> None:
    for number in range(1, 11):
        shown = merchant.posted(merchant.accepted(entry("1.00"), f"key-{number}").body["id"])
        # Right now: the balance may not have been written yet.
        answers = [merchant.get(path) for path in paths(shown["balance_token"])]
        assert [answer.status for answer in answers] == [200] * 4, answers
        closings = [answer.body["closing_balance"] if "date" in answer.body else answer.body["balances"][-1]["closing_balance"]
                    for answer in answers]  # fmt: skip
        assert closings == [f"{number}.00"] * 4


def test_a_token_of_an_old_entry_costs_nothing(merchant: Merchant) -> None:
    tokens = []
    for number in range(3):
        accepted = merchant.accepted(entry("1.00"), f"key-{number}")
        merchant.recorded(accepted)
        tokens.append(merchant.posted(accepted.body["id"])["balance_token"])
    for token in tokens:
        assert merchant.get(f"/daily-balances/{DATE}?token={token}").body["closing_balance"] == "3.00"


def test_a_balance_that_cannot_be_written_is_not_waited_for_without_end(merchant: Merchant, stack: Stack) -> None:
    with stack.balances_unwritable():
        accepted = merchant.accepted(entry("1.00"), "waiting")
        shown = merchant.posted(accepted.body["id"])
        questions = paths(shown["balance_token"])
        # Each is refused after some seconds.
        for path, refused in zip(questions, at_once(lambda n: merchant.get(questions[n]), len(questions)), strict=True):
            assert refused.problem == (409, "not_yet_reflected"), path
            assert refused.retry_after_s >= 1
        # Who does not insist is answered.
        assert merchant.day().entry_count == 0
    merchant.recorded(accepted)
    for path in questions:
        assert merchant.get(path).status == 200, path


def test_a_token_shows_nobody_the_balance_of_another_merchant(merchant: Merchant, stack: Stack) -> None:
    stranger = Merchant(stack)
    shown = merchant.posted(merchant.accepted(entry("1.00"), "key").body["id"])
    refused = stranger.get(f"/daily-balances/{DATE}?token={shown['balance_token']}")
    assert (refused.problem, refused.faults) == ((400, "parameter_invalid"), ["token"])
    assert stranger.day().entry_count == 0


def test_a_token_that_was_changed_is_refused(merchant: Merchant) -> None:
    token = merchant.posted(merchant.accepted(entry("1.00"), "key").body["id"])["balance_token"]
    for index in range(0, len(token), 10):
        changed = token[:index] + ("B" if token[index] == "A" else "A") + token[index + 1 :]
        refused = merchant.get(f"/daily-balances/{DATE}?token={changed}")
        assert (refused.problem, refused.faults) == ((400, "parameter_invalid"), ["token"]), index


@pytest.mark.parametrize("text", NOT_TOKENS)
def test_a_text_that_is_no_token_is_refused(merchant: Merchant, text: str) -> None:
    for path in paths(text):
        refused = merchant.get(path)
        assert (refused.problem, refused.faults) == ((400, "parameter_invalid"), ["token"]), path
