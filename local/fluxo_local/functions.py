"""Invokes one function of the running stack with one of the events in `events/`."""

import json

from fluxo_local import console, loopback
from fluxo_local.aws import signed_for
from fluxo_local.problem import Problem
from fluxo_local.profile import CHECKOUT, Profile

EVENTS = CHECKOUT / "events"


def invoke(profile: Profile, function: str, case: str) -> None:
    """Prints what the function answers; a failure of the function is a problem."""
    event = EVENTS / function / f"{case}.json"
    if not event.is_file():
        known = sorted(f"{each.parent.name} {each.stem}" for each in EVENTS.glob("*/*.json"))
        raise Problem(f"There is no event {function} {case}. There are: {', '.join(known)}.")
    stack = profile.stack()
    # The template names each function as its binary, in another spelling.
    name = stack["functions"]["".join(word.capitalize() for word in function.split("-"))]
    status, answer = loopback.request(
        stack["port"],
        "POST",
        f"/2015-03-31/functions/{name}/invocations",
        event.read_bytes(),
        {"Content-Type": "application/json", "Authorization": signed_for("lambda")},
    )
    payload = json.loads(answer or b"null")
    if status != 200:
        raise Problem(f"The AWS engine did not invoke {function} (status {status}): {payload}")
    console.say(json.dumps(payload, indent=2, ensure_ascii=False))
    if isinstance(payload, dict) and "errorType" in payload:
        raise Problem(f"{function} has failed with {payload['errorType']}.")
