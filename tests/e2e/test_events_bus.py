"""The same events on the event bus, as a rule of somebody in the account gets them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from deployed.merchant import Merchant, entry
from deployed.stack import Stack
from deployed.waiting import eventually
from deployed.webhooks import by_id

NAME = "test-consumer"


@pytest.fixture
def on_bus(stack: Stack, merchant: Merchant) -> Iterator["OnBus"]:
    """What a rule for the events of the merchant has sent to a queue."""
    # Merchants that a new bus has not been told of yet begin with what comes later (docs/adr/0033).
    stack.invoke("RelayEvents", {"sweep": True})
    events, sqs = stack.client("events"), stack.client("sqs")
    url = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["fluxo"], "detail": {"source": [f"/merchants/{merchant.id}"]}}
    events.put_rule(Name=NAME, EventBusName=stack.ids["event_bus"], EventPattern=json.dumps(pattern))
    events.put_targets(Rule=NAME, EventBusName=stack.ids["event_bus"], Targets=[{"Id": "queue", "Arn": arn}])
    found = OnBus(sqs, url)
    yield found
    events.remove_targets(Rule=NAME, EventBusName=stack.ids["event_bus"], Ids=["queue"])
    events.delete_rule(Name=NAME, EventBusName=stack.ids["event_bus"])
    sqs.delete_queue(QueueUrl=url)


class OnBus:
    """What has come into the queue of a rule."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url
        self.envelopes: list[dict[str, Any]] = []

    def look(self) -> list[dict[str, Any]]:
        """The events that have come so far."""
        for message in self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
            self.envelopes.append(json.loads(message["Body"]))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return [envelope["detail"] for envelope in self.envelopes]


def test_a_rule_gets_what_is_in_the_feed(merchant: Merchant, on_bus: OnBus) -> None:
    merchant.posted(merchant.accepted(entry("150.75"), "sale").body["id"])
    eventually(
        lambda: by_id(on_bus.look()), lambda seen: bool(seen) and seen == by_id(merchant.events()), "the bus to have the feed's events", 150
    )
    assert all(envelope["source"] == "fluxo" and envelope["detail-type"] == envelope["detail"]["type"] for envelope in on_bus.envelopes)
