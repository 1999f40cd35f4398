"""One way through everything that a door has: what `make test` tries at the second one, beside the whole of these tests at the first."""

from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import Stack


def test_entries_go_through_the_door_to_ledger_and_balances(merchant: Merchant, stack: Stack) -> None:
    sale = merchant.accepted(entry("100.00", description="Venda"), "sale")
    merchant.recorded(sale)
    repeat = merchant.accepted(entry("100.00", description="Venda"), "sale")
    assert (repeat.is_repeat, repeat.body) == (True, sale.body)
    assert merchant.post(entry("100.01"), "sale").problem == (422, "idempotency_key_reused")
    assert merchant.post({"type": "credit"}, "faulty").status == 400
    batch = merchant.post_batch([entry(f"{number}.00", type="debit", idempotency_key=f"b{number}") for number in (1, 2, 3)])
    assert batch.status == 202
    for line in batch.body["entries"]:
        merchant.posted(line["id"])
    merchant.recorded(merchant.accepted_reversal(batch.body["entries"][2]["id"], "undo", {"date": DATE}))
    balance = Day("0.00", "103.00", "6.00", "97.00", 5)
    assert merchant.settled_day(5) == balance
    assert sum(1 for _ in merchant.statement()) == len(merchant.entries()) == 5
    assert len(merchant.export(DATE, DATE)) == 5
    assert merchant.get(f"/daily-balances?from={DATE}&to={DATE}").body["balances"][0]["closing_balance"] == "97.00"
    assert merchant.seal().status == 201
    assert merchant.get(f"/daily-balances/{DATE}").body["status"] == "sealed"
    assert merchant.look_up(sale.body["id"], token=Merchant(stack).token).status == 404
    assert merchant.post(entry(), "nobody", token="garbage").status == 401
