"""The definition of the state machine with its placeholders filled in."""

import json
from pathlib import Path
from typing import Any

from record_entries.tasks import APPLY, CONSOLIDATE, DEAD_LETTERS, PARK

CHECKOUT = Path(__file__).resolve().parents[3]
DEFINITION = CHECKOUT / "statemachines" / "record-entries.asl.json"
EVENTS = CHECKOUT / "events"
REGION = "us-east-1"


def filled_in(text: str, account: str, queue_urls: dict[str, str]) -> str:
    """As deploying does it."""
    values = {
        "Partition": "aws",
        "ApplyToLedgerArn": function_arn(APPLY, account),
        "ConsolidateDayArn": function_arn(CONSOLIDATE, account),
        "ParkQueueUrl": queue_urls[PARK],
        "DeadLetterQueueUrl": queue_urls[DEAD_LETTERS],
    }
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def function_arn(name: str, account: str) -> str:
    """Where an interpreter believes the function to be."""
    return f"arn:aws:lambda:{REGION}:{account}:function:{name}"


def state_in(event: str) -> Any:
    """The state that one of the events in events/ hands to its function."""
    return json.loads((EVENTS / f"{event}.json").read_text())["state"]


def missing_variables(definition: Path, answer: Any) -> list[str]:
    """What the Choice of the definition compares and an answer of apply-to-ledger does not have."""
    rules = json.loads(definition.read_text())["States"]["IdempotencyCheck"]["Choices"]
    return [rule["Variable"] for rule in rules if not has(answer, rule["Variable"])]


def has(value: Any, path: str) -> bool:
    """Whether a reference path such as `$.a.b` leads to something."""
    for name in path.removeprefix("$.").split("."):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True
