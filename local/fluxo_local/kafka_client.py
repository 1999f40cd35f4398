"""What the launcher asks of Kafka: `local/kafka` does it, in an environment that has a client."""

import json
import subprocess
from datetime import UTC, datetime
from typing import Any

from fluxo_local import python_tools
from fluxo_local.problem import Problem
from fluxo_local.processes import describe_status
from fluxo_local.profile import CHECKOUT
from fluxo_local.python_tools import KAFKA_CLIENT

PREFIX = "fluxo"
PROGRAM = CHECKOUT / "local" / "kafka"
TIMEOUT_S = 120


def make_topics(brokers: str) -> None:
    """Makes the topics that are not there."""
    ask("topics", brokers, PREFIX)


def records(brokers: str, topic: str, *groups: str) -> list[dict[str, Any]]:
    """All records that a topic has now, with which of the groups have not handled them; `topic` is without the prefix."""
    return read(ask("records", brokers, f"{PREFIX}.{topic}", *groups))


def records_containing(text: str, brokers: str, topic: str, *groups: str) -> list[dict[str, Any]]:
    """Those with this text in their values, in the order in which they were appended."""
    found = read(ask("containing", brokers, f"{PREFIX}.{topic}", text, *groups))
    return sorted(found, key=lambda record: record["appended_at_ms"])


def read(lines: str) -> list[dict[str, Any]]:
    """Records as the program prints them."""
    found = [json.loads(line) for line in lines.splitlines()]
    return [record | {"appended_at": datetime.fromtimestamp(record["appended_at_ms"] / 1000, UTC)} for record in found]


def lag(brokers: str, topic: str, group: str) -> int:
    """How many records of a topic a group has not handled."""
    return int(ask("lag", brokers, f"{PREFIX}.{topic}", group))


def ask(*words: str) -> str:
    """What the program prints."""
    python_tools.install(KAFKA_CLIENT)
    command = [KAFKA_CLIENT.program("python"), PROGRAM, *words]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Problem(f"Kafka at {words[1]} did not answer within {TIMEOUT_S} s.") from None
    if answer.returncode != 0:
        said = answer.stderr.strip().splitlines() or [describe_status(answer.returncode)]
        raise Problem(f"Kafka at {words[1]} could not be asked: {said[-1]}")
    return answer.stdout
