"""`local/fluxo_local/history.py` reads what executions went through, from both interpreters' histories and AWS's documented events."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from fluxo_local.history import DEAD_LETTER_QUEUE, PARK_QUEUE, Attempt, Execution, Failure, moment, read, shown_cause
from record_entries.scenarios import SCENARIOS, Scenario
from record_entries.trace import Trace

QUEUES = {"ParkEntries": PARK_QUEUE, "DeadLetterEntries": DEAD_LETTER_QUEUE}
TASKS = {"ApplyToLedger", "ConsolidateDay", "ParkEntries", "DeadLetterEntries"}
SECRETS = ("amount", "description", "fingerprint")
BEGAN = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=["moto", "ministack"])
def interpreter(request: pytest.FixtureRequest) -> Any:
    """Gives the trace of a scenario."""
    if request.param == "moto":
        # Each scenario once, for all tests of this file.
        moto = request.getfixturevalue("on_moto")
        scenarios = {scenario.name: scenario for scenario in SCENARIOS}
        run = cache(lambda name: moto.run(scenarios[name]))
        return lambda scenario: run(scenario.name)
    traces: dict[str, Trace] = request.getfixturevalue("on_ministack")
    return lambda scenario: traces[scenario.name]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_scenario_is_read_as_it_went(interpreter: Any, scenario: Scenario) -> None:
    trace = interpreter(scenario)
    execution = read(trace.described, trace.history)
    assert [state.name for state in execution.states] == list(scenario.states)
    attempts = [attempt for state in execution.states for attempt in state.attempts]
    failed = [attempt.failure.error for attempt in attempts if attempt.failure]
    assert ["SQS" if error.startswith("SQS.") else error for error in failed] == list(scenario.failed_attempts)
    assert execution.status == trace.status
    assert (execution.failure.error if execution.failure else None) == scenario.error
    for state, following in zip(execution.states, [*execution.states[1:], None], strict=True):
        assert state.next == (following and following.name)
        assert [attempt.number for attempt in state.attempts] == list(range(1, len(state.attempts) + 1))
        assert bool(state.attempts) == (state.type == "Task") == (state.name in TASKS)
        # Whatever fails for good in this state machine is caught, and leads on; whatever leads on otherwise has not failed.
        assert state.caught == (state.failure is not None) == (following is not None and is_after_failure(following.name))
        assert all(attempt.ended and attempt.started <= attempt.ended for attempt in state.attempts)


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each.error], ids=lambda scenario: scenario.name)
def test_the_queue_that_took_the_input_is_told(interpreter: Any, scenario: Scenario) -> None:
    trace = interpreter(scenario)
    sender = next((state for state in scenario.states if state in QUEUES), None)
    has_taken = scenario.error in ("EntriesParked", "EntriesRefused")
    assert read(trace.described, trace.history).queue == (QUEUES[sender] if sender and has_taken else None)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_that_an_entry_says_is_in_what_is_read(interpreter: Any, scenario: Scenario) -> None:
    trace = interpreter(scenario)
    text = json.dumps(read(trace.described, trace.history).to_json())
    assert not [secret for secret in SECRETS if secret in text], text
    assert scenario.input["entries"][0]["id"] in text


def is_after_failure(state: str) -> bool:
    """Whether a state is reached by failures only."""
    return state in QUEUES or state == "EntriesNotParked"


# As AWS documents them, and no interpreter here has them: `HistoryEvent` and its details (Step Functions API Reference).


def event(number: int, kind: str, **details: Any) -> dict[str, Any]:
    """An event, a second after the one before it."""
    name = "stateEnteredEventDetails" if kind.endswith("StateEntered") else f"{kind[0].lower()}{kind[1:]}EventDetails"
    described = {name: details} if details else {}
    return {"id": number, "previousEventId": number - 1, "timestamp": at(number), "type": kind} | described


def at(second: int) -> datetime:
    """So many seconds after the beginning."""
    return BEGAN + timedelta(seconds=second)


def described(status: str, name: str = "entry", **more: Any) -> dict[str, Any]:
    """An answer of DescribeExecution."""
    ended = {} if status == "RUNNING" else {"stopDate": at(60)}
    return {"name": name, "status": status, "startDate": BEGAN, "input": '{"merchant_id":"acme","entries":[{"id":"1"}]}'} | ended | more


def execution(status: str, *events: dict[str, Any], **more: Any) -> Execution:
    """An execution with one task."""
    began = [event(1, "ExecutionStarted"), event(2, "TaskStateEntered", name="ApplyToLedger")]
    return read(described(status, **more), [*began, *events])


def test_an_attempt_that_was_too_slow_failed() -> None:
    late = event(5, "TaskTimedOut", resourceType="lambda", resource="invoke", error="States.Timeout")
    (state,) = execution("RUNNING", event(3, "TaskScheduled"), event(4, "TaskStarted"), late, event(6, "TaskScheduled")).states
    assert state.attempts == (Attempt(1, at(3), at(5), Failure("States.Timeout")), Attempt(2, at(6)))
    assert state.failure is None and state.next is None and state.left is None


@pytest.mark.parametrize("kind", ["TaskStartFailed", "LambdaFunctionStartFailed", "LambdaFunctionScheduleFailed"])
def test_a_call_that_could_not_begin_is_an_attempt(kind: str) -> None:
    (state,) = execution("RUNNING", event(3, kind, error="Lambda.ResourceNotFoundException", cause="no function")).states
    assert state.attempts == (Attempt(1, at(3), at(3), Failure("Lambda.ResourceNotFoundException", "no function")),)


def test_of_an_execution_that_was_stopped_the_last_attempt_has_no_end() -> None:
    """The engine of the local stack lets it go on, and tells of its failure after the end."""
    aborted = event(4, "ExecutionAborted", error="", cause="")
    late = event(5, "TaskFailed", error="LedgerUnavailable", cause="")
    stopped = execution("ABORTED", event(3, "TaskScheduled"), aborted, late, event(6, "TaskStateEntered", name="ParkEntries"))
    assert [state.name for state in stopped.states] == ["ApplyToLedger"]
    assert stopped.states[0].attempts == (Attempt(1, at(3)),)
    assert stopped.queue is None and stopped.next_name == "entry-r1"


def test_an_execution_that_was_redriven_goes_on_in_its_state() -> None:
    before = [event(3, "TaskScheduled"), event(4, "TaskFailed", error="X", cause=""), event(5, "ExecutionFailed", error="X")]
    again = [event(6, "ExecutionRedriven", redriveCount=1), event(7, "TaskScheduled"), event(8, "TaskSucceeded")]
    (state,) = execution("RUNNING", *before, *again).states
    assert state.attempts == (Attempt(1, at(3), at(4), Failure("X")), Attempt(2, at(7), at(8)))


def test_events_are_read_in_their_order() -> None:
    failed = [event(3, "TaskScheduled"), event(4, "TaskFailed", error="X", cause=""), event(5, "TaskScheduled")]
    assert execution("RUNNING", *reversed(failed)).states == execution("RUNNING", *failed).states


def test_a_name_tells_which_repetition_it_is() -> None:
    first, second, later = (read(described("RUNNING", name), []) for name in ("entry-1a2b", "entry-1a2b-r1", "entry-1a2b-r12"))
    assert [each.attempt for each in (first, second, later)] == [0, 1, 12]
    assert {each.first_name for each in (first, second, later)} == {"entry-1a2b"}
    assert [each.next_name for each in (first, second, later)] == ["entry-1a2b-r1", "entry-1a2b-r2", "entry-1a2b-r13"]


QUOTES = "The JSONPath '$.x' could not be found in the input '{\"description\":\"rent\"}'"


@pytest.mark.parametrize(
    ("error", "cause", "shown"),
    [
        ("LedgerUnavailable", '{"errorType":"LedgerUnavailable","errorMessage":"no connection within 3s"}', "no connection within 3s"),
        ("Sandbox.Timedout", '{"errorMessage":"Task timed out after 10.00 seconds"}', "Task timed out after 10.00 seconds"),
        ("Lambda.TooManyRequestsException", "Rate Exceeded.", "Rate Exceeded."),
        ("SQS.SdkClientException", "Unable to connect", "Unable to connect"),
        ("Lambda.Unknown", QUOTES, None),
        ("States.Runtime", QUOTES, None),
        ("ByHand", QUOTES, None),
        ("States.Timeout", "", None),
        ("LedgerUnavailable", '{"errorMessage":{"of":"another form"}}', None),
        ("LedgerUnavailable", "[]", None),
    ],
)
def test_a_cause_that_may_quote_an_entry_is_not_shown(error: str, cause: str, shown: str | None) -> None:
    assert shown_cause(error, cause) == shown


def test_a_time_is_read_in_each_form() -> None:
    seconds = datetime(2026, 11, 22, 15, 0, 2, 500_000, tzinfo=UTC)
    for form in (seconds, seconds.timestamp(), "2026-11-22T15:00:02.500Z", "2026-11-22T12:00:02.500-03:00"):
        assert moment(form) == seconds


def test_what_is_read_is_json() -> None:
    read_again = json.loads(json.dumps(execution("RUNNING", event(3, "TaskScheduled")).to_json()))
    assert read_again["started"] == "2026-11-22T15:00:00Z"
    (state,) = read_again["states"]
    assert state["attempts"] == [{"number": 1, "started": "2026-11-22T15:00:03Z", "ended": None, "failure": None}]
    assert (state["caught"], read_again["queue"], read_again["next_name"]) == (False, None, "entry-r1")
