"""What the inspector's page shows of the park queue and of the dead-letter queue."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from fluxo_local import history, parked
from fluxo_local.history import DEAD_LETTER_QUEUE, PARK_QUEUE, as_json
from fluxo_local.inspection import entries_in

# Of thousands of messages, those that have waited longest are shown.
MESSAGES_SHOWN_MAX = 50


def queues(stack: Mapping[str, Any], now: datetime | None = None) -> dict[str, Any]:
    """What is in the park queue and in the dead-letter queue, and which parked inputs run now."""
    now = now or datetime.now(UTC)
    running = [{"name": name, "since": as_json(since)} for name, since in parked.running_again(stack)]
    return {
        "now": as_json(now),
        "waiting": in_queue(stack, stack["park_queue_url"], PARK_QUEUE, now),
        "dead": in_queue(stack, stack["dead_letter_queue_url"], DEAD_LETTER_QUEUE, now),
        "running": running[:MESSAGES_SHOWN_MAX],
    }


def in_queue(stack: Mapping[str, Any], url: str, queue: str, now: datetime) -> dict[str, Any]:
    """How many messages a queue has, and those that have waited longest."""
    found = [(parked.read(message, queue, now), message) for message in parked.messages(stack, url)]
    found.sort(key=lambda each: each[0].since)
    return {"count": len(found), "messages": [of_message(*each) for each in found[:MESSAGES_SHOWN_MAX]]}


def of_message(read: parked.Parked, message: Mapping[str, Any]) -> dict[str, Any]:
    """A message with what the first of its entries says, and since when it waits for its next try."""
    _, given = parked.open_body(message["Body"]) or ({}, {})
    ids = read.entries[:1]
    return as_json(
        {**asdict(read), **entries_in(given), "id": ids[0] if ids else None, "delayed_at": history.moment(message["SentTimestamp"])}
    )
