"""`make parked`: what waits in the park queue, what runs again now, and what is in the dead-letter queue, each with its reason.

Listing takes nothing out of a queue and delays nothing. SQS itself cannot be asked that way: to receive a message hides it for its
visibility timeout, and counts against `maxReceiveCount` even if that timeout is 0. So the local engine is asked through its door for
inspection, `/_ministack/sqs/messages`, and a stack on AWS through its logs (tools/deploy/parked.py).
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fluxo_local import history, loopback, terminal
from fluxo_local.aws import ask
from fluxo_local.history import DEAD_LETTER_QUEUE, PARK_QUEUE, REPLAYED, Failure
from fluxo_local.problem import Problem
from fluxo_local.profile import Profile
from fluxo_local.wording import counted, moment, pause

# What the attribute of a message of the dead-letter queue is called that says why it is there, by one release or another.
REASON_ATTRIBUTES = ("DeadLetterReason", "SetAsideBecause")
# The attribute of a message that has been given its delay.
WAITED = "Waited"
# Of thousands, the reasons count: those that have waited longest are shown.
SHOWN_MAX = 20
IDS_SHOWN_MAX = 3


@dataclass(frozen=True)
class Parked:
    """A message of one of the queues."""

    queue: str
    entries: tuple[str, ...]
    merchant: str | None
    failure: Failure
    # Which repetition is next, from 1.
    attempt: int
    # Since when it has not been recorded.
    since: datetime
    # When its input runs again, if it has been told; None if `replay-parked` has not yet met it, or never will.
    next_try: datetime | None = None
    # Whether `replay-parked` has it in hand.
    is_taken: bool = False
    # Why it is in the dead-letter queue.
    reason: str | None = None
    # The execution that is next, where it is known and the entries are not.
    execution: str | None = None


def list_parked(profile: Profile) -> None:
    """Prints what is in the queues of the local stack."""
    stack = profile.stack()
    now = datetime.now(UTC)
    for line in report(list(waiting(stack, now)), list(running_again(stack)), list(dead_letters(stack, now)), now):
        terminal.say(line)


def waiting(stack: Mapping[str, Any], now: datetime) -> Iterator[Parked]:
    """What is in the park queue."""
    return (read(message, PARK_QUEUE, now) for message in messages(stack, stack["park_queue_url"]))


def dead_letters(stack: Mapping[str, Any], now: datetime) -> Iterator[Parked]:
    """What is in the dead-letter queue."""
    return (read(message, DEAD_LETTER_QUEUE, now) for message in messages(stack, stack["dead_letter_queue_url"]))


def running_again(stack: Mapping[str, Any]) -> Iterator[tuple[str, datetime]]:
    """The executions of parked inputs that run now, and since when: their inputs are in no queue."""
    arguments = {"stateMachineArn": stack["state_machine_arn"], "statusFilter": "RUNNING"}
    running = ask(stack["port"], "states", "AWSStepFunctions.ListExecutions", arguments)["executions"]
    return ((each["name"], history.moment(each["startDate"])) for each in running if REPLAYED.fullmatch(each["name"]))


def messages(stack: Mapping[str, Any], queue_url: str) -> list[Mapping[str, Any]]:
    """All messages of a queue, which stay as they are."""
    path = f"/_ministack/sqs/messages?{urlencode({'QueueUrl': queue_url})}"
    status, answer = loopback.request_json(stack["port"], "GET", path)
    if status != 200:
        raise Problem(f"The AWS engine did not show the messages of {queue_url} (status {status}): {answer}")
    queues = (queue for regions in answer["messages"].values() for queue in regions.values())
    return [message for queue in queues for found in queue.values() for message in found]


def read(message: Mapping[str, Any], queue: str, now: datetime) -> Parked:
    """What a message says, in the form of the engine's inspection."""
    attributes = {name: value.get("StringValue", "") for name, value in message["MessageAttributes"].items()}
    sent, visible = history.moment(message["SentTimestamp"]), history.moment(message["VisibleAt"])
    reason = next((attributes[name] for name in REASON_ATTRIBUTES if name in attributes), None)
    parked = read_body(message["Body"], queue, sent)
    if queue == DEAD_LETTER_QUEUE:
        return Parked(**parked, reason=reason or reason_without_attribute(attributes))
    is_taken = message["ReceiveCount"] > 0 and visible > now
    # Whatever has waited, or was brought back from the dead-letter queue, runs as soon as it can be received.
    next_try = visible if (WAITED in attributes or reason) and not is_taken else None
    return Parked(**parked, next_try=next_try, is_taken=is_taken)


def read_body(body: str, queue: str, sent: datetime) -> dict[str, Any]:
    """What is known from the body of a message: of the state machine, of EventBridge (functions/replay-parked/src/message.rs)."""
    opened = open_body(body)
    if opened is None:
        return {"queue": queue, "entries": (), "merchant": None, "failure": Failure("unreadable message"), "attempt": 1, "since": sent}
    detail, given = opened
    replay = given.get("replay", {})
    since = replay.get("first_parked_at") or detail.get("parked_at")
    stopped = detail.get("stopDate")
    return {
        "queue": queue,
        "entries": tuple(entry["id"] for entry in given.get("entries", [])),
        "merchant": given.get("merchant_id"),
        "failure": Failure.of({"error": detail.get("error") or detail.get("status"), "cause": detail.get("cause")}),
        "attempt": replay.get("attempt", 0) + 1,
        "since": history.moment(since or (stopped / 1000 if stopped else sent)),
    }


def open_body(body: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What a message says, and the input in it; None if it cannot be read."""
    try:
        said = json.loads(body)
        detail = said.get("detail", said)
        text = detail.get("input")
    except (ValueError, AttributeError):
        return None
    return detail, history.read_input(text if isinstance(text, str | None) else json.dumps(text))


def reason_without_attribute(attributes: Mapping[str, str]) -> str:
    """Why a message is in the dead-letter queue that neither the state machine nor `replay-parked` has put there."""
    if "ERROR_CODE" in attributes:
        # EventBridge says why it could not deliver ("Using dead-letter queues to process undelivered events", EventBridge User Guide).
        return f"EventBridge could not send it to the park queue: {attributes['ERROR_CODE']}"
    return "none is given: SQS has moved it after replay-parked had failed on it too often; its log says why"


def report(
    waiting: list[Parked],
    running: list[tuple[str, datetime]],
    dead: list[Parked],
    now: datetime,
    bring_back: str = "`make redrive`",
    show: str = "`make flow ENTRY=<entry id>`",
) -> Iterator[str]:
    """The lines for a person, and with which commands to go on."""
    yield f"{counted(len(waiting), 'input')} in the park queue{by_error(waiting)}"
    yield from blocks(waiting, now)
    if running:
        yield f"{counted(len(running), 'input')} running again now"
        yield from (f"  {name}, for {pause(now - since)}" for name, since in sorted(running, key=lambda each: each[1])[:SHOWN_MAX])
        yield from the_others(len(running))
    yield f"{counted(len(dead), 'input')} in the dead-letter queue{by_error(dead)}"
    yield from blocks(dead, now)
    if waiting and not dead:
        yield ""
    if waiting:
        yield "What waits runs again by itself until it is recorded: end the fault that `why` names."
    if dead:
        yield f"The dead-letter queue keeps an input for 14 days: mend what its reason names, then bring it back with {bring_back}."
    if waiting or dead:
        yield f"What an entry went through: {show}."


def by_error(parked: Iterable[Parked]) -> str:
    """How many of them failed with which error."""
    counts = Counter(each.failure.error for each in parked)
    return f": {', '.join(f'{count:,} {error}' for error, count in counts.most_common())}" if counts else ""


def blocks(parked: list[Parked], now: datetime) -> Iterator[str]:
    """A few lines about each, the one that has waited longest first."""
    for each in sorted(parked, key=lambda each: each.since)[:SHOWN_MAX]:
        yield ""
        yield f"  {whose(each)}"
        yield f"    why       {each.failure}"
        yield f"    since     {moment(each.since)}, {pause(now - each.since)} ago"
        if each.reason:
            yield f"    reason    {each.reason}"
            yield f"    ran       {counted(each.attempt, 'time')}, and does not run again by itself"
        else:
            yield f"    next try  {next_try(each, now)}"
    yield from the_others(len(parked))
    if parked:
        yield ""


def the_others(count: int) -> Iterator[str]:
    """How many are not shown."""
    if count > SHOWN_MAX:
        yield ""
        yield f"  and {count - SHOWN_MAX:,} more, not shown"


def whose(parked: Parked) -> str:
    """The entries, of which a batch has up to 500, and the merchant."""
    ids = " ".join(parked.entries[:IDS_SHOWN_MAX]) or parked.execution or "entries not known"
    more = len(parked.entries) - IDS_SHOWN_MAX
    return f"{ids}{f' and {more} more' if more > 0 else ''} of {parked.merchant or 'a merchant not known'}"


def next_try(parked: Parked, now: datetime) -> str:
    """Which repetition is next, and when."""
    if parked.is_taken:
        when = "replay-parked has it in hand now"
    elif parked.next_try is None:
        when = "replay-parked has not yet given it a delay"
    elif parked.next_try <= now:
        when = f"due since {parked.next_try:%H:%M:%S} UTC" if now - parked.next_try > timedelta(seconds=1) else "due now"
    else:
        when = f"at {parked.next_try:%H:%M:%S} UTC, in {pause(parked.next_try - now)}"
    return f"attempt {parked.attempt} (-r{parked.attempt}), {when}"
