"""The state machine does the same on two interpreters that know nothing of each other, and that is what is meant."""

import json
from collections import Counter
from typing import Any

import pytest
from record_entries.definition import EVENTS
from record_entries.on_moto import Moto
from record_entries.scenarios import SCENARIOS, Scenario, cause_of
from record_entries.tasks import APPLY, CONSOLIDATE, DEAD_LETTERS
from record_entries.trace import Trace, read_cause

EACH = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@EACH
def test_on_moto(scenario: Scenario, on_moto: Moto) -> None:
    check(scenario, on_moto.run(scenario))


@EACH
def test_on_ministack(scenario: Scenario, on_ministack: dict[str, Trace]) -> None:
    check(scenario, on_ministack[scenario.name])


def check(scenario: Scenario, trace: Trace) -> None:
    """Everything that the scenario says of an execution."""
    assert trace.states == list(scenario.states)
    assert trace.failed_attempts == list(scenario.failed_attempts)
    assert (trace.status, trace.error) == (("FAILED", scenario.error) if scenario.error else ("SUCCEEDED", None))
    assert trace.output == scenario.output
    if scenario.cause is not None:
        assert trace.cause == scenario.cause
    check_calls(scenario, trace)
    check_messages(scenario, trace)


def check_calls(scenario: Scenario, trace: Trace) -> None:
    """Each attempt of a function gets the state, and of which execution it is."""
    assert Counter(name for name, _ in trace.calls) == Counter(scenario.calls)
    states = {APPLY: scenario.input, CONSOLIDATE: scenario.tasks[APPLY][-1].payload}
    fields = {APPLY: {"execution", "started_at", "state"}, CONSOLIDATE: {"execution", "state"}}
    for name, payload in trace.calls:
        assert payload.keys() == fields[name]
        assert payload["execution"] == trace.name
        assert payload["state"] == states[name]


def check_messages(scenario: Scenario, trace: Trace) -> None:
    """What waits in a queue is the input as it came, and why it is there; in the form that replay-parked reads."""
    assert Counter(message.queue for message in trace.messages) == Counter(scenario.messages)
    for message in trace.messages:
        # A message that was sent twice is twice the same.
        assert message == trace.messages[0]
        assert message.body.keys() == parked().keys()
        assert message.body["input"] == scenario.input
        assert message.body["error"] == scenario.reason
        assert cause_of(scenario.reason) in (None, read_cause(message.body["cause"]))
        is_dead_letter = message.queue == DEAD_LETTERS
        assert message.attributes == ({"DeadLetterReason": "the input can never be processed"} if is_dead_letter else {})


def parked() -> dict[str, Any]:
    """The body of a message as replay-parked reads it."""
    (record,) = json.loads((EVENTS / "replay-parked" / "parked.json").read_text())["Records"]
    return json.loads(record["body"])
