"""What AWS limits and neither interpreter knows, or knows otherwise.

"`States.ALL` … can't catch the `States.DataLimitExceeded` terminal error or `Runtime` error types" (AWS Step Functions Developer
Guide, "Handling errors in Step Functions workflows"). Both interpreters catch them. So there is no Catch behind these errors: they
must not happen. Of STANDARD the rule on failed executions is still a net, of EXPRESS the log alone.
"""

import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest
from record_entries.definition import CHECKOUT, DEFINITION, missing_variables, state_in
from record_entries.on_moto import Moto
from record_entries.scenarios import NOT_CONSOLIDATED, NOT_POSTED, RECORDED, SCENARIOS, Scenario, failed, recorded
from record_entries.tasks import APPLY, CONSOLIDATE, answers

# "Maximum input or output size for a task, state, or execution: 256 KiB of data as a UTF-8 encoded string", "Maximum execution
# history size: 25,000 events in a single state machine execution history" and names of 80 characters (AWS Step Functions Developer
# Guide, "Step Functions service quotas").
STATE_BYTES_MAX = 256 * 1024
DEFINITION_BYTES_MAX = 1024 * 1024
NAME_CHARACTERS_MAX = 80
EVENTS_MAX = 25_000
# Far below that: an execution that is redriven goes on with the history it has.
EVENTS_MEANT = 100
# Of an error's message: what functions say is cut to this (crates/telemetry/src/causes.rs).
CAUSE_CHARACTERS_MAX = 1_000


def constant(file: str, pattern: str) -> int:
    """A constant of the code."""
    (value,) = re.findall(pattern, (CHECKOUT / file).read_text())
    return math.prod(map(int, value.split("*")))


INPUT_BYTES_MAX = constant("crates/workflow/src/size.rs", r"const INPUT_BYTES_MAX: usize = ([\d_* ]+);")
BATCH_ENTRIES_MAX = constant("crates/http-api/src/entries.rs", r"const BATCH_ENTRIES_MAX: usize = ([\d_* ]+);")


def size(value: Any) -> int:
    """In bytes, as JSON without blanks."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def largest_input() -> dict[str, Any]:
    """As large as register-entry lets it become, with what replay-parked adds."""
    given = state_in("apply-to-ledger/reversal")
    (entry,) = given["entries"]
    batch = given | {"entries": [entry] * BATCH_ENTRIES_MAX}
    missing = (INPUT_BYTES_MAX - size(batch)) // BATCH_ENTRIES_MAX
    assert missing > 0, "the text is what fills it up"
    longer = entry | {"description": entry["description"] + "x" * missing}
    batch = given | {"entries": [longer] * BATCH_ENTRIES_MAX}
    assert INPUT_BYTES_MAX - BATCH_ENTRIES_MAX < size(batch) <= INPUT_BYTES_MAX
    return batch | {"replay": {"attempt": 2**32 - 1, "first_parked_at": "2026-11-22T15:00:02.123456789Z"}}


def largest_answer() -> dict[str, Any]:
    """Of a batch in which each entry is of a day and a month of its own, and is named as one that was not posted."""
    given = state_in("consolidate-day/day")
    month, day = ({**given["totals"][0], "period": period, "entry_count": 2**64 - 1} for period in ("2026-11", "2026-11-22"))
    for totals in (month, day):
        totals |= {"credits": str(10**38 - 1), "debits": str(10**38 - 1)}
    ids = [state_in("apply-to-ledger/entry")["entries"][0]["id"]] * BATCH_ENTRIES_MAX
    answer = given | {"conflicts": ids, "totals": [month, day] * BATCH_ENTRIES_MAX}
    return answer | {"waiting_since": "2026-11-22T15:00:02.123456789Z", "totals_at": "2026-11-22T15:00:02.123456789Z"}


def test_the_largest_batch_goes_through_all_states(on_moto: Moto) -> None:
    scenario = recorded("the largest batch", RECORDED, applied=BATCH_ENTRIES_MAX)
    tasks = {**scenario.tasks, APPLY: [answers(largest_answer())]}
    trace = on_moto.run(replace(scenario, tasks=tasks, input=largest_input()))
    assert (trace.status, trace.states) == ("SUCCEEDED", RECORDED)
    assert INPUT_BYTES_MAX < trace.bytes_max <= STATE_BYTES_MAX


@pytest.mark.parametrize(("path", "task"), [(NOT_POSTED, APPLY), (NOT_CONSOLIDATED, CONSOLIDATE)], ids=[APPLY, CONSOLIDATE])
def test_the_largest_batch_can_be_parked_with_the_longest_cause(on_moto: Moto, path: list[str], task: str) -> None:
    scenario = failed("the largest batch that fails", path, task, ["x" * CAUSE_CHARACTERS_MAX])
    answer = [answers(largest_answer())] if task == CONSOLIDATE else scenario.tasks[APPLY]
    trace = on_moto.run(replace(scenario, tasks={**scenario.tasks, APPLY: answer}, input=largest_input()))
    assert trace.states == path
    (message,) = trace.messages
    assert size(message.body) <= STATE_BYTES_MAX
    assert trace.bytes_max <= STATE_BYTES_MAX


def test_a_state_that_is_too_large_is_noticed_here(on_moto: Moto) -> None:
    # Else the tests above would say nothing.
    answer = largest_answer()
    scenario = recorded("too large", RECORDED, applied=1)
    tasks = {**scenario.tasks, APPLY: [answers(answer | {"totals": answer["totals"] * 2})]}
    trace = on_moto.run(replace(scenario, tasks={**tasks, "ParkQueue": [answers(None)]}))
    assert trace.failed_attempts == ["States.DataLimitExceeded"]


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if "always" in each.name], ids=lambda each: each.name)
def test_the_history_of_an_execution_is_short(on_moto: Moto, scenario: Scenario) -> None:
    events = on_moto.run(scenario).events
    assert events <= EVENTS_MEANT < EVENTS_MAX


def test_the_definition_is_within_its_limits() -> None:
    text = DEFINITION.read_text()
    assert len(text.encode()) < DEFINITION_BYTES_MAX
    for name, state in json.loads(text)["States"].items():
        assert re.fullmatch(r"[A-Za-z]+", name) and len(name) <= NAME_CHARACTERS_MAX
        for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
            # "Must appear alone", and in the last rule.
            assert "States.ALL" not in rule["ErrorEquals"] or rule["ErrorEquals"] == ["States.ALL"]
        assert all("States.ALL" not in rule["ErrorEquals"] for rule in state.get("Catch", [])[:-1])


def test_every_outcome_that_is_compared_is_answered() -> None:
    # Neither interpreter minds a variable that is missing. Step Functions ends the execution ("the choice state's condition path
    # references an invalid value"), with an error that no Catch sees.
    assert missing_variables(DEFINITION, state_in("consolidate-day/day")) == []


def test_a_failure_is_only_read_where_it_has_been_caught() -> None:
    states = json.loads(DEFINITION.read_text())["States"]
    caught = {rule["Next"] for state in states.values() for rule in state.get("Catch", []) if rule["ResultPath"] == "$.failure"}
    for name, state in states.items():
        if "$.failure" in json.dumps([state.get("Parameters"), state.get("CausePath")]):
            before = {each for each, other in states.items() if other.get("Next") == name}
            assert name in caught or before <= caught, name
            assert all(states[each].get("ResultPath", "") is None for each in before), "what was caught is kept"
