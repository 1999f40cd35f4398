"""Balances that are not what the ledger says are put right: by the function on its schedule's event, and by hand."""

from typing import Any

import pytest
from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import Stack, launch
from fluxo_local.doors import LAMBDA

TEN = Day("0.00", "10.00", "0.00", "10.00", 1)


@pytest.fixture
def recorded(merchant: Merchant) -> Merchant:
    """A merchant with one entry of 10.00 in ledger and balance."""
    merchant.recorded(merchant.accepted(entry(), "key"))
    assert merchant.day() == TEN
    return merchant


def overwrite(stack: Stack, merchant: Merchant, period: str, **attributes: int) -> None:
    """Somebody changes an item of the read model by hand."""
    stack.client("dynamodb").update_item(
        TableName=stack.ids["balances_table"],
        Key={"pk": {"S": f"{merchant.id}#BRL"}, "sk": {"S": period}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in attributes.items()},
    )


def compared(stack: Stack, merchant: Merchant) -> dict[str, Any]:
    """The report of a run over the merchant's month."""
    return stack.invoke("ReconcileBalances", {"merchant_id": merchant.id, "from": DATE, "to": DATE})


def test_a_balance_overwritten_by_hand_is_put_right_and_reported(recorded: Merchant, stack: Stack) -> None:
    overwrite(stack, recorded, f"day#{DATE}", credits=99)
    assert recorded.day().credits == "0.99"
    report = compared(stack, recorded)
    assert (report["wrong"], report["repaired"], report["complete"]) == (1, 1, True)
    assert recorded.day() == TEN
    assert compared(stack, recorded)["repaired"] == 0


def test_balances_that_were_lost_come_back(recorded: Merchant, stack: Stack) -> None:
    for period in (f"day#{DATE}", f"year#{DATE[:4]}"):
        key = {"pk": {"S": f"{recorded.id}#BRL"}, "sk": {"S": period}}
        stack.client("dynamodb").delete_item(TableName=stack.ids["balances_table"], Key=key)
    assert recorded.day().entry_count == 0
    launch("reconcile")
    assert recorded.day() == TEN
    assert recorded.get("/daily-balances/2026-04-01").body["opening_balance"] == "10.00"


def test_the_schedules_event_brings_up_what_was_posted_and_not_consolidated(merchant: Merchant, stack: Stack) -> None:
    with stack.balances_unwritable():
        posted = merchant.accepted(entry(), "behind")
        stack.until_not_consolidated(posted.body["id"])
        assert merchant.day().entry_count == 0
        assert stack.invoke("ReconcileBalances", {})["complete"]
        assert merchant.day() == TEN
    execution = merchant.recorded(posted)
    assert merchant.day() == TEN
    if stack.door == LAMBDA:
        assert execution.output["up_to_date"] == 2


def test_another_merchants_balances_are_left_alone(recorded: Merchant, stack: Stack) -> None:
    other = Merchant(stack)
    overwrite(stack, recorded, f"day#{DATE}", credits=99)
    assert compared(stack, other)["repaired"] == 0
    assert recorded.day().credits == "0.99"
    launch("reconcile", "--merchant", recorded.id, "--from", DATE, "--to", DATE, "--currency", "BRL")
    assert recorded.day() == TEN
