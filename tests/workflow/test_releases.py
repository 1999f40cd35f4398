"""Two releases at once: while a stack is deployed or rolled back, the definition of one meets functions of the other.

"Running executions will continue to use the previous definition" (AWS Step Functions API Reference, UpdateStateMachine), and
functions are replaced before it. What functions make of each other's inputs is in tests/previous-release.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from record_entries.definition import CHECKOUT, DEFINITION, missing_variables, state_in
from record_entries.on_moto import Moto
from record_entries.scenarios import RECORDED, SCENARIOS, Scenario, recorded
from record_entries.tasks import APPLY, answers

PREVIOUS = CHECKOUT / "tests" / "previous-release"
DEFINITION_BEFORE = PREVIOUS / "frozen" / "record-entries.asl.json"
WRITTEN_BEFORE = PREVIOUS / "inputs" / (PREVIOUS / "frozen" / "RELEASE").read_text().strip()

THAT_ANSWER = [scenario for scenario in SCENARIOS if scenario.output and not scenario.failed_attempts]


@pytest.fixture(scope="module")
def before(on_moto: Moto) -> str:
    """The state machine as the release before defines it."""
    return on_moto.define("record-entries-before", DEFINITION_BEFORE)


@pytest.mark.parametrize("scenario", THAT_ANSWER, ids=lambda scenario: scenario.name)
def test_the_definition_before_takes_what_functions_answer_now(on_moto: Moto, before: str, scenario: Scenario) -> None:
    assert missing_variables(DEFINITION_BEFORE, state_in("consolidate-day/day")) == []
    trace = on_moto.run(scenario, machine=before)
    assert (trace.status, trace.output) == ("SUCCEEDED", scenario.output)
    assert trace.states[-1] == "ConsolidateDay"


@pytest.mark.parametrize("answer", sorted(WRITTEN_BEFORE.glob("answer-*.json")), ids=lambda path: path.stem)
def test_this_definition_takes_what_the_functions_before_answer(on_moto: Moto, answer: Path) -> None:
    given = json.loads(answer.read_text())
    assert missing_variables(DEFINITION, given) == []
    scenario = recorded("with an answer of the release before", RECORDED)
    trace = on_moto.run(replace(scenario, tasks={**scenario.tasks, APPLY: [answers(given)]}))
    assert (trace.status, trace.states[-1]) == ("SUCCEEDED", "ConsolidateDay")


def test_there_are_answers_of_the_release_before() -> None:
    assert list(WRITTEN_BEFORE.glob("answer-*.json"))
