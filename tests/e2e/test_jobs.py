"""The jobs of the second door, run as Kubernetes runs them: programs that do their work once and end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from deployed.log import DEAD, ENTRIES, RECORD_GROUP
from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import Stack
from fluxo_local.services import binary

pytestmark = pytest.mark.door("services", "The functions of the first door are invoked on their schedules.")

TEN = Day("0.00", "10.00", "0.00", "10.00", 1)
# As services/entries says it has found something.
SWEPT = 3


def lines(output: str) -> list[dict[str, Any]]:
    """The lines of a log."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_reconciling_puts_right_what_differs(merchant: Merchant, stack: Stack) -> None:
    # A scheduled run compares what was posted lately.
    merchant.recorded(merchant.accepted(entry(), "key"))
    stack.client("dynamodb").delete_item(
        TableName=stack.ids["balances_table"], Key={"pk": {"S": f"{merchant.id}#BRL"}, "sk": {"S": f"day#{DATE}"}}
    )
    assert merchant.day().entry_count == 0
    job = stack.run_function("ReconcileBalances")
    assert job.returncode == 0, job
    assert merchant.day() == TEN
    assert any(line.get("MonthsCompared", 0) >= 1 for line in lines(job.stdout)), job


def test_reconciling_without_a_ledger_fails(stack: Stack) -> None:
    with stack.ledger.refusing():
        assert stack.run_function("ReconcileBalances").returncode == 1


def test_the_day_before_is_sealed_once(merchant: Merchant, stack: Stack) -> None:
    zone = stack.environment_of("entries serve")["BUSINESS_TIME_ZONE"]
    yesterday = str((datetime.now(ZoneInfo(zone)) - timedelta(days=1)).date())
    merchant.recorded(merchant.accepted(entry(date=yesterday), "key"))
    job = stack.run_function("SealPastDay")
    assert job.returncode == 0, job
    (seal,) = merchant.seals(yesterday)
    assert (seal["number"], seal["entry_count"]) == (1, 1)
    assert merchant.get(f"/daily-balances/{yesterday}").body["status"] == "sealed"
    assert stack.run_function("SealPastDay").returncode == 0
    assert merchant.seals(yesterday) == [seal]


def test_the_sweep_of_what_is_in_the_ledger_finds_nothing(merchant: Merchant, stack: Stack) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)
    merchant.recorded(merchant.accepted(entry(), "key"))
    job = sweep(stack, begun)
    assert job.returncode == 0, job
    assert sum(int(line["records"]) for line in lines(job.stdout) if line["message"] == "log swept") >= 1
    # Yesterday's, as its schedule asks for.
    assert stack.run_as("entries record", binary("entries"), "sweep").returncode == 0
    assert merchant.settled_day(1) == TEN


def test_the_sweep_posts_what_the_recorder_has_left_out_and_says_so(merchant: Merchant, stack: Stack) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)
    with recorder_leaves_out(stack):
        left_out = merchant.accepted(entry(), "left-out")
    # What comes after it is recorded.
    merchant.recorded(merchant.accepted(entry("1.00"), "after"))
    assert [row["amount_minor"] for row in merchant.entries()] == [100]
    job = sweep(stack, begun)
    assert job.returncode == SWEPT, job
    assert sum(line["EntriesSwept"] for line in lines(job.stdout) if "EntriesSwept" in line) == 1
    merchant.posted(left_out.body["id"])
    assert merchant.settled_day(2).closing == "11.00"
    assert sweep(stack, begun).returncode == 0


def test_dead_letters_are_brought_back(merchant: Merchant, stack: Stack) -> None:
    known = merchant.recorded(merchant.accepted(entry(), "known")).input
    stack.log.append(DEAD, json.dumps(known), step="record", reason="LedgerMisconfigured")
    job = stack.run_as("worker", binary("worker"), "redrive")
    assert job.returncode == 0, job
    (line,) = [line for line in lines(job.stdout) if line["message"] == "dead letters brought back"]
    assert int(line["brought_back"]) >= 1
    # They are brought back once.
    (line,) = [line for line in lines(stack.run_as("worker", binary("worker"), "redrive").stdout) if "brought_back" in line]
    assert int(line["brought_back"]) == 0


def sweep(stack: Stack, begun: datetime) -> Any:
    """Posts the log since then again."""
    to = datetime.now(UTC) + timedelta(minutes=1)
    return stack.run_as("entries record", binary("entries"), "sweep", "--from", begun.isoformat(), "--to", to.isoformat())


@contextmanager
def recorder_leaves_out(stack: Stack) -> Iterator[None]:
    """What is accepted in the block counts as handled, and was not: while there is no recorder, the group goes on behind it."""
    with stack.without("entries record"):
        yield
        stack.log.take_as_handled(RECORD_GROUP, ENTRIES)
