"""A queue of the stack: what lies in it."""

from dataclasses import dataclass
from typing import Any

MESSAGES_AT_ONCE = 10


@dataclass(frozen=True)
class Message:
    """A message as a consumer sees it."""

    body: str
    attributes: dict[str, str]


class Queue:
    """A queue that only the tests receive from."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def receive(self) -> list[Message]:
        """What lies in it now, which stays there."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=MESSAGES_AT_ONCE, MessageAttributeNames=["All"], VisibilityTimeout=0
        )
        return [
            Message(message["Body"], {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()})
            for message in answer.get("Messages", [])
        ]

    def send(self, body: str, **attributes: str) -> None:
        """Puts a message into it."""
        values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=values)

    def purge(self) -> None:
        """Empties it."""
        self._sqs.purge_queue(QueueUrl=self._url)
