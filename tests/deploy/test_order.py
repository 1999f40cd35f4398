"""Readers before writers: whoever reads what the state machine carries is deployed before whoever writes it.

"Resource B is updated before resource A", if A refers to B or depends on it (AWS CloudFormation, DependsOn attribute). So there is no
moment in a deployment at which a new writer feeds an old reader. A rollback takes the readers back first; what a reader makes of an
input that it does not know is for crates/workflow (docs/adr/0026).
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cost.template import CHECKOUT, FUNCTION, TEMPLATE, Loader, Stack, target_of
from rollback.scenarios import built
from yaml import load

STATE_MACHINE = "AWS::Serverless::StateMachine"
# In the definition: the ARN of a function.
PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)\}")

EXISTING_STORES = {
    "LedgerHost": "ledger.example.com",
    "LedgerAuth": "password",
    "LedgerPassword": "a",
    "LedgerLookupPassword": "b",
    "LedgerMaintenancePassword": "c",
    "RedisUrl": "rediss://memory.example.com",
}
DEPLOYMENTS = [{**stores, "WorkflowType": workflow} for stores, workflow in product([{}, EXISTING_STORES], ["STANDARD", "EXPRESS"])]


@cache
def document() -> Mapping[str, Any]:
    """The template as it is."""
    return load(Path(TEMPLATE).read_text(), Loader)


def tasks_in_order(definition: Mapping[str, Any]) -> list[str]:
    """The placeholders of the functions that an execution invokes when all goes well, in that order."""
    found = []
    name = definition["StartAt"]
    while name:
        state = definition["States"][name]
        if state["Type"] == "Task":
            found.append(PLACEHOLDER.fullmatch(state["Parameters"]["FunctionName"])[1])
        name = state.get("Next", state.get("Default"))
    return found


def invoked_in_order(machine: Mapping[str, Any]) -> list[str]:
    """The functions of a state machine in the order in which an execution invokes them."""
    definition = json.loads((CHECKOUT / machine["DefinitionUri"]).read_text())
    return [target_of(machine["DefinitionSubstitutions"][placeholder]) for placeholder in tasks_in_order(definition)]


def starts_executions(function: Mapping[str, Any]) -> bool:
    """Whether it writes inputs of the state machine."""
    return "STATE_MACHINE_ARN" in function.get("Environment", {}).get("Variables", {})


def reads_parked_inputs(function: Mapping[str, Any]) -> bool:
    """Whether it reads inputs from the queue of those that wait."""
    queues = [event["Properties"]["Queue"] for event in function.get("Events", {}).values() if event["Type"] == "SQS"]
    return "ParkQueue" in map(target_of, queues)


def pairs(stack: Stack) -> set[tuple[str, str]]:
    """Each reader with each writer of what it reads."""
    functions, machines = stack.resources(FUNCTION), stack.resources(STATE_MACHINE)
    writers = {name for name, function in functions.items() if starts_executions(function)}
    parked = {name for name, function in functions.items() if reads_parked_inputs(function)}
    # An input is read by the state machine's functions and, once it is parked, by whoever runs it again.
    found = set(product([*machines, *(name for machine in machines.values() for name in invoked_in_order(machine))], writers))
    found |= set(product(parked, writers - parked))
    for machine in machines.values():
        invoked = invoked_in_order(machine)
        # What a function answers is read by the definition, and by those that are invoked after it.
        found |= {(later, earlier) for index, earlier in enumerate(invoked) for later in invoked[index + 1 :]}
    return found


def test_the_readers_and_writers_are_those_that_are_meant() -> None:
    found = pairs(Stack(document(), {}))
    assert {("ConsolidateDay", "ApplyToLedger"), ("ReplayParked", "RegisterEntry"), ("ReplayParked", "ReverseEntry")} < found
    writers = {"RegisterEntry", "ReverseEntry", "ReplayParked"}
    readers = {"RecordEntries", "RecordEntriesExpress", "ApplyToLedger", "ConsolidateDay"}
    assert set(product(readers, writers)) < found
    assert {writer for _, writer in found} == writers | {"ApplyToLedger"}


@pytest.mark.parametrize("parameters", DEPLOYMENTS, ids=lambda parameters: " ".join(parameters.values())[-24:])
def test_every_reader_of_an_input_is_deployed_before_its_writers(parameters: dict[str, str]) -> None:
    stack = Stack(document(), parameters)
    order = built(parameters)
    late = {f"{writer} before {reader}" for reader, writer in pairs(stack) if reader not in order.dependencies(writer)}
    assert late == set()


@pytest.mark.parametrize("parameters", DEPLOYMENTS, ids=lambda parameters: " ".join(parameters.values())[-24:])
def test_the_definition_is_deployed_after_the_functions_whose_answers_it_reads(parameters: dict[str, str]) -> None:
    stack = Stack(document(), parameters)
    order = built(parameters)
    for name, machine in stack.resources(STATE_MACHINE).items():
        assert set(invoked_in_order(machine)) <= order.dependencies(name)
