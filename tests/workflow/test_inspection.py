"""What the inspector's page is answered about executions, from the local engine's histories of every scenario and from made-up lists."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fluxo_local import inspection
from fluxo_local.inspection import KINDS, PAGE, ROWS_WANTED, Executions, NotFound, Wanted
from fluxo_local.problem import Problem
from record_entries.scenarios import SCENARIOS, Scenario
from record_entries.trace import Trace

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:record-entries"
BEGAN = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ENTRY = "cfa8bece-e667-5d04-9fd2-16305e61fcd8"


class Recorded:
    """Answers as Step Functions does, from descriptions and histories that are given."""

    def __init__(self, described: list[dict[str, Any]], histories: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
        self.described = {each["name"]: each for each in described}
        self.histories = histories or {}
        self.asked: list[str] = []

    def __call__(self, operation: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
        """Answers an operation."""
        self.asked.append(operation)
        if operation == "ListExecutions":
            return self.listed(arguments)
        name = arguments["executionArn"].rsplit(":", 1)[1]
        if name not in self.described:
            raise Problem(f"AWSStepFunctions.{operation} was refused (status 400): Execution {arguments['executionArn']} not found")
        if operation == "DescribeExecution":
            return self.described[name]
        return {"events": self.histories[name]}

    def listed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """A page: the latest first, a running one by its start."""
        found = [each for each in self.described.values() if arguments.get("statusFilter") in (None, each["status"])]
        found.sort(key=lambda each: (str(each.get("stopDate") or each["startDate"]), each["name"]), reverse=True)
        first = int(arguments.get("nextToken", 0))
        last = first + arguments["maxResults"]
        page = [{name: each.get(name) for name in ("name", "status", "startDate", "stopDate")} for each in found[first:last]]
        return {"executions": page} | ({"nextToken": str(last)} if last < len(found) else {})


def described(name: str, second: int = 0, status: str = "SUCCEEDED", merchant: str = "acme", **more: Any) -> dict[str, Any]:
    """An answer of DescribeExecution, of an execution that started so many seconds after the beginning."""
    entry = {"id": ENTRY, "type": "debit", "amount_minor": "74290", "currency": "BRL", "date": "2026-11-22", "description": "Leite"}
    ended = {} if status == "RUNNING" else {"stopDate": at(second + 1)}
    given = json.dumps({"merchant_id": merchant, "entries": [entry]})
    return {"name": name, "status": status, "startDate": at(second), "input": given, "output": None} | ended | more


def at(second: int) -> str:
    """So many seconds after the beginning."""
    return (BEGAN + timedelta(seconds=second)).isoformat()


def names(answer: Mapping[str, Any]) -> list[str]:
    """The names of the executions of an answer."""
    return [each["name"] for each in answer["executions"]]


def kind_of(scenario: Scenario) -> str:
    """What has to be said of a scenario."""
    by_state = {"DuplicateRecognised": "duplicate", "KeyConflictRecorded": "conflict", "ReversalAlreadyThere": "overtaken"}
    by_error = {"EntriesParked": "parked", "EntriesRefused": "refused", "EntriesNotParked": "failed"}
    if scenario.error:
        return by_error[scenario.error]
    return next((kind for state, kind in by_state.items() if state in scenario.states), "new")


@pytest.fixture(scope="module")
def recorded(on_ministack: dict[str, Trace]) -> Recorded:
    """Every scenario, as the local engine tells of it."""
    return Recorded(
        [trace.described for trace in on_ministack.values()], {trace.described["name"]: trace.history for trace in on_ministack.values()}
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_scenario_is_shown_as_it_went(recorded: Recorded, on_ministack: dict[str, Trace], scenario: Scenario) -> None:
    executions = Executions(recorded, MACHINE)
    name = on_ministack[scenario.name].described["name"]
    shown = json.loads(json.dumps(executions.went_through(name)))
    assert shown["kind"] == kind_of(scenario)
    assert [state["name"] for state in shown["states"]] == list(scenario.states)
    assert shown["merchant"] == scenario.input["merchant_id"]
    assert shown["first"]["description"] == scenario.input["entries"][0]["description"]
    assert [event["state"] for event in shown["events"] if event["type"].endswith("StateEntered")] == list(scenario.states)
    scheduled = [event["attempt"] for event in shown["events"] if event["type"] == "TaskScheduled"]
    assert scheduled == [attempt["number"] for state in shown["states"] for attempt in state["attempts"]]
    for index, state in enumerate(shown["states"]):
        data = executions.data(name, index)
        assert data["name"] == state["name"]
        assert data["input"] and (data["output"] or state["caught"] or state["type"] == "Fail")
        assert [each["error"] for each in data["failures"]] == [each["failure"]["error"] for each in state["attempts"] if each["failure"]]
    with pytest.raises(NotFound):
        executions.data(name, len(shown["states"]))


def test_a_list_is_read_page_by_page_and_no_more_than_there_is_room_for() -> None:
    engine = Recorded([described(f"entry-{number:04}", number) for number in range(1_000)])
    executions = Executions(engine, MACHINE)
    first = executions.find(Wanted())
    assert names(first) == [f"entry-{number:04}" for number in range(999, 999 - PAGE, -1)]
    assert engine.asked.count("ListExecutions") == 1
    second = executions.find(Wanted(), first["cursor"])
    assert names(second)[0] == f"entry-{999 - PAGE:04}"
    assert len(names(first)) >= ROWS_WANTED


def test_what_is_not_found_is_looked_for_up_to_a_bound_and_further_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "LOOKED_INTO_MAX", 200)
    engine = Recorded([described("wanted", 0, merchant="rare"), *(described(f"entry-{number:04}", number + 1) for number in range(300))])
    executions = Executions(engine, MACHINE)
    first = executions.find(Wanted(merchant="rare"))
    assert (names(first), first["looked_at"]) == ([], 200)
    assert engine.asked.count("DescribeExecution") == 200
    second = executions.find(Wanted(merchant="rare"), first["cursor"])
    assert (names(second), second["cursor"]) == (["wanted"], None)


def test_times_are_compared_before_anything_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "SKIPPED_AT_ONCE", 100)
    engine = Recorded([described(f"entry-{number:04}", number) for number in range(1_000)])
    wanted = Wanted(since=BEGAN + timedelta(seconds=100), until=BEGAN + timedelta(seconds=110))
    found = Executions(engine, MACHINE).find(wanted)
    assert names(found) == [f"entry-{number:04}" for number in range(110, 99, -1)]
    assert found["cursor"] is None
    assert engine.asked.count("DescribeExecution") == 11
    # Nine to pass over what is too recent, and three until what is too old.
    assert engine.asked.count("ListExecutions") == 12


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ["running", "stopped", "refused", "parked", "conflict", "duplicate", "new"]),
        (Wanted(kind="recorded"), ["conflict", "duplicate", "new"]),
        (Wanted(kind="conflict"), ["conflict"]),
        (Wanted(kind="parked"), ["parked"]),
        (Wanted(kind="refused"), ["refused"]),
        (Wanted(kind="running"), ["running"]),
        (Wanted(kind="stopped"), ["stopped"]),
        (Wanted(name="upli"), ["duplicate"]),
        (Wanted(merchant="nobody"), []),
    ],
    ids=str,
)
def test_executions_are_found_by_what_became_of_them(wanted: Wanted, found: list[str]) -> None:
    failed = {"status": "FAILED", "cause": "-"}
    engine = Recorded(
        [
            described("new", 1, output='{"outcomes":{"applied":1,"duplicate":0}}'),
            described("duplicate", 2, output='{"outcomes":{"applied":1,"duplicate":1}}'),
            described("conflict", 3, output='{"outcomes":{"duplicate":1,"conflict":1}}'),
            described("parked", 4, error="EntriesParked", **failed),
            described("refused", 5, error="EntriesRefused", **failed),
            described("stopped", 6, status="ABORTED"),
            described("running", 9, status="RUNNING"),
        ]
    )
    answer = Executions(engine, MACHINE).find(wanted)
    assert names(answer) == found
    assert all(each["kind"] == each["name"] and each["kind"] in KINDS for each in answer["executions"])


def test_the_executions_of_an_input_are_shown_in_the_order_in_which_they_ran() -> None:
    chain = [f"{ENTRY}-1a", f"{ENTRY}-1a-r1", f"{ENTRY}-1a-r2"]
    engine = Recorded([described(name, number, status="FAILED", error="EntriesParked") for number, name in enumerate(chain)])
    executions = Executions(engine, MACHINE)
    for name in chain:
        assert [each["name"] for each in executions.chain(name)] == chain
    assert [each["attempt"] for each in executions.of_entry(ENTRY.upper())] == [0, 1, 2]
    with pytest.raises(NotFound, match="There is no execution nothing"):
        executions.chain("nothing")
    with pytest.raises(Problem, match="is no id of an entry"):
        executions.of_entry("nothing")


def test_an_ended_execution_is_asked_for_once_and_kept_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Recorded([described("ended"), described("other", 1), described("running", 2, status="RUNNING")])
    executions = Executions(engine, MACHINE)
    for _ in range(3):
        executions.find(Wanted())
    assert engine.asked.count("DescribeExecution") == 2 + 3
    monkeypatch.setattr(inspection, "KEPT_CHARACTERS_MAX", 1_500)
    executions = Executions(engine, MACHINE)
    engine.asked.clear()
    for _ in range(2):
        executions.find(Wanted())
    assert engine.asked.count("DescribeExecution") == 6


def test_a_list_tells_of_the_first_entry_only() -> None:
    many = json.dumps({"merchant_id": "acme", "entries": [{"id": str(number), "description": f"no. {number}"} for number in range(500)]})
    (row,) = Executions(Recorded([described("batch", input=many)]), MACHINE).find(Wanted())["executions"]
    assert (row["entries"], row["first"]["description"]) == (500, "no. 0")
    assert len(json.dumps(row)) < 1_000
