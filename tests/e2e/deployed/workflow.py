"""The state machine record-entries: its executions, and what they went through."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from deployed.waiting import eventually


@dataclass(frozen=True)
class Execution:
    """An execution as far as it has come."""

    status: str
    input: dict[str, Any]
    output: dict[str, Any] | None
    # How a failed one ended.
    error: str | None
    # The states in the order in which they were entered; a retry does not enter its state again.
    states: list[str]
    # The error of every failed attempt, in order.
    failed_attempts: list[str]


class Workflow:
    """The deployed state machine."""

    def __init__(self, step_functions: Any, arn: str) -> None:
        self._step_functions = step_functions
        self._arn = arn

    def names(self) -> list[str]:
        """Of all executions, the oldest first."""
        pages = self._step_functions.get_paginator("list_executions").paginate(stateMachineArn=self._arn)
        executions = [execution for page in pages for execution in page["executions"]]
        return [execution["name"] for execution in sorted(executions, key=lambda each: each["startDate"])]

    def names_for(self, entry_id: str) -> list[str]:
        """Of the executions of one entry, the oldest first: the name of each begins with the id."""
        return [name for name in self.names() if name.startswith(entry_id)]

    def look(self, name: str) -> Execution:
        """The execution as it is now."""
        arn = self._execution_arn(name)
        description = self._step_functions.describe_execution(executionArn=arn)
        pages = self._step_functions.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        return Execution(
            status=description["status"],
            input=json.loads(description["input"]),
            output=json.loads(description["output"]) if "output" in description else None,
            error=description.get("error"),
            states=[event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event],
            failed_attempts=[event["taskFailedEventDetails"]["error"] for event in events if "taskFailedEventDetails" in event],
        )

    def finished(self, name: str) -> Execution:
        """The execution once it has ended, one way or another."""
        return eventually(lambda: self.look(name), lambda execution: execution.status != "RUNNING", f"{name} to end")

    def failing(self, name: str) -> Execution:
        """The execution once an attempt of it has failed."""
        return eventually(lambda: self.look(name), lambda execution: execution.failed_attempts != [], f"{name} to fail an attempt")

    def stop(self, name: str) -> None:
        """Stops an execution where it is, as an operator can."""
        self._step_functions.stop_execution(executionArn=self._execution_arn(name))

    def run(self, entries: dict[str, Any]) -> Execution:
        """Runs an input under a name of its own, as an operator would to repeat an execution."""
        name = f"repeated-{uuid.uuid4()}"
        self._step_functions.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(entries))
        return self.finished(name)

    def _execution_arn(self, name: str) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"
