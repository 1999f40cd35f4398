"""The state machine on moto's interpreter of the Amazon States Language, in this process, with moto's queues."""

import io
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.stepfunctions.parser.asl.component.common.retry import jitter_strategy_decl, retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_sqs
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.utils import TMP_THREADS

from record_entries.clock import LONGEST, Clock, with_replaced
from record_entries.definition import DEFINITION, REGION, filled_in
from record_entries.scenarios import Scenario
from record_entries.tasks import QUEUES, Answer, Tasks, failure
from record_entries.trace import Message, Trace, from_history

# An execution whose pauses take no time ends at once; this is for a machine that is busy.
JOIN_TIMEOUT_S = 60.0

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}


class Moto:
    """State machines, on which any number of scenarios run one after the other."""

    def __init__(self) -> None:
        self._tasks = Tasks({})
        self._clock = Clock()
        self._took_s = 0.0
        self._step_functions = boto3.client("stepfunctions", **CREDENTIALS)
        self._sqs = boto3.client("sqs", **CREDENTIALS)
        self._queues = {name: self._sqs.create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
        self._number = count(1)
        self._arn = self.define("record-entries", DEFINITION)

    def define(self, name: str, definition: Path) -> str:
        """A further state machine."""
        text = filled_in(definition.read_text(), DEFAULT_ACCOUNT_ID, self._queues)
        role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/record-entries"
        return self._step_functions.create_state_machine(name=name, definition=text, roleArn=role)["stateMachineArn"]

    def run(self, scenario: Scenario, luck: float | None = LONGEST, machine: str | None = None) -> Trace:
        """What becomes of the scenario. `luck` says how pauses fall out that are left to chance."""
        self._tasks, self._clock = Tasks(scenario.tasks), Clock(luck)
        TMP_THREADS.clear()
        started = self._step_functions.start_execution(
            stateMachineArn=machine or self._arn,
            input=json.dumps(scenario.input, ensure_ascii=False),
            # Each has to be another one.
            name=f"{next(self._number)}-{scenario.execution}"[:80],
        )
        arn = started["executionArn"]
        # The first thread is the execution's; its tasks add theirs.
        TMP_THREADS[0].join(JOIN_TIMEOUT_S)
        assert not TMP_THREADS[0].is_alive(), f"{scenario.name}: it does not end"
        described = self._step_functions.describe_execution(executionArn=arn)
        pages = self._step_functions.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        functions = [(name, payload) for name, payload in self._tasks.calls if name not in QUEUES]
        return from_history(events, described, functions, list(self._messages()), self._clock)

    def _messages(self) -> Iterator[Message]:
        for name, url in self._queues.items():
            received = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            for message in received.get("Messages", []):
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                attributes = message.get("MessageAttributes", {}).items()
                yield Message(name, json.loads(message["Body"]), {key: value["StringValue"] for key, value in attributes})

    def client(self, service: str, **_: Any) -> Any:
        """Instead of the client that the interpreter would make."""
        return SimpleNamespace(invoke=self._invoke) if service == "lambda" else SimpleNamespace(send_message=self._send_message)

    def _invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        answer = self._answer(FunctionName.rpartition(":")[2], json.loads(Payload), "Invoke")
        if answer.error:
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": body(failure(answer.error))}
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": body(answer.payload)}

    def _send_message(self, **parameters: Any) -> Any:
        name = {url: name for name, url in self._queues.items()}[parameters["QueueUrl"]]
        self._answer(name, parameters["MessageBody"], "SendMessage")
        return self._sqs.send_message(**parameters)

    def _answer(self, name: str, payload: Any, operation: str) -> Answer:
        answer = self._tasks.call(name, payload)
        self._took_s = answer.seconds
        if answer.refusal:
            error = {"Code": answer.refusal, "Message": "the service refuses"}
            raise ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": 503, "RequestId": "1"}}, operation)
        return answer

    def sleep(self, seconds: float) -> None:
        """A pause of the execution that runs."""
        self._clock.sleep(seconds)

    def uniform(self, low: float, high: float) -> float:
        """A choice that the execution that runs leaves to chance."""
        return self._clock.uniform(low, high)

    def end_of_task(self) -> threading.Event:
        """What the interpreter waits for while a task runs."""
        world = self

        class EndOfTask(threading.Event):
            def wait(self, timeout: float | None = None) -> bool:
                assert super().wait(JOIN_TIMEOUT_S), "a task does not end"
                assert timeout is not None, "a task without a limit"
                took_s, world._took_s = world._took_s, 0.0
                return world._clock.finishes(took_s, timeout)

        return EndOfTask()


def body(payload: Any) -> io.BytesIO:
    """A payload as Lambda's client hands it out."""
    return io.BytesIO(json.dumps(payload).encode())


@contextmanager
def moto() -> Iterator[Moto]:
    """The interpreter, with its clock and its tasks replaced."""
    with ExitStack() as stack:
        stack.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
        # An execution would parse it again each time.
        stack.enter_context(patch.object(AmazonStateLanguageParser, "parse", cache(AmazonStateLanguageParser.parse)))
        machine = Moto()
        for module in (lambda_eval_utils, state_task_service_sqs):
            stack.enter_context(patch.object(module, "boto_client_for", machine.client))
        stack.enter_context(patch.object(retrier_decl, "time", with_replaced(time, sleep=machine.sleep)))
        stack.enter_context(patch.object(jitter_strategy_decl, "random", with_replaced(random, uniform=machine.uniform)))
        stack.enter_context(patch.object(execute_state, "threading", with_replaced(threading, Event=machine.end_of_task)))
        yield machine
