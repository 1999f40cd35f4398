"""What a request of any size takes of each part: measured for 1 and for 100 entries, and a straight line through both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cost import metering, requests
from cost.problem import Problem
from cost.quantities import BENCH, Quantities
from cost.requests import BATCH, ENTRY, READ
from cost.template import Stack

REGISTER, APPLY, CONSOLIDATE, BALANCE = "register-entry", "apply-to-ledger", "consolidate-day", "get-daily-balance"


@dataclass(frozen=True)
class Writer:
    """The rates that the benchmark has measured of one writer, in entries a second, and the processors that it had."""

    cores: Decimal
    one_by_one: Decimal
    batches_of_500: Decimal
    share_of_one_row: Decimal
    """Entries of one day of one merchant, against those of a thousand merchants."""

    def rate(self, entries: int) -> Decimal:
        """The rate at this size of a batch."""
        if entries not in (1, 500):
            raise Problem(f"The writer was measured with single entries and batches of 500, not of {entries}.")
        return self.one_by_one if entries == 1 else self.batches_of_500


def writer() -> Writer:
    """Reads the benchmark's results."""
    results = json.loads(BENCH.read_text(), parse_float=Decimal)
    figures = {figure["name"]: figure for figure in results["figures"]}

    def figure(name: str, part: str) -> Decimal:
        if name not in figures or figures[name][part] is None:
            raise Problem(f"{BENCH.name} has no figure {name}: run make bench.")
        return Decimal(figures[name][part])

    return Writer(
        cores=Decimal(results["machine"]["cores"]),
        one_by_one=figure("apply_single_vs_pgbench", "value"),
        batches_of_500=figure("apply_batch_vs_pgbench", "value"),
        share_of_one_row=figure("hot_merchant_one_row_vs_spread", "ratio"),
    )


def line(one: Decimal, hundred: Decimal, entries: int) -> Decimal:
    """The value at a number of entries, from those at 1 and at 100."""
    return one + (hundred - one) / 99 * (entries - 1)


def of_entries(quantities: Quantities, entries: int, read: Any) -> Decimal:
    """A quantity of a request with so many entries; `read` takes it from what was measured of a case."""
    one, hundred = (Decimal(read(quantities.case(case.name))) for case in (ENTRY, BATCH))
    return line(one, hundred, entries)


def ledger_cpu_ms(quantities: Quantities, entries: int) -> Decimal:
    """What PostgreSQL computes for a request."""
    return of_entries(quantities, entries, lambda case: case["ledger"]["cpu_ms"])


def duration_s(stack: Stack, function: str, quantities: Quantities, entries: int) -> Decimal:
    """How long a function runs for a request, as docs/cost.md computes it. PostgreSQL's work comes on top of waiting for it."""
    binary = stack.binary(function)
    used: Mapping[str, Any] = quantities.of_function(READ.name if binary == BALANCE else ENTRY.name, binary)
    if binary == BALANCE:
        return requests.duration_ms(stack.function(function), used, quantities) / 1000
    cpu_ms = of_entries(quantities, entries, lambda case: case["functions"][binary]["cpu_ms"])
    milliseconds = requests.duration_ms(stack.function(function), {**used, "cpu_ms": cpu_ms}, quantities)
    return (milliseconds + (ledger_cpu_ms(quantities, entries) if binary == APPLY else 0)) / 1000


def write_units(quantities: Quantities, entries: int) -> tuple[Decimal, Decimal]:
    """DynamoDB's units of a request: of all items, and of the largest one. Batches are of as many days as those that were measured."""
    items = quantities.case((ENTRY if entries == 1 else BATCH).name)["items_written_bytes"]
    units = [Decimal(metering.write_units(size)) for size in items]
    return sum(units, Decimal(0)), max(units)


def read_units(quantities: Quantities) -> Decimal:
    """DynamoDB's units of the two queries of a balance."""
    case = quantities.case(READ.name)
    return sum((metering.query_units(case[size] * quantities.assume(count)) for size, count in requests.QUERIED.items()), Decimal(0))


def cache_units(quantities: Quantities, entries: int) -> Decimal:
    """ElastiCache's units of a request."""
    memory = quantities.case(ENTRY.name)["memory"]
    return entries * metering.ecpus([memory["get_bytes"], memory["reserve_bytes"], memory["set_bytes"]])
