"""What an execution did, in the same form from every interpreter."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """What a queue was sent."""

    queue: str
    body: Any
    attributes: dict[str, str]


@dataclass(frozen=True)
class Trace:
    """An execution from its start to its end."""

    name: str
    status: str
    # The states in the order in which they were entered; a retry does not enter its state again.
    states: list[str]
    # The error of every failed attempt of a task, in order. What a queue's service is called in front of its errors differs.
    failed_attempts: list[str]
    # Of one that succeeded, and of one that failed.
    output: Any
    error: str | None
    cause: Any
    # Each call of a function with its payload, and each message that a queue took.
    calls: list[tuple[str, Any]]
    messages: list[Message]
    # Pauses that were made, what chance had to choose each from, the limits of attempts, and how long it all took.
    pauses: list[float]
    jitter: list[tuple[float, float]]
    timeouts: list[float]
    seconds: float
    # Events in the history, and the largest state or payload, in bytes.
    events: int
    bytes_max: int = field(default=0)
    # What the interpreter answered to DescribeExecution and GetExecutionHistory.
    described: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, read: dict[str, Any]) -> "Trace":
        """From another process."""
        messages = [Message(**message) for message in read["messages"]]
        pairs = {name: [tuple(pair) for pair in read[name]] for name in ("calls", "jitter")}
        return cls(**(read | pairs | {"messages": messages}))


def from_history(
    events: list[dict[str, Any]], described: dict[str, Any], calls: list[tuple[str, Any]], messages: list[Message], clock: Any
) -> Trace:
    """What an interpreter tells through Step Functions' own interface, and what was seen around it."""
    failed = [details["error"] for event in events for details in failures(event)]
    texts = [details[key] for event in events for details in event.values() if isinstance(details, dict) for key in TEXTS & details.keys()]
    return Trace(
        name=described["name"],
        status=described["status"],
        states=[event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event],
        failed_attempts=["SQS" if error.startswith("SQS.") else error for error in failed],
        output=json.loads(described["output"]) if described["status"] == "SUCCEEDED" else None,
        error=described.get("error"),
        cause=read_cause(described.get("cause")),
        calls=calls,
        messages=messages,
        pauses=clock.pauses,
        jitter=clock.jitter,
        timeouts=clock.timeouts,
        seconds=clock.now_s,
        events=len(events),
        bytes_max=max(len(text.encode()) for text in texts),
        described=described,
        history=events,
    )


# Where an event of the history has a state or a payload.
TEXTS = {"input", "output", "parameters"}


def failures(event: dict[str, Any]) -> list[dict[str, Any]]:
    """How the attempt failed that an event is about, if it is about one."""
    return [event[name] for name in ("taskFailedEventDetails", "taskTimedOutEventDetails") if name in event]


def read_cause(cause: str | None) -> Any:
    """The cause; that of a failed function is JSON, in which blanks say nothing."""
    try:
        return json.loads(cause or "")
    except ValueError:
        return cause
