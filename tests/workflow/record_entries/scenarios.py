"""What can happen to an execution, and what has to come of it: one table for every interpreter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from record_entries.definition import state_in
from record_entries.tasks import (
    APPLY,
    CONSOLIDATE,
    DEAD_LETTERS,
    HANGS,
    PARK,
    REFUSES,
    SERVICE_ERRORS,
    TAKES,
    TIMEOUT,
    Answer,
    answers,
    fails,
    failure,
)

# The paths of an execution, which the tests of the deployed state machine (tests/e2e) expect as well.
RECORDED = ["ApplyToLedger", "IdempotencyCheck", "ConsolidateDay"]
RECORDED_BEFORE = ["ApplyToLedger", "IdempotencyCheck", "DuplicateRecognised", "ConsolidateDay"]
CONFLICTING = ["ApplyToLedger", "IdempotencyCheck", "KeyConflictRecorded", "ConsolidateDay"]
OVERTAKEN = ["ApplyToLedger", "IdempotencyCheck", "ReversalAlreadyThere", "ConsolidateDay"]
NOT_POSTED = ["ApplyToLedger", "ParkEntries", "EntriesParked"]
NOT_CONSOLIDATED = ["ApplyToLedger", "IdempotencyCheck", "ConsolidateDay", "ParkEntries", "EntriesParked"]
DEAD_LETTERED = ["ApplyToLedger", "DeadLetterEntries", "EntriesRefused"]
TOTALS_DEAD_LETTERED = ["ApplyToLedger", "IdempotencyCheck", "ConsolidateDay", "DeadLetterEntries", "EntriesRefused"]
NOT_PARKED = ["ApplyToLedger", "ParkEntries", "EntriesNotParked"]
NOT_DEAD_LETTERED = ["ApplyToLedger", "DeadLetterEntries", "EntriesNotParked"]

# The first attempt of a function and all retries, and the same of a queue.
ATTEMPTS = 6
SENDING_ATTEMPTS = 3
# For how long the state machine waits for an attempt of a function.
FUNCTION_LIMIT_S = 10

# What passes by itself, so that the state machine tries again.
TRANSIENT_ANYWHERE = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    TIMEOUT,
)
TRANSIENT = {
    APPLY: ("LedgerUnavailable", "OriginalNotPosted", *TRANSIENT_ANYWHERE),
    CONSOLIDATE: ("BalancesUnavailable", *TRANSIENT_ANYWHERE),
}
# What needs a hand or a deployment: it is parked at once. The last two are of AWS and of nobody.
LASTING = ("LedgerMisconfigured", "NewerInput", "Lambda.ResourceNotFoundException", "Runtime.InvalidEntrypoint", "SomethingElse")
# What running again cannot mend.
FINAL = "InvalidInput"


@dataclass(frozen=True)
class Scenario:
    """An execution: what its tasks answer, and what it has to do."""

    name: str
    # What each function and each queue does with its first call, its second …; the last is for all further ones.
    tasks: Mapping[str, Sequence[Answer]]
    states: Sequence[str]
    failed_attempts: Sequence[str] = ()
    # What it answers, or the error with which it fails, and the cause of that, where it is a function's.
    output: Any = None
    error: str | None = None
    cause: Any = None
    # How often each function is called, and how many messages each queue has in the end: one that does not answer may have taken it.
    calls: Mapping[str, int] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)
    # The error that they name: the function's last one.
    reason: str | None = None
    input: Any = None

    @property
    def execution(self) -> str:
        """The name of the execution, which may have no other characters."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name)[:80]


INPUT = state_in("apply-to-ledger/entry")
NONE = {"applied": 0, "duplicate": 0, "conflict": 0, "already_reversed": 0}


def posted(**outcomes: int) -> Answer:
    """What apply-to-ledger answers."""
    return answers(state_in("consolidate-day/day") | {"outcomes": NONE | outcomes})


def consolidated(**outcomes: int) -> dict[str, Any]:
    """What consolidate-day answers, and with it the execution."""
    return {"outcomes": NONE | outcomes, "written": 2, "up_to_date": 0}


def recorded(
    name: str, states: Sequence[str], apply: Sequence[Answer] = (), consolidate: Sequence[Answer] = (), **outcomes: int
) -> Scenario:
    """An execution that succeeds, after these failures."""
    output = consolidated(**outcomes)
    tasks = {APPLY: [*apply, posted(**outcomes)], CONSOLIDATE: [*consolidate, answers(output)]}
    failed = [error_of(answer) for answer in [*apply, *consolidate]]
    calls = {task: len(script) for task, script in tasks.items()}
    return Scenario(name, tasks, states, failed, output, calls=calls, input=INPUT)


def failed(name: str, states: Sequence[str], task: str, errors: Sequence[str], sending: Sequence[Answer] = (TAKES,)) -> Scenario:
    """An execution whose function fails with these errors, and which then tries to send its input to a queue."""
    script = {APPLY: [posted(applied=1)], CONSOLIDATE: [], task: [fails(error) for error in errors]}
    queue = DEAD_LETTERS if "DeadLetterEntries" in states else PARK
    refusals = [error_of(answer) for answer in sending if answer is not TAKES]
    return Scenario(
        name,
        {**script, PARK: sending, DEAD_LETTERS: sending},
        states,
        [*errors, *refusals],
        error=states[-1],
        cause=cause_of(errors[-1] if TAKES in sending else refusals[-1]),
        calls={task: len(script[task]) for task in script},
        messages={queue: sum(answer is not REFUSES for answer in sending)},
        reason=errors[-1],
        input=INPUT,
    )


def error_of(answer: Answer) -> str:
    """The name under which the history shows the failure of a call."""
    if answer is REFUSES:
        return "SQS"
    return answer.error or (SERVICE_ERRORS + answer.refusal if answer.refusal else TIMEOUT)


def cause_of(error: str) -> Any:
    """What is said of the failure. Only what a function says of its own is the same everywhere."""
    return None if error in ("SQS", TIMEOUT) or error.startswith(SERVICE_ERRORS) else failure(error)


def delayed(answer: Answer, seconds: float) -> Answer:
    """The same after a while."""
    return replace(answer, seconds=seconds)


def that_record() -> Iterator[Scenario]:
    """Executions that succeed."""
    yield recorded("a new entry is applied, checked and consolidated", RECORDED, applied=1)
    yield recorded("what was posted before is consolidated all the same", RECORDED_BEFORE, duplicate=1)
    yield recorded("another payload under a used key is a conflict to be seen", CONFLICTING, conflict=1)
    yield recorded("a reversal that came after another one is to be seen", OVERTAKEN, already_reversed=1)
    yield recorded("of a batch a conflict counts more than a duplicate", CONFLICTING, applied=3, duplicate=1, conflict=1)
    yield recorded("of a batch an overtaken reversal counts most", OVERTAKEN, applied=1, duplicate=1, conflict=1, already_reversed=1)
    yield recorded("an attempt that lost its answer is a duplicate", RECORDED_BEFORE, [fails("LedgerUnavailable")], duplicate=1)
    for error in TRANSIENT[APPLY]:
        yield recorded(f"apply-to-ledger once has {error}", RECORDED, [fails(error)], applied=1)
    for error in TRANSIENT[CONSOLIDATE]:
        yield recorded(f"consolidate-day once has {error}", RECORDED, [], [fails(error)], applied=1)
    down, unwritable = [fails("LedgerUnavailable")], [fails("BalancesUnavailable")]
    retries = ATTEMPTS - 1
    yield recorded("the last retries of both tasks succeed", RECORDED, down * retries, unwritable * retries, applied=1)
    just_in_time = delayed(posted(applied=1), FUNCTION_LIMIT_S)
    output = consolidated(applied=1)
    tasks = {APPLY: [just_in_time], CONSOLIDATE: [delayed(answers(output), FUNCTION_LIMIT_S)]}
    calls = {APPLY: 1, CONSOLIDATE: 1}
    yield Scenario("functions that need all their time are waited for", tasks, RECORDED, [], output, calls=calls, input=INPUT)


def that_park() -> Iterator[Scenario]:
    """Executions whose input runs again by itself."""
    for error in TRANSIENT[APPLY]:
        yield failed(f"apply-to-ledger always has {error}", NOT_POSTED, APPLY, [error] * ATTEMPTS)
    for error in TRANSIENT[CONSOLIDATE]:
        yield failed(f"consolidate-day always has {error}", NOT_CONSOLIDATED, CONSOLIDATE, [error] * ATTEMPTS)
    # One rule counts them all.
    mixed = ["LedgerUnavailable", TIMEOUT, "Lambda.ServiceException", "OriginalNotPosted", "Sandbox.Timedout", "LedgerUnavailable"]
    yield failed("retries of several errors are counted together", NOT_POSTED, APPLY, mixed)
    for error in LASTING:
        yield failed(f"apply-to-ledger has {error}, which no retry mends", NOT_POSTED, APPLY, [error])
        yield failed(f"consolidate-day has {error}, which no retry mends", NOT_CONSOLIDATED, CONSOLIDATE, [error])
    yield failed("a lasting error after a transient one", NOT_POSTED, APPLY, ["LedgerUnavailable", "LedgerMisconfigured"])
    for name, refusal in (("refuses", REFUSES), ("does not answer", HANGS)):
        twice = [refusal] * (SENDING_ATTEMPTS - 1)
        yield failed(f"the park queue twice {name}", NOT_POSTED, APPLY, ["LedgerMisconfigured"], [*twice, TAKES])


def that_dead_letter() -> Iterator[Scenario]:
    """Executions whose input waits for somebody."""
    yield failed("apply-to-ledger can never post the input", DEAD_LETTERED, APPLY, [FINAL])
    yield failed("consolidate-day can never write the totals", TOTALS_DEAD_LETTERED, CONSOLIDATE, [FINAL])
    yield failed("what can never be posted shows after a retry", DEAD_LETTERED, APPLY, ["LedgerUnavailable", FINAL])
    yield failed("the dead-letter queue once refuses", DEAD_LETTERED, APPLY, [FINAL], [REFUSES, TAKES])


def that_lose_sight() -> Iterator[Scenario]:
    """Executions whose input not even a queue takes: the rule on failed executions does."""
    for name, refusal in (("refuses", REFUSES), ("does not answer", HANGS)):
        yield failed(f"the park queue always {name}", NOT_PARKED, APPLY, ["LedgerMisconfigured"], [refusal] * SENDING_ATTEMPTS)
        yield failed(f"the dead-letter queue always {name}", NOT_DEAD_LETTERED, APPLY, [FINAL], [refusal] * SENDING_ATTEMPTS)


SCENARIOS = [*that_record(), *that_park(), *that_dead_letter(), *that_lose_sight()]
