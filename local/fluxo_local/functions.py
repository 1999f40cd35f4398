"""Invokes functions of the running stack."""

import json
from typing import Any

from fluxo_local import loopback, terminal
from fluxo_local.aws import signed_for
from fluxo_local.problem import Problem
from fluxo_local.profile import CHECKOUT, Profile

EVENTS = CHECKOUT / "events"
# Longer than any function of the template may take: reconcile-balances has five minutes.
INVOCATION_TIMEOUT_S = 330


def invoke(profile: Profile, function: str, case: str) -> None:
    """Prints what a function answers to one of the events in `events/`; a failure of the function is a problem."""
    event = EVENTS / function / f"{case}.json"
    if not event.is_file():
        known = sorted(f"{each.parent.name} {each.stem}" for each in EVENTS.glob("*/*.json"))
        raise Problem(f"There is no event {function} {case}. There are: {', '.join(known)}.")
    terminal.say(json.dumps(answer_of(profile.stack(), function, event.read_bytes()), indent=2, ensure_ascii=False))


def answer_of(stack: dict[str, Any], function: str, event: bytes) -> Any:
    """What the function answers."""
    name = stack["functions"][name_in_template(function)]
    status, answer = loopback.request(
        stack["port"],
        "POST",
        f"/2015-03-31/functions/{name}/invocations",
        event,
        {"Content-Type": "application/json", "Authorization": signed_for("lambda")},
        INVOCATION_TIMEOUT_S,
    )
    payload = json.loads(answer or b"null")
    if status != 200:
        raise Problem(f"The AWS engine did not invoke {function} (status {status}): {payload}")
    if isinstance(payload, dict) and "errorType" in payload:
        raise Problem(f"{function} has failed with {payload['errorType']}: {payload.get('errorMessage')}")
    return payload


def name_in_template(function: str) -> str:
    """The template names each function as its binary, in another spelling."""
    return "".join(word.capitalize() for word in function.split("-"))
