"""The state machine's happy path, on the real definition."""

import json
from collections.abc import Callable

import pytest
from cost import workflow
from cost.problem import Problem
from cost.template import CHECKOUT, Stack

DEFINITION = json.loads((CHECKOUT / "statemachines" / "record-entries.asl.json").read_text())
PAYLOAD = {"input": 1000, "ApplyToLedger": 2000, "ConsolidateDay": 100}


def test_new_entries_pass_through_three_states() -> None:
    assert workflow.happy_path(DEFINITION) == ["ApplyToLedger", "IdempotencyCheck", "ConsolidateDay"]


def test_a_circle_and_a_state_of_unknown_cost_are_errors() -> None:
    with pytest.raises(Problem, match="loop through A"):
        workflow.happy_path({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}})
    with pytest.raises(Problem, match="Map"):
        workflow.happy_path({"StartAt": "A", "States": {"A": {"Type": "Map"}}})


def test_at_the_level_error_nothing_is_logged_of_what_succeeds(stack: Callable[..., Stack]) -> None:
    machine, definition = workflow.load(stack(WorkflowType="STANDARD"))
    assert workflow.logged_bytes(machine, definition, PAYLOAD) == 0


def test_at_the_level_all_each_event_is_logged_with_its_data(stack: Callable[..., Stack]) -> None:
    machine, definition = workflow.load(stack(WorkflowType="EXPRESS"))
    logged = workflow.logged_bytes(machine, definition, PAYLOAD)
    without = workflow.logged_bytes(machine | {"Logging": {"Level": "ALL"}}, definition, PAYLOAD)
    # The input three times (start, entered, scheduled), the ledger's answer with what Lambda adds, as it leaves the state, through
    # the choice, into and with the next task; that one's answer with what Lambda adds, as it leaves the state and at the end.
    data = 3 * 1000 + (2000 + 900) + 5 * 2000 + (100 + 900) + 2 * 100
    # Of each of the 14 events, `"input": ""` and a comma.
    assert logged - without == data + 14 * len(', "input": ""')


def test_the_functions_of_the_states_are_those_of_the_template(stack: Callable[..., Stack]) -> None:
    machine, definition = workflow.load(stack())
    functions = [workflow.function_of(machine, definition["States"][name]) for name in workflow.happy_path(definition)]
    assert functions == ["ApplyToLedger", None, "ConsolidateDay"]
