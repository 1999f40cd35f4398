"""What the balance of a day was at an earlier moment."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from deployed.api import Answer
from deployed.merchant import DATE, Day, Merchant, entry, read_day
from deployed.stack import Stack
from deployed.waiting import eventually

FIELDS = {"date", "currency", "opening_balance", "total_credits", "total_debits", "closing_balance", "entry_count", "as_of"}


def as_of(merchant: Merchant, instant: str, date: str = DATE, currency: str = "BRL") -> Answer:
    """The answer as it is now."""
    return merchant.get(f"/daily-balances/{date}/as-of/{instant}?currency={currency}")


def settled(merchant: Merchant, instant: str, date: str = DATE, currency: str = "BRL") -> dict[str, Any]:
    """The answer once nothing can be posted with that time any more."""
    answer = eventually(lambda: as_of(merchant, instant, date, currency), lambda seen: seen.status != 409, f"{instant} to be settled")
    assert answer.status == 200, answer
    return answer.body


def posted_at(merchant: Merchant, key: str, **fields: Any) -> str:
    """Posts an entry; answers when."""
    accepted = merchant.accepted(entry(**fields), key)
    merchant.recorded(accepted)
    return merchant.posted(accepted.body["id"])["posted_at"]


def shifted(instant: str, **delta: int) -> str:
    """An instant before or after that one."""
    moved = datetime.fromisoformat(instant) + timedelta(**delta)
    return moved.isoformat(timespec="microseconds").replace("+00:00", "Z")


class History(NamedTuple):
    """Three entries of a merchant: when each was posted."""

    merchant: Merchant
    first: str
    second: str
    carried: str


@pytest.fixture(scope="module", autouse=True)
def history(stack: Stack) -> History:
    """Made once, before all tests, so that it settles while the first one waits for something else."""
    merchant = Merchant(stack)
    first = posted_at(merchant, "first", amount="10.00")
    second = posted_at(merchant, "second", amount="3.00", type="debit")
    carried = posted_at(merchant, "carried", amount="5.00", date="2026-02-01")
    assert first < second < carried
    return History(merchant, first, second, carried)


@pytest.fixture(scope="module", autouse=True)
def quiet_merchant(stack: Stack) -> Merchant:
    """A merchant to whom nothing happens any more after some busy days. Made first, for the same reason."""
    merchant = Merchant(stack)
    kinds = ["credit", "debit"]
    merchant.recorded_batch(
        [entry(f"{n}.07", type=kinds[n % 2], date=f"2026-03-{n % 5 + 8:02}", idempotency_key=f"key-{n}") for n in range(1, 50)]
    )
    return merchant


def test_a_posting_that_takes_long_changes_no_answer(merchant: Merchant, stack: Stack) -> None:
    # A posting has the time at which its transaction began. Here that may lie before a moment that is asked about meanwhile.
    with stack.failing_to_post() as until_failing, stack.ledger.writes_waiting():
        accepted = merchant.accepted(entry("10.00"), "slow")
        until_failing(accepted.body["id"])
        asked = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        assert as_of(merchant, asked).problem == (409, "not_settled")
    merchant.recorded(accepted)
    shown = merchant.posted(accepted.body["id"])
    known = settled(merchant, asked)
    assert known["entry_count"] == (1 if datetime.fromisoformat(shown["posted_at"]) <= datetime.fromisoformat(asked) else 0)
    assert settled(merchant, asked) == known


def test_a_balance_as_of_an_instant_has_what_was_posted_up_to_it_and_stays_so(history: History) -> None:
    merchant, first, second, carried = history
    instants = [shifted(first, microseconds=-1), first, shifted(second, microseconds=-1), second, carried]
    known = [settled(merchant, instant) for instant in instants]
    assert all(body.keys() == FIELDS for body in known)
    assert [read_day(body) for body in known] == [
        Day("0.00", "0.00", "0.00", "0.00", 0),
        Day("0.00", "10.00", "0.00", "10.00", 1),
        Day("0.00", "10.00", "0.00", "10.00", 1),
        Day("0.00", "10.00", "3.00", "7.00", 2),
        Day("5.00", "10.00", "3.00", "12.00", 2),
    ]
    assert [(body["date"], body["currency"]) for body in known] == [(DATE, "BRL")] * len(known)
    assert [datetime.fromisoformat(body["as_of"]) for body in known] == [datetime.fromisoformat(instant) for instant in instants]
    assert read_day(settled(merchant, carried, "2026-03-11")) == Day("12.00", "0.00", "0.00", "12.00", 0)
    assert read_day(settled(merchant, carried, "2026-02-01")) == Day("0.00", "5.00", "0.00", "5.00", 1)
    assert read_day(settled(merchant, carried, currency="USD")) == Day("0.00", "0.00", "0.00", "0.00", 0)

    # Times are finer than microseconds when a client likes, and never rounded up.
    almost = settled(merchant, shifted(first, microseconds=-1).replace("Z", "999Z"))
    assert almost["entry_count"] == 0

    # The past is asked again after entries of the same day and of earlier ones have come.
    posted_at(merchant, "late", amount="100.00")
    posted_at(merchant, "backdated", amount="1000.00", date="2020-01-01")
    assert [settled(merchant, instant) for instant in instants] == known
    assert merchant.day() == Day("1005.00", "110.00", "3.00", "1112.00", 3)


def test_an_instant_may_be_written_with_any_offset(history: History) -> None:
    merchant, instant = history.merchant, history.first
    expected = settled(merchant, instant)
    assert expected["as_of"].endswith("Z")
    moment = datetime.fromisoformat(instant)
    for offset in (timedelta(hours=-3), timedelta(hours=5, minutes=30), timedelta(hours=14), timedelta(0)):
        text = moment.astimezone(timezone(offset)).isoformat()
        for spelling in (text, text.replace("+", "%2B"), text.replace(":", "%3A").replace("+", "%2B")):
            answer = as_of(merchant, spelling)
            assert (answer.status, answer.body) == (200, expected), spelling


def test_an_instant_that_is_not_over_for_certain_is_not_settled(merchant: Merchant) -> None:
    now = datetime.now(UTC)
    for instant in (now, now + timedelta(seconds=5), now + timedelta(days=400)):
        answer = as_of(merchant, instant.isoformat().replace("+00:00", "Z"))
        assert answer.problem == (409, "not_settled"), instant
        assert answer.retry_after_s >= 1
    # As long as it says, or a little longer, since the clocks of two machines differ.
    assert as_of(merchant, now.isoformat().replace("+00:00", "Z")).retry_after_s <= 11


def test_before_the_first_entry_there_was_nothing(history: History) -> None:
    assert read_day(settled(history.merchant, "2001-09-09T01:46:40Z")) == Day("0.00", "0.00", "0.00", "0.00", 0)


def test_now_and_ten_seconds_ago_agree_once_all_is_quiet(quiet_merchant: Merchant) -> None:
    quiet = max(line["posted_at"] for line in quiet_merchant.statement())
    for day in range(8, 13):
        date = f"2026-03-{day:02}"
        assert read_day(settled(quiet_merchant, quiet, date)) == quiet_merchant.day(date)
