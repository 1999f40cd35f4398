"""No merchant reads or changes anything of another, whatever they send."""

import pytest
from deployed.api import call
from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import Stack

NOTHING = Day("0.00", "0.00", "0.00", "0.00", 0)


@pytest.fixture
def stranger(stack: Stack) -> Merchant:
    """Another merchant."""
    return Merchant(stack)


def test_the_same_key_names_another_entry_of_another_merchant(merchant: Merchant, stranger: Merchant) -> None:
    ours = merchant.accepted(entry("10.00"), "sale-1")
    theirs = stranger.accepted(entry("10.00"), "sale-1")
    other = stranger.accepted(entry("99.00", type="debit"), "sale-2")
    assert ours.body["id"] != theirs.body["id"]
    assert (ours.body["merchant_id"], theirs.body["merchant_id"]) == (merchant.id, stranger.id)
    assert not theirs.is_repeat
    for who, answer in ((merchant, ours), (stranger, theirs), (stranger, other)):
        who.recorded(answer)

    assert merchant.day() == Day("0.00", "10.00", "0.00", "10.00", 1)
    assert stranger.day() == Day("0.00", "10.00", "99.00", "-89.00", 2)
    assert [row["id"] for row in merchant.entries()] == [ours.body["id"]]
    assert {row["id"] for row in stranger.entries()} == {theirs.body["id"], other.body["id"]}


def test_a_batch_with_the_keys_of_another_merchant_is_a_batch_of_new_entries(merchant: Merchant, stranger: Merchant) -> None:
    ours = merchant.post_batch([entry("1.00", idempotency_key=f"key-{n}") for n in range(3)])
    # Other payloads: were the keys not those of a merchant, they would be refused as reused.
    theirs = stranger.post_batch([entry("2.00", idempotency_key=f"key-{n}") for n in range(3)])
    assert (ours.status, theirs.status) == (202, 202)
    assert {line["id"] for line in ours.body["entries"]}.isdisjoint(line["id"] for line in theirs.body["entries"])
    assert merchant.settled_day(3).closing == "3.00"
    assert stranger.settled_day(3).closing == "6.00"


def test_nothing_in_a_request_selects_another_merchant(merchant: Merchant, stranger: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("10.00"), "mine"))
    headers = {
        name: merchant.id
        for name in ("Merchant-Id", "X-Merchant-Id", "Custom-Merchant-Id", "X-Amzn-Oidc-Identity", "Cookie", "X-Forwarded-User")
    }
    assert stranger.get(f"/daily-balances/{DATE}", headers=headers).body["entry_count"] == 0
    assert stranger.get(f"/daily-balances/{DATE}?merchant_id={merchant.id}").problem == (400, "parameter_invalid")
    assert stranger.get(f"/daily-balances/{DATE}?custom:merchant_id={merchant.id}").problem == (400, "parameter_invalid")
    for path in (f"/{merchant.id}/daily-balances/{DATE}", f"/daily-balances/{merchant.id}/{DATE}"):
        assert stranger.get(path).status == 404

    posted = stranger.post(entry("99.00"), "theirs", headers=headers)
    assert (posted.status, posted.body["merchant_id"]) == (202, stranger.id)
    stranger.recorded(posted)
    assert stranger.post(entry("99.00", merchant_id=merchant.id), "body").problem == (400, "validation_failed")
    assert merchant.day() == Day("0.00", "10.00", "0.00", "10.00", 1)
    assert len(merchant.entries()) == 1


def test_no_route_shows_anything_of_another_merchant(merchant: Merchant, stranger: Merchant, stack: Stack) -> None:
    accepted = merchant.accepted(entry("10.00"), "mine")
    merchant.recorded(accepted)
    assert merchant.seal().status == 201
    nobody = Merchant(stack)
    for method, path in stack.routes(date=DATE, id=accepted.body["id"]):
        if method == "GET":
            seen = [who.get(path) for who in (stranger, nobody, merchant)]
            assert (seen[0].status, seen[0].body) == (seen[1].status, seen[1].body), path
            # There would have been something to see, except before the entry came.
            assert seen[2].body != seen[0].body or "/as-of/" in path, path


def test_no_route_changes_anything_of_another_merchant(merchant: Merchant, stranger: Merchant, stack: Stack) -> None:
    accepted = merchant.accepted(entry("10.00"), "mine")
    merchant.recorded(accepted)
    before = (
        merchant.look_up(accepted.body["id"]).body,
        merchant.statement(),
        merchant.seals(),
        merchant.get(f"/daily-balances/{DATE}").body,
    )
    bodies = {"/entries": entry("99.00"), "/entries/batch": {"entries": [entry("99.00", idempotency_key="mine")]}}
    executions = stack.workflow.names()
    for method, path in stack.routes(date=DATE, id=accepted.body["id"]):
        if method == "POST":
            answer = call(stack.url + path, method, stranger.token, bodies.get(path), {"Idempotency-Key": f"mine-{path}"[:64]})
            assert answer.status in (201, 202, 404), (path, answer)
    for name in set(stack.workflow.names()) - set(executions):
        stack.workflow.finished(name)
    after = (
        merchant.look_up(accepted.body["id"]).body,
        merchant.statement(),
        merchant.seals(),
        merchant.get(f"/daily-balances/{DATE}").body,
    )
    assert after == before
    assert {row["merchant_id"] for row in stranger.entries()} == {stranger.id}


@pytest.mark.parametrize("tail", ["#BRL", "#BRL#BRL", "'--", "%", "/../x"])
def test_a_merchant_whose_name_looks_like_a_key_of_another_is_somebody_else(merchant: Merchant, stack: Stack, tail: str) -> None:
    merchant.recorded(merchant.accepted(entry("10.00"), "mine"))
    neighbour = Merchant(stack, merchant.id + tail)
    assert neighbour.day() == NOTHING
    neighbour.recorded(neighbour.accepted(entry("7.00", type="debit"), "mine"))
    assert neighbour.day() == Day("0.00", "0.00", "7.00", "-7.00", 1)
    assert [row["merchant_id"] for row in neighbour.entries()] == [neighbour.id]
    assert [line["amount"] for line in neighbour.statement()] == ["7.00"]
    assert neighbour.seal().body["entry_count"] == 1
    assert merchant.seals() == []
    assert merchant.day() == Day("0.00", "10.00", "0.00", "10.00", 1)


def test_the_balance_of_one_currency_says_nothing_of_another(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("10.00", currency="USD"), "dollars"))
    assert merchant.day() == NOTHING
    assert merchant.day(currency="USD") == Day("0.00", "10.00", "0.00", "10.00", 1)
