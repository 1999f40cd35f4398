"""The whole machine is switched off and on again."""

from deployed.merchant import Day, Merchant, entry
from deployed.stack import Stack


def test_a_restart_keeps_entries_balances_users_and_what_was_answered(merchant: Merchant, stack: Stack) -> None:
    posted = merchant.accepted(entry("10.00", description="kept ☕"), "kept")
    merchant.recorded(posted)
    stack.restart()

    # The token of before, too.
    assert merchant.day() == Day("0.00", "10.00", "0.00", "10.00", 1)
    repeat = merchant.accepted(entry("10.00", description="kept ☕"), "kept")
    assert (repeat.is_repeat, repeat.body) == (True, posted.body)
    merchant.recorded(merchant.accepted(entry("1.00"), "after"))
    assert merchant.day() == Day("0.00", "11.00", "0.00", "11.00", 2)
    assert [row["description"] for row in merchant.entries()] == ["kept ☕", None]
