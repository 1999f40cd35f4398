"""Moves messages from the dead-letter queue back to the park queue, with their attributes. From there they are replayed."""

from collections.abc import Mapping
from typing import Any

from fluxo_local import terminal
from fluxo_local.aws import ask
from fluxo_local.profile import Profile

MESSAGES_AT_ONCE = 10


def redrive(profile: Profile) -> None:
    """Brings them back, and says how many."""
    terminal.say(f"Messages brought back from the dead-letter queue: {bring_back(profile.stack())}")


def bring_back(stack: Mapping[str, Any]) -> int:
    """Moves every message that is in the dead-letter queue now, and answers how many; on AWS, the queue can do that by itself."""
    source, destination = stack["dead_letter_queue_url"], stack["park_queue_url"]
    moved = 0
    # As many as there are now: one that is dead-lettered again meanwhile is not moved round and round.
    waiting = message_count(stack, source)
    while moved < waiting:
        receive = {"QueueUrl": source, "MaxNumberOfMessages": MESSAGES_AT_ONCE, "MessageAttributeNames": ["All"]}
        messages = sqs(stack, "ReceiveMessage", receive).get("Messages", [])
        if not messages:
            break
        for message in messages:
            sent = {"QueueUrl": destination, "MessageBody": message["Body"], "MessageAttributes": message.get("MessageAttributes", {})}
            sqs(stack, "SendMessage", sent)
            # Only now: a message that is moved twice starts one execution, one that is lost starts none.
            sqs(stack, "DeleteMessage", {"QueueUrl": source, "ReceiptHandle": message["ReceiptHandle"]})
            moved += 1
    return moved


def message_count(stack: Mapping[str, Any], queue_url: str) -> int:
    """How many messages can be received now."""
    name = "ApproximateNumberOfMessages"
    return int(sqs(stack, "GetQueueAttributes", {"QueueUrl": queue_url, "AttributeNames": [name]})["Attributes"][name])


def sqs(stack: Mapping[str, Any], operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Calls SQS."""
    return ask(stack["port"], "sqs", f"AmazonSQS.{operation}", arguments)
