"""Balance alerts: they tell of each crossing, and of nothing else."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from deployed.merchant import Merchant, entry
from deployed.waiting import eventually
from deployed.webhooks import receiving

TRIGGERED, RESOLVED = "balance.alert.triggered", "balance.alert.resolved"
TYPES = f"{TRIGGERED},{RESOLVED}"


def today() -> str:
    """The business day."""
    return datetime.now(ZoneInfo("America/Sao_Paulo")).date().isoformat()


def alerts_of(merchant: Merchant) -> list[dict[str, Any]]:
    """What the feed tells of alerts."""
    return merchant.events(types=TYPES)


def post(merchant: Merchant, amount: str, key: str, kind: str = "credit") -> str:
    """Posts an entry of today; its id."""
    entry_id = merchant.accepted(entry(amount, type=kind, date=today()), key).body["id"]
    return merchant.posted(entry_id)["id"]


def test_each_crossing_is_one_event_and_both_kinds_alternate(merchant: Merchant) -> None:
    post(merchant, "100.00", "opening")
    answer = merchant.change("PUT", "/balance-alerts", {"threshold": "50.00", "direction": "below"})
    assert answer.status == 200, answer
    alert = answer.body
    assert (alert["status"], alert["threshold"], alert["currency"], alert["balance"]) == ("resolved", "50.00", "BRL", "100.00")
    # Setting it is no crossing.
    assert alerts_of(merchant) == []
    crossing = post(merchant, "60.00", "down", "debit")
    post(merchant, "1.00", "further-down", "debit")
    back = post(merchant, "20.00", "up")
    told = eventually(lambda: alerts_of(merchant), lambda found: len(found) == 2, "both crossings")
    assert [event["type"] for event in told] == [TRIGGERED, RESOLVED]
    assert [event["data"]["entry_id"] for event in told] == [crossing, back]
    assert [event["data"]["balance"] for event in told] == ["40.00", "59.00"]
    assert all(event["data"]["alert_id"] == alert["id"] and event["subject"] == f"balance-alerts/{alert['id']}" for event in told)
    (listed,) = merchant.get("/balance-alerts").body["alerts"]
    assert (listed["id"], listed["status"], listed["balance"]) == (alert["id"], "resolved", "59.00")
    assert merchant.change("DELETE", f"/balance-alerts/{alert['id']}").status == 204
    assert merchant.get("/balance-alerts").body == {"alerts": []}


def test_an_alert_reaches_a_webhook(merchant: Merchant) -> None:
    with receiving() as receiver:
        receiver.secret = merchant.register_endpoint(receiver.url, [TRIGGERED])["secret"]
        assert merchant.change("PUT", "/balance-alerts", {"threshold": "10.00", "direction": "above"}).status == 200
        post(merchant, "11.00", "over")
        (event,) = eventually(lambda: list(receiver.kept.values()), lambda kept: len(kept) == 1, "the alert")
        assert (event["type"], event["data"]["direction"], event["data"]["balance"]) == (TRIGGERED, "above", "11.00")
        assert receiver.unverified == []
