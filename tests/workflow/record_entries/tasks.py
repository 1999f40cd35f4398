"""The functions and queues around the state machine, played: they answer as a scenario says, and note what they were asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# As the definition names them: functions, then queues.
APPLY = "ApplyToLedger"
CONSOLIDATE = "ConsolidateDay"
PARK = "ParkQueue"
DEAD_LETTERS = "DeadLetterQueue"
FUNCTIONS = (APPLY, CONSOLIDATE)
QUEUES = (PARK, DEAD_LETTERS)

# Of the task's own limit in the definition it is for the interpreter to know: this is longer than any.
TOO_LONG_S = 60.0

SERVICE_ERRORS = "Lambda."
TIMEOUT = "States.Timeout"


@dataclass(frozen=True)
class Answer:
    """What comes of one call."""

    payload: Any = None
    # The name with which the function fails, or the code with which its service refuses to run it or to take a message.
    error: str | None = None
    refusal: str | None = None
    # For how long it takes, by the clock of the execution.
    seconds: float = 0.0


def answers(payload: Any, after_seconds: float = 0.0) -> Answer:
    """The function answers, or the queue takes the message."""
    return Answer(payload=payload, seconds=after_seconds)


def fails(error: str) -> Answer:
    """The attempt fails under this name, wherever that comes from."""
    if error == TIMEOUT:
        return Answer(seconds=TOO_LONG_S)
    if error.startswith(SERVICE_ERRORS):
        return Answer(refusal=error.removeprefix(SERVICE_ERRORS))
    return Answer(error=error)


TAKES = answers({"MessageId": "1"})
REFUSES = Answer(refusal="ServiceUnavailable")
HANGS = fails(TIMEOUT)


def failure(error: str) -> dict[str, str]:
    """What a function that fails answers: Lambda's form of it, which the state machine takes as the cause."""
    return {"errorType": error, "errorMessage": f"why it is {error}"}


@dataclass
class Tasks:
    """What the tasks of one execution do."""

    script: Mapping[str, Sequence[Answer]]
    # What each was called with, in order. A message is its body, still as text, and its attributes.
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def call(self, name: str, payload: Any) -> Answer:
        """The next answer of this task; its last one is for all further calls."""
        self.calls.append((name, payload))
        script = self.script[name]
        return script[min(sum(called == name for called, _ in self.calls), len(script)) - 1]
