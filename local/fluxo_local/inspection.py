"""What the inspector's page asks for of executions: which there are, and what each went through.

Unlike `make flow` and `make parked`, it tells what entries say: their amounts and texts are what the page is for. So it is served on
loopback only, from where the AWS engine answers the same.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from fluxo_local import flow, history
from fluxo_local.events import data_of, parse, told, with_data
from fluxo_local.flow import Ask
from fluxo_local.history import as_json
from fluxo_local.problem import Problem

# A list is read page by page, until there are so many rows, or so many executions have been looked into.
ROWS_WANTED = 25
PAGE = 50
LOOKED_INTO_MAX = 500
# Executions that are too recent to be wanted are passed over by their dates alone.
SKIPPED_AT_ONCE = 1_000
SKIPPED_MAX = 50_000
# What ended executions were given and answered never changes, so it is kept, up to so many characters.
KEPT_CHARACTERS_MAX = 50_000_000
# An input runs again for 7 days at most, with pauses that grow to 15 minutes.
REPETITIONS_MAX = 1_000

# What became of an execution, and the status under which Step Functions lists it.
KINDS = {
    "running": "RUNNING",
    "recorded": "SUCCEEDED",
    "new": "SUCCEEDED",
    "duplicate": "SUCCEEDED",
    "conflict": "SUCCEEDED",
    "overtaken": "SUCCEEDED",
    "parked": "FAILED",
    "refused": "FAILED",
    "failed": "FAILED",
    "stopped": "ABORTED",
}
# In the order in which the state machine asks (IdempotencyCheck).
OUTCOMES = {"already_reversed": "overtaken", "conflict": "conflict", "duplicate": "duplicate"}
ERRORS = {"EntriesParked": "parked", "EntriesRefused": "refused"}
SHOWN_OF_AN_ENTRY = ("id", "type", "amount_minor", "currency", "date", "description", "category")


class NotFound(Problem):
    """There is no such execution."""


@dataclass(frozen=True)
class Wanted:
    """Which executions to list: all, or those of which all that is given holds."""

    merchant: str | None = None
    kind: str | None = None
    # A part of the name.
    name: str | None = None
    # Times between which it was started.
    since: datetime | None = None
    until: datetime | None = None

    def may_be(self, listed: Mapping[str, Any]) -> bool:
        """Whether what a list tells of an execution leaves it possible."""
        started = history.moment(listed["startDate"])
        too_early = self.since is not None and started < self.since
        too_late = self.until is not None and started > self.until
        return not too_early and not too_late and (self.name is None or self.name in listed["name"])

    def is_row(self, row: Mapping[str, Any]) -> bool:
        """Whether it is one of these."""
        kinds = {None, row["kind"], *(["recorded"] if row["status"] == "SUCCEEDED" else [])}
        return self.kind in kinds and self.merchant in (None, row["merchant"])


class Executions:
    """The executions of a state machine, through Step Functions' own interface."""

    def __init__(self, ask: Ask, machine: str) -> None:
        self._ask = ask
        self._machine = machine
        self._ended: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._kept_characters = 0
        self._lock = Lock()

    def find(self, wanted: Wanted, cursor: str | None = None) -> dict[str, Any]:
        """Those that are wanted, the latest first, as far as it has looked; and where to look on, if there are more."""
        status = KINDS[wanted.kind] if wanted.kind else None
        cursor, skipped = self._after(wanted.until, status, cursor) if wanted.until else (cursor, 0)
        rows: list[dict[str, Any]] = []
        looked_at = 0
        while True:
            page = self._page(status, cursor, PAGE)
            listed = page["executions"]
            rows += [row for each in listed if wanted.may_be(each) and wanted.is_row(row := self.row(each["name"]))]
            looked_at += len(listed)
            cursor = page.get("nextToken")
            if cursor and wanted.since and latest(listed[-1]) < wanted.since:
                # A list is ordered by ends, and nothing starts after it has ended.
                cursor = None
            if not cursor or len(rows) >= ROWS_WANTED or looked_at >= LOOKED_INTO_MAX:
                return {"executions": rows, "cursor": cursor, "looked_at": looked_at + skipped}

    def _after(self, until: datetime, status: str | None, cursor: str | None) -> tuple[str | None, int]:
        """Where executions begin that may have started by then, and how many are before."""
        skipped = 0
        while skipped < SKIPPED_MAX:
            page = self._page(status, cursor, SKIPPED_AT_ONCE)
            starts = [history.moment(each["startDate"]) for each in page["executions"]]
            if not page.get("nextToken") or min(starts) <= until:
                break
            cursor, skipped = page["nextToken"], skipped + len(starts)
        return cursor, skipped

    def _page(self, status: str | None, cursor: str | None, size: int) -> Mapping[str, Any]:
        arguments: dict[str, Any] = {"stateMachineArn": self._machine, "maxResults": size}
        return self._ask(
            "ListExecutions", arguments | ({"statusFilter": status} if status else {}) | ({"nextToken": cursor} if cursor else {})
        )

    def row(self, name: str) -> dict[str, Any]:
        """What a list shows of an execution."""
        described = self._describe(name)
        execution = history.read(described, ())
        given, outcomes = history.read_input(described.get("input")), outcomes_of(described)
        error = execution.failure.error if execution.failure else None
        return as_json(
            {
                "name": name,
                "status": execution.status,
                "kind": kind_of(execution.status, error, outcomes),
                "started": execution.started,
                "ended": execution.ended,
                "merchant": execution.merchant,
                "attempt": execution.attempt,
                "error": error,
                "outcomes": outcomes,
                **entries_in(given),
            }
        )

    def of_entry(self, entry: str) -> list[dict[str, Any]]:
        """The executions of an entry, the oldest first; of very many of one input, the first and the last ones."""
        return [self.row(name) for name in flow.shown(flow.names_of(self._ask_kept, self._machine, flow.entry_id(entry)))]

    def chain(self, name: str) -> list[dict[str, Any]]:
        """The execution and all others of the same input, the oldest first; of very many, the first and the last ones."""
        execution = history.read(self._describe(name), ())
        first, attempt = execution.first_name, execution.attempt
        # What an engine that was killed has forgotten leaves a gap.
        earlier = list(self._while_there(first, range(attempt - 1, -1, -1)))[::-1]
        later = list(self._while_there(first, range(attempt + 1, attempt + REPETITIONS_MAX)))
        return [self.row(each) for each in flow.shown([*earlier, name, *later])]

    def _while_there(self, first: str, attempts: Iterable[int]) -> Iterator[str]:
        for attempt in attempts:
            name = f"{first}-r{attempt}" if attempt else first
            try:
                self._describe(name)
            except NotFound:
                return
            yield name

    def went_through(self, name: str) -> dict[str, Any]:
        """What an execution went through, without what its states were given and answered."""
        described = self._describe(name)
        events = list(flow.events_of(self._ask, self._arn(name)))
        execution = history.read(described, events)
        row = self.row(name)
        return {**row, **execution.to_json(), "entries": row["entries"], "events": list(told(events)), "chain": self.chain(name)}

    def data(self, name: str, index: int) -> dict[str, Any]:
        """What a state was given and answered, by its number among those that were visited."""
        self._describe(name)
        states = data_of(with_data(self._ask, self._arn(name)))
        if not 0 <= index < len(states):
            raise NotFound(f"The execution {name} has visited {len(states)} states; there is none with the number {index}.")
        return states[index]

    def _describe(self, name: str) -> Mapping[str, Any]:
        with self._lock:
            if name in self._ended:
                self._ended.move_to_end(name)
                return self._ended[name]
        try:
            described = self._ask("DescribeExecution", {"executionArn": self._arn(name)})
        except Problem as problem:
            if "not found" in str(problem).lower() or "does not exist" in str(problem).lower():
                raise NotFound(f"There is no execution {name}.") from None
            raise
        if described.get("stopDate") and described["status"] != "RUNNING":
            self._keep(name, described)
        return described

    def _keep(self, name: str, described: Mapping[str, Any]) -> None:
        with self._lock:
            if name not in self._ended:
                self._kept_characters += size_of(described)
            self._ended[name] = described
            while self._kept_characters > KEPT_CHARACTERS_MAX:
                _, oldest = self._ended.popitem(last=False)
                self._kept_characters -= size_of(oldest)

    def _ask_kept(self, operation: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
        """As Step Functions answers, but for what is known already."""
        if operation == "DescribeExecution":
            return self._describe(arguments["executionArn"].rsplit(":", 1)[1])
        return self._ask(operation, arguments)

    def _arn(self, name: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"


def latest(listed: Mapping[str, Any]) -> datetime:
    """When an execution in a list ended, or started if it runs: what the list is ordered by."""
    return history.moment(listed.get("stopDate") or listed["startDate"])


def size_of(described: Mapping[str, Any]) -> int:
    """About how many characters a description has."""
    return sum(len(str(described.get(name) or "")) for name in ("input", "output", "cause")) + 1_000


def outcomes_of(described: Mapping[str, Any]) -> dict[str, int]:
    """How many entries of a finished execution were applied, were there already, and so on."""
    answered = parse(described.get("output"))
    outcomes = answered.get("outcomes") if isinstance(answered, dict) else None
    return outcomes if isinstance(outcomes, dict) else {}


def kind_of(status: str, error: str | None, outcomes: Mapping[str, int]) -> str:
    """What became of an execution: one of KINDS."""
    if status == "SUCCEEDED":
        return next((kind for outcome, kind in OUTCOMES.items() if outcomes.get(outcome)), "new")
    if status == "FAILED":
        return ERRORS.get(error or "", "failed")
    return {"RUNNING": "running", "ABORTED": "stopped"}.get(status, "failed")


def entries_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """How many entries an input has, and what the first of them says."""
    entries = given.get("entries", [])
    return {"entries": len(entries), "first": {name: entries[0].get(name) for name in SHOWN_OF_AN_ENTRY} if entries else None}
