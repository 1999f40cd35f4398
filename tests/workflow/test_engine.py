"""What the AWS engine keeps when it is started again."""

import io
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from fluxo_local import python_tools
from fluxo_local.aws import REGION
from fluxo_local.engine import Engine
from fluxo_local.ports import free_ports

QUEUE = "park"
TIMEOUT_S = 30
POLL_S = 0.1


@contextmanager
def running(folder: Path) -> Iterator[Any]:
    """An engine with the state that lies there, on whatever port is free: how to call it."""
    (port,) = free_ports(1)
    engine = Engine(folder / "engine", port, folder)
    service = engine.start()
    try:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        yield lambda name: boto3.client(name, endpoint_url=engine.endpoint, region_name=REGION, **keys)
    finally:
        engine.stop(service)


def test_a_message_is_taken_after_a_start_on_another_port(tmp_path: Path) -> None:
    python_tools.install(python_tools.ENGINE)
    with running(tmp_path) as client:
        sqs = client("sqs")
        url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        source = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        client("lambda").create_function(
            FunctionName="replay",
            Runtime="python3.11",
            Handler="replay.handler",
            Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": code()},
        )
        mapping = client("lambda").create_event_source_mapping(FunctionName="replay", EventSourceArn=source, Enabled=False)
        sqs.send_message(QueueUrl=url, MessageBody="an input")
    with running(tmp_path) as client:
        sqs = client("sqs")
        assert messages(sqs, sqs.create_queue(QueueName=QUEUE)["QueueUrl"]) == 1, "the queue of this name is the one from before"
        client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
        deadline = time.monotonic() + TIMEOUT_S
        while messages(sqs, url) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        assert messages(sqs, url) == 0


def messages(sqs: Any, url: str) -> int:
    """How many there are, taken or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(count) for count in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def code() -> bytes:
    """A function that takes whatever it gets."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("replay.py", "def handler(event, context):\n    return {}\n")
    return file.getvalue()
