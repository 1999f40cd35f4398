"""Executions that ended without parking their input, in an account that answers from a file."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cost.template import CHECKOUT, Stack
from deploy.account import NotAnswered
from deploy.problem import Problem
from deploy.unparked import ENDED_UNPARKED, PARKED, run
from recorded import Recorded

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
INPUT = '{"merchant_id":"acme","entries":[{"id":"cfa8bece-e667-5d04-9fd2-16305e61fcd8"}]}'


def looked(recorded: Recorded, capsys: pytest.CaptureFixture[str], park: bool = False) -> tuple[int, list[str]]:
    """The exit status and the lines."""
    status = run(recorded.account(), "fluxo", NOW, days=14, park=park)
    return status, capsys.readouterr().out.splitlines()


def test_what_ended_unparked_and_does_not_run_again_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    recorded = Recorded("unparked")
    status, lines = looked(recorded, capsys)
    assert status == 1
    assert lines[:-1] == [
        "unparked: STANDARD, FAILED (EntriesNotParked) at 2026-11-22T15:01:00Z; its input does not run again",
        "late-r2: STANDARD, TIMED_OUT at 2026-11-22T14:05:00Z; its input does not run again",
        "express: EXPRESS, Failed (EntriesNotParked) at 2026-11-22T15:01:00Z; its input does not run again",
    ]
    assert lines[-1].startswith("3 found; PARK=1 sends") and lines[-1].endswith("1 ended less than 15 minutes ago, ask for them later.")
    # What an entry says is in no output, and nothing is changed.
    assert "acme" not in "".join(lines) and recorded.sent == []


def test_their_inputs_are_parked_as_eventbridge_would(capsys: pytest.CaptureFixture[str]) -> None:
    recorded = Recorded("unparked")
    status, lines = looked(recorded, capsys, park=True)
    assert status == 0 and lines[-1].startswith("3 of 3 inputs were sent to the park queue")
    messages = [json.loads(sent["MessageBody"])["detail"] for sent in recorded.sent]
    assert [message["executionArn"].split(":")[7] for message in messages] == ["unparked", "late-r2", "express"]
    assert all(json.loads(message["input"]) == json.loads(INPUT) for message in messages)
    assert {sent["QueueUrl"].rpartition("/")[2] for sent in recorded.sent} == {"fluxo-ParkQueue-AbCdEfGhIjKl"}
    # What replay-parked reads of such an event (functions/replay-parked/src/message.rs), in the form in which it comes.
    (record,) = json.loads((CHECKOUT / "events" / "replay-parked" / "stopped-execution.json").read_text())["Records"]
    event = json.loads(record["body"])["detail"]
    for message in messages:
        assert {name: type(value) for name, value in message.items()} == {name: type(event[name]) for name in message}
    assert messages[0]["stopDate"] == 1795359660000


def test_an_input_that_no_log_holds_is_said_to_be_lost_to_this_way(capsys: pytest.CaptureFixture[str]) -> None:
    unlogged = {"operation": "logs.FilterLogEvents", "for": {"logGroupName": "/aws/lambda/fluxo/register-entry"}, "answer": {"events": []}}
    status, lines = looked(Recorded("unparked", unlogged), capsys, park=True)
    assert status == 1
    assert "  not parked: its input is in no log of the stack fluxo; ask its clients to repeat the request" in lines
    assert lines[-1].startswith("2 of 3 inputs")


def test_of_express_the_log_of_all_events_holds_the_input_too(capsys: pytest.CaptureFixture[str]) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:express:RecordEntriesExpress-AbCdEfGhIjKl:express:11111111-2222-3333-4444-555555555555"
    started = {"type": "ExecutionStarted", "details": {"input": INPUT, "roleArn": "x"}, "execution_arn": arn}
    event = {"operation": "logs.FilterLogEvents", "answer": {"events": [{"message": json.dumps(started)}]}}
    event["for"] = {"filterPattern": f'{{ $.type = "ExecutionStarted" && $.execution_arn = "{arn}" }}'}
    recorded = Recorded("unparked", event)
    assert looked(recorded, capsys, park=True)[0] == 0
    assert json.loads(recorded.sent[-1]["MessageBody"])["detail"]["input"] == INPUT


def test_when_all_is_parked_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    nothing: list[dict[str, Any]] = [
        {"operation": "stepfunctions.ListExecutions", "answer": {"executions": []}},
        {"operation": "logs.FilterLogEvents", "answer": {"events": []}},
    ]
    status, lines = looked(Recorded("unparked", *nothing), capsys)
    assert status == 0
    assert lines == ["Of the stack fluxo, every execution of the last 14 days that failed has parked its input or runs again."]


def test_a_missing_stack_and_a_forbidden_question_are_problems() -> None:
    with pytest.raises(Problem, match="There is no stack other in us-east-1"):
        run(Recorded("unparked").account(), "other", NOW, days=14, park=False)
    denied = {"operation": "stepfunctions.ListExecutions", "error": "AccessDeniedException"}
    with pytest.raises(NotAnswered, match="may not call states:ListExecutions"):
        run(Recorded("unparked", denied).account(), "fluxo", NOW, days=14, park=False)


def test_parked_is_what_the_state_machine_parks() -> None:
    """The alarm leaves out the same."""
    stack = Stack.load()
    (rule,) = [rule for name, rule in stack.resources("AWS::Events::Rule").items() if name == "UnparkedFailuresRule"]
    (excluded,) = rule["EventPattern"]["detail"]["error"]
    assert set(excluded["anything-but"]) == PARKED
    (counted,) = stack.resources("AWS::Logs::MetricFilter").values()
    assert counted["FilterPattern"].strip("{ }") in ENDED_UNPARKED
    groups = {str(properties["LogGroupName"]["Fn::Sub"]) for properties in stack.resources("AWS::Logs::LogGroup").values()}
    named = {"/aws/vendedlogs/states/${AWS::StackName}/record-entries", "/aws/lambda/${AWS::StackName}/replay-parked"}
    assert named <= groups
