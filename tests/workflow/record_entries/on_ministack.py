"""The state machine on the interpreter of MiniStack, the engine of the local stack, without its server.

Run with the engine's own Python, `python -m record_entries.on_ministack`: it writes the traces of all scenarios.
"""

import asyncio
import concurrent.futures
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import SimpleNamespace
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import sqs, stepfunctions

from record_entries.clock import Clock, with_replaced
from record_entries.definition import DEFINITION, filled_in
from record_entries.scenarios import SCENARIOS, Scenario
from record_entries.tasks import QUEUES, Answer, Tasks, failure
from record_entries.trace import Message, Trace, from_history

SEND_MESSAGE = "arn:aws:states:::sqs:sendMessage"


class MiniStack:
    """One state machine, on which any number of scenarios run one after the other."""

    def __init__(self) -> None:
        self._tasks = Tasks({})
        self._clock = Clock()
        self._took_s = 0.0
        self._queues = {name: sqs._act_create_queue({"QueueName": name}, "")["QueueUrl"] for name in QUEUES}
        text = filled_in(DEFINITION.read_text(), get_account_id(), self._queues)
        role = f"arn:aws:iam::{get_account_id()}:role/record-entries"
        created = stepfunctions._create_state_machine({"name": "record-entries", "definition": text, "roleArn": role})
        self._arn = answer_of(created)["stateMachineArn"]
        self._send = stepfunctions._SERVICE_DISPATCH[SEND_MESSAGE]
        stepfunctions._SERVICE_DISPATCH[SEND_MESSAGE] = self._send_message
        stepfunctions._call_lambda = self._call_lambda
        stepfunctions._scaled_sleep = lambda seconds: self._clock.sleep(seconds)
        # Before its first state, and for its events: neither is a pause of the execution.
        stepfunctions.time = with_replaced(time, sleep=lambda seconds: None)
        stepfunctions._emit_execution_status_event = lambda execution: None
        stepfunctions.ThreadPoolExecutor = lambda max_workers: Pool(self._finishes)
        stepfunctions.threading = with_replaced(threading, Thread=Inline)

    def run(self, scenario: Scenario) -> Trace:
        """What becomes of the scenario."""
        self._tasks, self._clock = Tasks(scenario.tasks), Clock()
        start = {"stateMachineArn": self._arn, "input": json.dumps(scenario.input, ensure_ascii=False), "name": scenario.execution}
        arn = {"executionArn": answer_of(stepfunctions._start_execution(start))["executionArn"]}
        described = answer_of(stepfunctions._describe_execution(arn))
        events = answer_of(stepfunctions._get_execution_history(arn | {"maxResults": 1000}))["events"]
        functions = [(name, payload) for name, payload in self._tasks.calls if name not in QUEUES]
        return from_history(events, described, functions, self._messages(), self._clock)

    def _messages(self) -> list[Message]:
        found = []
        for name, url in self._queues.items():
            received = asyncio.run(
                sqs._act_receive_message({"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}, url)
            )
            for message in received.get("Messages", []):
                sqs._act_delete_message({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}, url)
                attributes = {key: value["StringValue"] for key, value in message.get("MessageAttributes", {}).items()}
                found.append(Message(name, json.loads(message["Body"]), attributes))
        return found

    def _call_lambda(self, function: str, event: Any) -> Any:
        answer = self._answer("Lambda", function.rpartition(":")[2], json.loads(json.dumps(event)))
        if answer.error:
            raise stepfunctions._ExecutionError(answer.error, json.dumps(failure(answer.error)))
        return answer.payload

    def _send_message(self, resource: str, parameters: dict[str, Any]) -> Any:
        name = {url: name for name, url in self._queues.items()}[parameters["QueueUrl"]]
        self._answer("SQS", name, parameters["MessageBody"])
        return self._send(resource, parameters)

    def _answer(self, service: str, name: str, payload: Any) -> Answer:
        answer = self._tasks.call(name, payload)
        self._took_s = answer.seconds
        if answer.refusal:
            raise stepfunctions._ExecutionError(f"{service}.{answer.refusal}", "the service refuses")
        return answer

    def _finishes(self, timeout: float) -> bool:
        took_s, self._took_s = self._took_s, 0.0
        return self._clock.finishes(took_s, timeout)


class Pool:
    """Stands for a pool of threads: what it is given is done at once, and took as long as the clock says."""

    def __init__(self, finishes: Callable[[float], bool]) -> None:
        self._finishes = finishes

    def submit(self, *call: Any) -> SimpleNamespace:
        """Does it."""
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        try:
            done.set_result(call[0](*call[1:]))
        except stepfunctions._ExecutionError as error:
            done.set_exception(error)

        def result(timeout: float) -> Any:
            if not self._finishes(timeout):
                raise FutureTimeoutError
            return done.result()

        return SimpleNamespace(result=result)

    def shutdown(self, wait: bool) -> None:
        """Nothing is left to end."""


class Inline:
    """Stands for a thread: what it is given is done before it returns."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> None:
        self._target, self._args = target, args

    def start(self) -> None:
        """Does it."""
        self._target(*self._args)


def answer_of(response: tuple[int, Any, bytes]) -> Any:
    """What the engine answered, unless it refused."""
    status, _, text = response
    assert status == 200, text
    return json.loads(text)


def main() -> None:
    """Writes the traces of all scenarios, by name."""
    machine = MiniStack()
    json.dump({scenario.name: machine.run(scenario).to_json() for scenario in SCENARIOS}, sys.stdout)


if __name__ == "__main__":
    main()
