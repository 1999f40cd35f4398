"""The events of an execution, one by one, and the data in them: what states were given and answered, which `history` leaves out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from fluxo_local import flow, history
from fluxo_local.flow import Ask
from fluxo_local.history import OF_A_STATE, OF_AN_ATTEMPT, OF_THE_END, Failure, as_json


def told(events: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The history's events, each with the state and the attempt that it is about."""
    state, attempt = None, 0
    for event in sorted(events, key=lambda event: event["id"]):
        kind = event["type"]
        details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
        if entered := event.get("stateEnteredEventDetails"):
            state, attempt = entered["name"], 0
        about = OF_AN_ATTEMPT.fullmatch(kind)
        attempt += bool(about and about[1] == "Scheduled")
        failure = Failure.of(details) if "error" in details or "cause" in details else None
        yield {
            "id": event["id"],
            "type": kind,
            "at": as_json(history.moment(event["timestamp"])),
            "state": None if OF_THE_END.fullmatch(kind) or kind == "ExecutionStarted" else state,
            "attempt": attempt if about else None,
            "failure": asdict(failure) if failure and failure.error != "unknown" else None,
        }


def with_data(ask: Ask, arn: str) -> Iterator[Mapping[str, Any]]:
    """The history with what states were given and answered."""

    def ask_for_all(operation: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
        return ask(operation, arguments | {"includeExecutionData": True})

    return flow.events_of(ask_for_all, arn)


def data_of(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each visited state was given and answered, and how its attempts failed, in order."""
    states: list[dict[str, Any]] = []
    for event in sorted(events, key=lambda event: event["id"]):
        kind = event["type"]
        of_state = OF_A_STATE.fullmatch(kind)
        of_attempt = OF_AN_ATTEMPT.fullmatch(kind)
        if of_state and of_state[2] == "Entered":
            entered = event["stateEnteredEventDetails"]
            states.append({"name": entered["name"], "input": parse(entered.get("input")), "output": None, "failures": []})
        elif of_state:
            states[-1]["output"] = parse(event["stateExitedEventDetails"].get("output"))
        elif of_attempt and of_attempt[1] not in ("Scheduled", "Succeeded"):
            details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
            states[-1]["failures"].append({"error": details.get("error"), "cause": parse(details.get("cause"))})
    return states


def parse(text: Any) -> Any:
    """What JSON says; a text that is none, itself."""
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text
