"""`make flow ENTRY=…`: what an entry went through: its executions with their states, attempts and errors, and what the ledger has.

The name of the execution of a single entry begins with the entry's id, and each repetition has `-r1`, `-r2` … behind it. The name of
a batch's follows from all of its entries (ADR 2), so a batch is found by looking into the inputs of batches, the newest first.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from fluxo_local import history, loopback, terminal, users
from fluxo_local.aws import ask
from fluxo_local.history import DEAD_LETTER_QUEUE, PARK_QUEUE, REPLAYED, Attempt, Execution, State
from fluxo_local.problem import Problem
from fluxo_local.profile import Profile
from fluxo_local.wording import clock, counted, moment, pause

# Calls Step Functions: the name of an operation and its arguments.
Ask = Callable[[str, dict[str, Any]], Mapping[str, Any]]

OF_ONE_ENTRY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-")
BATCHES_LOOKED_INTO_MAX = 1_000
PAGE = 1_000
# Of an input that has run hundreds of times, the first execution and so many of the last ones are shown.
LAST_SHOWN = 5
COLOUR_OF = {"SUCCEEDED": "green", "RUNNING": "yellow"}
NOT_ASKED = "Ledger: not asked; name the merchant, MERCHANT=acme."


def show_flow(profile: Profile, entry: str, merchant: str | None) -> None:
    """Prints it, from the local stack."""
    show_executions(profile, entry_id(entry), merchant)


def show_executions(profile: Profile, entry: str, merchant: str | None) -> None:
    """Prints its executions, and what the ledger says."""
    stack = profile.stack()

    def ask_locally(operation: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
        return ask(stack["port"], "states", f"AWSStepFunctions.{operation}", arguments)

    machine = stack["state_machine_arn"]
    names = names_of(ask_locally, machine, entry)
    executions = [execution_named(ask_locally, machine, name, with_history=True) for name in shown(names)]
    for line in report(entry, executions, names):
        terminal.say(line)
    merchant = merchant or next((execution.merchant for execution in executions if execution.merchant), None)
    terminal.say(ledger_says(profile, stack, entry, merchant) if merchant else NOT_ASKED)


def entry_id(text: str) -> str:
    """The id as names of executions have it."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        raise Problem(f'"{text}" is no id of an entry: give the `id` of the answer to POST /entries, a UUID.') from None


def names_of(ask: Ask, machine: str, entry: str) -> list[str]:
    """The names of the executions of an entry, the oldest first."""
    newest_first = list(all_names(ask, machine))
    own = {name for name in newest_first if name.startswith(f"{entry}-")}
    others = [name for name in newest_first if not OF_ONE_ENTRY.match(name) and not REPLAYED.fullmatch(name)]
    batches = {name for name in others[:BATCHES_LOOKED_INTO_MAX] if entry in execution_named(ask, machine, name).entries}
    found = [name for name in newest_first if name in own or first_name(name) in batches]
    return found[::-1]


def all_names(ask: Ask, machine: str) -> Iterator[str]:
    """The names of all executions, the newest first."""
    arguments: dict[str, Any] = {"stateMachineArn": machine, "maxResults": PAGE}
    while True:
        answer = ask("ListExecutions", arguments)
        yield from (execution["name"] for execution in answer["executions"])
        if not answer.get("nextToken"):
            return
        arguments["nextToken"] = answer["nextToken"]


def first_name(name: str) -> str:
    """Without what is added for a repetition."""
    replayed = REPLAYED.fullmatch(name)
    return replayed[1] if replayed else name


def shown(names: list[str]) -> list[str]:
    """Those to show, of executions in the order in which they ran: of each input the first and the last ones."""
    by_input: dict[str, list[str]] = {}
    for name in names:
        by_input.setdefault(first_name(name), []).append(name)
    chosen = {name for runs in by_input.values() for name in [*runs[:1], *runs[-LAST_SHOWN:]]}
    return [name for name in names if name in chosen]


def execution_named(ask: Ask, machine: str, name: str, with_history: bool = False) -> Execution:
    """The execution of this name."""
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    described = ask("DescribeExecution", {"executionArn": arn})
    return history.read(described, events_of(ask, arn) if with_history else ())


def events_of(ask: Ask, arn: str) -> Iterator[Mapping[str, Any]]:
    """The history, without what states were given and answered, which nothing here shows."""
    arguments: dict[str, Any] = {"executionArn": arn, "maxResults": PAGE, "includeExecutionData": False}
    while True:
        answer = ask("GetExecutionHistory", arguments)
        yield from answer["events"]
        if not answer.get("nextToken"):
            return
        arguments["nextToken"] = answer["nextToken"]


def report(entry: str, executions: list[Execution], names: list[str]) -> Iterator[str]:
    """The lines for a person, all but what the ledger says. `names` are those of all executions, also of those not shown."""
    if not executions:
        yield f"No execution of the entry {entry} is known."
        yield (
            "Either no request with this id was accepted, or it came in a batch that is not among the last "
            f"{BATCHES_LOOKED_INTO_MAX:,}: look for the id in the log of register-entry, which names the execution."
        )
        return
    last = executions[-1]
    others = len(last.entries) - 1
    batch = f", in a batch with {others} other{'s' if others > 1 else ''}" if others > 0 else ""
    yield terminal.paint(f"Entry {entry} of {last.merchant or 'a merchant not known'}{batch}; times are in UTC", "bold")
    left_out = len(names) - len(executions)
    for execution in executions:
        yield ""
        yield from of_execution(execution, set(names), {each.name for each in executions})
    if left_out:
        yield ""
        yield f"Not shown: {counted(left_out, 'execution')} in between, which failed and ran again."
    yield ""


def of_execution(execution: Execution, names: set[str], shown: set[str]) -> Iterator[str]:
    """What one execution went through."""
    yield terminal.paint(execution.name, "bold")
    took = f" after {pause(execution.ended - execution.started)}" if execution.ended else ""
    failure = f" with {execution.failure.error}" if execution.failure else ""
    status = terminal.paint(execution.status, COLOUR_OF.get(execution.status, "red"))
    yield f"  {execution.started:%Y-%m-%d} {clock(execution.started)}  started, {status}{took}{failure}"
    for state in execution.states:
        yield from of_state(state, execution)
    yield f"  -> {what_next(execution, names, shown)}"


def of_state(state: State, execution: Execution) -> Iterator[str]:
    """A state and its attempts."""
    end = state.left or execution.ended
    took = pause(end - state.entered) if end else "running"
    yield f"  {clock(state.entered)}  {state.name}, {took}{', failure caught' if state.caught else ''}"
    for before, attempt, later in zip((None, *state.attempts), state.attempts, (*state.attempts[1:], None), strict=False):
        yield f"    {clock(attempt.started)}  attempt {attempt.number}: {outcome(before, attempt, later, execution)}"


def outcome(before: Attempt | None, attempt: Attempt, later: Attempt | None, execution: Execution) -> str:
    """How an attempt ended, and what followed."""
    if attempt.ended is None:
        return "running" if execution.ended is None else f"no answer when the execution was {execution.status}"
    took = pause(attempt.ended - attempt.started)
    if attempt.failure is None:
        return f"done in {took}"
    # A cause fills a line, and is mostly that of all attempts.
    failure = f"{attempt.failure.error} as before" if before and before.failure == attempt.failure else str(attempt.failure)
    retried = f"; retried after {pause(later.started - attempt.ended)}" if later else ""
    return f"{terminal.paint('failed', 'red')} after {took}, {failure}{retried}"


def what_next(execution: Execution, names: set[str], shown: set[str]) -> str:
    """What became of the input."""
    again = execution.next_name
    if execution.ended is None:
        return "still running" if not execution.states else f"still running, in {execution.states[-1].name}"
    if execution.status == "SUCCEEDED":
        return "recorded: the balances are written"
    if execution.queue == DEAD_LETTER_QUEUE:
        what = "its input went to the dead-letter queue: `make parked` says why"
        return f"{what}; it was brought back and ran again as {again}" if again in names else f"{what}, `make redrive` runs it again"
    if again in names:
        return f"parked; its input ran again as {again}{', below' if again in shown else ', not shown'}"
    if execution.queue == PARK_QUEUE:
        return f"parked; its input will run as {again}: `make parked` says when, or whether it was given up"
    return (
        f"it did not park its input itself; EventBridge parks it, and it will run as {again}. If it has not after 15 minutes: "
        "`make unparked` (on AWS)"
    )


def ledger_says(profile: Profile, stack: Mapping[str, Any], entry: str, merchant: str) -> str:
    """What the API answers about the entry, without what the entry says."""
    status, answer = answer_of_api(profile, stack, entry, merchant)
    if status == 404:
        return f"Ledger: {merchant} has no such entry."
    if status != 200:
        return f"Ledger: not known, GET /entries/{entry} answers {status} {(answer or {}).get('code', '')}".rstrip()
    if answer["status"] != "posted":
        return f"Ledger: {answer['status']}, for the day {answer['date']}."
    reversed_by = f", reversed by {answer['reversed_by']}" if answer["reversed_by"] else ""
    sealed = f", in seal {answer['seal']}" if answer["seal"] is not None else ""
    return f"Ledger: posted at {moment(history.moment(answer['posted_at']))} on the day {answer['date']}{sealed}{reversed_by}."


def answer_of_api(profile: Profile, stack: Mapping[str, Any], entry: str, merchant: str) -> tuple[int, Any]:
    """Status and body of `GET /entries/{id}`."""
    token = users.id_token(profile, merchant, "viewer")
    path = f"/{stack['url'].split('/', 3)[3]}/entries/{entry}"
    return loopback.request_json(stack["port"], "GET", path, headers={"Authorization": f"Bearer {token}"})
