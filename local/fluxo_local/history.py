"""What an execution went through, read from its history: which states, which attempts, with what errors.

Reads what `DescribeExecution` and `GetExecutionHistory` answer, from AWS ("HistoryEvent", Step Functions API Reference) or from the
local engine, which has no `previousEventId` and no `TaskStarted`, has `TaskFailed` where AWS has `TaskTimedOut`, and goes on with
attempts of an execution that was stopped. So nothing here needs more than the order of events: the state machine has no parallel
states. Nothing of an entry's content leaves this module: no input, no output, and no cause that may quote them.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

# Events about an attempt of a task: of the integrations, or of a function that is called by its own ARN.
OF_AN_ATTEMPT = re.compile(r"(?:Task|LambdaFunction)(Scheduled|Succeeded|Failed|TimedOut|ScheduleFailed|StartFailed|SubmitFailed)")
OF_A_STATE = re.compile(r"(\w+)State(Entered|Exited)")
OF_THE_END = re.compile(r"Execution(Succeeded|Failed|TimedOut|Aborted)")
# Errors whose causes are told by AWS's services, and never quote a state; but what `Lambda.Unknown` returned is quoted.
TOLD_BY_A_SERVICE = re.compile(r"(?!Lambda\.Unknown)(Lambda|Runtime|Sandbox|SQS|Sqs)\.")
CAUSE_CHARACTERS_MAX = 1_000
# The states that send an input to a queue (statemachines/record-entries.asl.json), and to which.
PARK_QUEUE, DEAD_LETTER_QUEUE = "park queue", "dead-letter queue"
SENDERS = {
    "ParkEntries": PARK_QUEUE,
    "DeadLetterEntries": DEAD_LETTER_QUEUE,
    # As executions call it that began under the release before.
    "SetAsideEntries": DEAD_LETTER_QUEUE,
}
REPLAYED = re.compile(r"(.+)-r(\d+)")


@dataclass(frozen=True)
class Failure:
    """An error, and what may be shown of its cause."""

    error: str
    cause: str | None = None

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> "Failure":
        """As an event, a description or a parked message tells it."""
        error = details.get("error") or "unknown"
        return cls(error, shown_cause(error, details.get("cause") or ""))

    def __str__(self) -> str:
        return f"{self.error}: {self.cause}" if self.cause else self.error


@dataclass(frozen=True)
class Attempt:
    """One call of a task."""

    number: int
    started: datetime
    # Neither an end nor a failure: it runs, or the execution ended meanwhile.
    ended: datetime | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class State:
    """A visit of a state."""

    name: str
    # `Task`, `Choice`, `Pass`, `Fail` …
    type: str
    entered: datetime
    left: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    # Where the execution went from here.
    next: str | None = None

    @property
    def failure(self) -> Failure | None:
        """How its last attempt failed, if it did."""
        return self.attempts[-1].failure if self.attempts else None

    @property
    def caught(self) -> bool:
        """Whether its failure led to another state: only a `Catch` does that."""
        return self.failure is not None and self.next is not None


@dataclass(frozen=True)
class Execution:
    """An execution as far as it has come."""

    name: str
    # `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    status: str
    started: datetime
    ended: datetime | None
    failure: Failure | None
    merchant: str | None
    entries: tuple[str, ...]
    # How often its input had run before.
    attempt: int
    states: tuple[State, ...] = field(default_factory=tuple)

    @property
    def first_name(self) -> str:
        """The name under which its input ran first."""
        replayed = REPLAYED.fullmatch(self.name)
        return replayed[1] if replayed else self.name

    @property
    def next_name(self) -> str:
        """The name under which its input runs if it is parked."""
        return f"{self.first_name}-r{self.attempt + 1}"

    @property
    def queue(self) -> str | None:
        """The queue that has taken its input."""
        sent = [SENDERS[state.name] for state in self.states if state.name in SENDERS and state.attempts and not state.failure]
        return sent[-1] if sent and self.ended else None

    def to_json(self) -> dict[str, Any]:
        """All of it, with what follows from it, for `json.dumps`."""
        states = [{**asdict(state), "caught": state.caught} for state in self.states]
        return as_json({**asdict(self), "states": states, "queue": self.queue, "next_name": self.next_name})


def read(described: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> Execution:
    """The execution that these answers are about."""
    given = read_input(described.get("input"))
    name, ended = described["name"], described.get("stopDate")
    replayed = REPLAYED.fullmatch(name)
    failed = described["status"] not in ("RUNNING", "SUCCEEDED") and (described.get("error") or described.get("cause"))
    return Execution(
        name=name,
        status=described["status"],
        started=moment(described["startDate"]),
        ended=moment(ended) if ended else None,
        failure=Failure.of(described) if failed else None,
        merchant=given.get("merchant_id"),
        entries=tuple(entry["id"] for entry in given.get("entries", [])),
        attempt=int(replayed[2]) if replayed else 0,
        states=read_states(sorted(events, key=lambda event: event["id"])),
    )


def read_states(events: Iterable[Mapping[str, Any]]) -> tuple[State, ...]:
    """The states that were visited, in order."""
    states: list[State] = []
    has_ended = False
    for event in events:
        kind, at = event["type"], moment(event["timestamp"])
        details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
        if kind == "ExecutionRedriven":
            has_ended = False
        elif has_ended:
            # The local engine lets a stopped execution finish its task.
            continue
        elif OF_THE_END.fullmatch(kind):
            has_ended = True
        elif (of_state := OF_A_STATE.fullmatch(kind)) and of_state[2] == "Entered":
            name = event["stateEnteredEventDetails"]["name"]
            if states:
                # AWS tells of no exit from a state whose failure was caught.
                states[-1] = replace(states[-1], left=states[-1].left or at, next=name)
            states.append(State(name, of_state[1], at))
        elif of_state:
            states[-1] = replace(states[-1], left=at)
        elif of_attempt := OF_AN_ATTEMPT.fullmatch(kind):
            states[-1] = replace(states[-1], attempts=with_event(states[-1].attempts, of_attempt[1], at, details))
    return tuple(states)


def with_event(attempts: tuple[Attempt, ...], what: str, at: datetime, details: Mapping[str, Any]) -> tuple[Attempt, ...]:
    """The attempts of a state after one more event about them."""
    if what == "Scheduled" or not attempts or attempts[-1].ended:
        # A call that AWS could not even schedule fails without having begun.
        attempts = (*attempts, Attempt(len(attempts) + 1, at))
    if what == "Scheduled":
        return attempts
    failure = None if what == "Succeeded" else Failure.of(details)
    return (*attempts[:-1], replace(attempts[-1], ended=at, failure=failure))


def shown_cause(error: str, cause: str) -> str | None:
    """What may be shown of a cause.

    What a function says never quotes an entry. Step Functions puts the input of a state into the cause of `States.Runtime`, and
    whoever stops an execution writes what he likes.
    """
    try:
        told = json.loads(cause)["errorMessage"]
    except (ValueError, TypeError, KeyError):
        told = cause if TOLD_BY_A_SERVICE.match(error) else None
    return told[:CAUSE_CHARACTERS_MAX] if isinstance(told, str) and told else None


def read_input(text: str | None) -> dict[str, Any]:
    """The input of an execution, if it is one of ours and still known."""
    try:
        given = json.loads(text or "{}")
        return given if isinstance(given, dict) and all("id" in entry for entry in given.get("entries", [])) else {}
    except (ValueError, TypeError):
        return {}


def moment(value: Any) -> datetime:
    """A time as the SDK, AWS's JSON (seconds since 1970) or the local engine (RFC 3339) tells it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(value).astimezone(UTC)


def as_json(value: Any) -> Any:
    """With times in the form of RFC 3339."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    return [as_json(each) for each in value] if isinstance(value, list | tuple) else value
