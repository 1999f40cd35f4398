"""A receiver's first step: who sent this, and has it been changed on the way? With standardwebhooks from PyPI."""

from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


def receive(secret: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any] | None]:
    """The status to answer, and the event if it is one of ours. `body` is what came, to the byte."""
    try:
        event = Webhook(secret).verify(body, dict(headers))
    except (WebhookVerificationError, ValueError):
        return 401, None
    return 204, event
