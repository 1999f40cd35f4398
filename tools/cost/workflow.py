"""The way of new entries through the state machine, and what Step Functions logs of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cost.problem import Problem
from cost.template import CHECKOUT, Stack, target_of

# CloudWatch Logs charges this for each event beside its text.
LOG_EVENT_BYTES = 26
# An identifier and an ARN as long as the real ones.
EXECUTION_ARN = "arn:aws:states:us-east-1:123456789012:express:RecordEntries-0123456789AB:" + "x" * 53 + ":" + "x" * 36
# What the integration with Lambda answers beside the payload: headers and request ids of the invocation.
INVOCATION_ANSWER_BYTES = 900


def load(stack: Stack, directory: Path = CHECKOUT) -> tuple[dict[str, Any], dict[str, Any]]:
    """The properties of the state machine on which executions are started, and its definition. An unused one costs nothing."""
    machines = stack.required("AWS::Serverless::StateMachine").values()
    kind = stack.parameter("WorkflowType")
    of_kind = [machine for machine in machines if machine["Type"] == kind]
    if len(of_kind) != 1:
        raise Problem(f"The template deploys {len(of_kind)} state machines of the type {kind}; one was expected.")
    (machine,) = of_kind
    return machine, json.loads((directory / machine["DefinitionUri"]).read_text())


def happy_path(definition: Mapping[str, Any]) -> list[str]:
    """The states that an execution runs through in which all entries are new and nothing fails."""
    path, name = [], definition["StartAt"]
    while name is not None:
        if name in path:
            raise Problem(f"The state machine has a loop through {name}; its cost cannot be computed.")
        path.append(name)
        state = definition["States"][name]
        match state["Type"]:
            case "Choice":
                name = state["Default"]
            case "Task" | "Pass" | "Wait":
                name = state.get("Next")
            case "Succeed":
                name = None
            case other:
                raise Problem(f"What a state of the type {other} costs is not known: {name}.")
    return path


def function_of(machine: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
    """The name in the template of the function that a state invokes, if it does."""
    if state["Type"] != "Task":
        return None
    if not state["Resource"].endswith(":states:::lambda:invoke"):
        raise Problem(f"What the task {state['Resource']} costs is not known.")
    placeholder = state["Parameters"]["FunctionName"].removeprefix("${").removesuffix("}")
    return target_of(machine["DefinitionSubstitutions"][placeholder])


def logged_bytes(machine: Mapping[str, Any], definition: Mapping[str, Any], payload: Mapping[str, int]) -> int:
    """What CloudWatch Logs is given of one execution on the happy path.

    `payload` says how long the JSON is inside a JSON string: of the `input`, and of what each task answers, by the state's name.
    """
    logging = machine.get("Logging", {"Level": "OFF"})
    match logging["Level"]:
        case "OFF" | "FATAL" | "ERROR":
            return 0
        case "ALL":
            pass
        case other:
            raise Problem(f"The state machine logs at the level {other}, which is not known.")
    with_data = logging.get("IncludeExecutionData", False)

    def event(kind: str, data: int = 0, name: str = "") -> int:
        details = {"name": name, "roleArn": "x" * 60, "inputDetails": {"truncated": False}}
        if with_data:
            details["input"] = "x" * data
        text = json.dumps(
            {
                "id": "10",
                "type": kind,
                "details": details,
                "previous_event_id": "10",
                "event_timestamp": "1795359845000",
                "execution_arn": EXECUTION_ARN,
            }
        )
        return len(text) + LOG_EVENT_BYTES

    current = payload["input"]
    total = event("ExecutionStarted", current)
    for name in happy_path(definition):
        total += event("StateEntered", current, name)
        if function_of(machine, definition["States"][name]):
            total += event("TaskScheduled", current, name) + event("TaskStarted", 0, name)
            current = payload[name]
            total += event("TaskSucceeded", current + INVOCATION_ANSWER_BYTES, name)
        total += event("StateExited", current, name)
    return total + event("ExecutionSucceeded", current)
