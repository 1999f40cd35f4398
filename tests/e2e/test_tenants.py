"""No merchant reads or changes anything of another, whatever they send."""

import pytest
from deployed.api import call
from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import BODIES, Stack

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


def ids_of_everything(merchant: Merchant) -> dict[str, str]:
    """The ids of an entry, of a webhook endpoint and of a balance alert of the merchant."""
    accepted = merchant.accepted(entry("10.00"), "mine")
    merchant.recorded(accepted)
    alert = merchant.change("PUT", "/balance-alerts", BODIES["PUT", "/balance-alerts"])
    assert alert.status == 200, alert
    endpoint = merchant.register_endpoint(BODIES["POST", "/webhook-endpoints"]["url"], ["day.sealed"])
    return {"id": accepted.body["id"], "endpoint_id": endpoint["id"], "alert_id": alert.body["id"]}


def test_no_route_shows_anything_of_another_merchant(merchant: Merchant, stranger: Merchant, stack: Stack) -> None:
    ids = ids_of_everything(merchant)
    assert merchant.seal().status == 201
    nobody = Merchant(stack)
    for method, path in stack.routes(date=DATE, **ids):
        if method == "GET":
            answers = [who.get(path) for who in (stranger, nobody, merchant)]
            # Where a feed goes on, everybody is told in a cipher of their own.
            seen = [(answer.status, {**answer.body, "next": None} if path == "/events" else answer.body) for answer in answers]
            assert seen[0] == seen[1], path
            # There would have been something to see, except before the entry came.
            assert seen[2] != seen[0] or "/as-of/" in path, path


def test_no_route_changes_anything_of_another_merchant(merchant: Merchant, stranger: Merchant, stack: Stack) -> None:
    ids = ids_of_everything(merchant)

    def everything() -> list[object]:
        paths = (f"/entries/{ids['id']}", f"/daily-balances/{DATE}", "/webhook-endpoints", "/balance-alerts")
        return [merchant.statement(), merchant.seals(), *(merchant.get(path).body for path in paths)]

    before = everything()
    bodies = BODIES | {
        ("POST", "/entries"): entry("99.00"),
        ("POST", "/entries/batch"): {"entries": [entry("99.00", idempotency_key="mine")]},
    }
    executions = stack.workflow.names()
    for method, path in stack.routes(date=DATE, **ids):
        if method != "GET":
            headers = {"Idempotency-Key": f"mine-{path}"[:64]}
            answer = call(stack.url + path, method, stranger.token, bodies.get((method, path)), headers)
            assert answer.status in (200, 201, 202, 404), (method, path, answer)
    for name in set(stack.workflow.names()) - set(executions):
        stack.workflow.finished(name)
    assert everything() == before
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
