"""A small template, and quantities that are easy to reckon with."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from cost import prices, quantities
from cost.prices import Prices
from cost.quantities import Quantities
from cost.template import Loader, Stack

TEMPLATE = Path(__file__).with_name("template.yaml")


@pytest.fixture
def stack() -> Callable[..., Stack]:
    """The small template with these parameters."""
    document = yaml.load(TEMPLATE.read_text(), Loader)
    return lambda **parameters: Stack(document, parameters)


@pytest.fixture(scope="session")
def table() -> Prices:
    """The real prices."""
    return prices.load()


@pytest.fixture
def used() -> Quantities:
    """Round numbers for what is measured, and the real assumptions."""
    return Quantities(measured(), quantities.read(quantities.ASSUMPTIONS))


def measured() -> dict[str, Any]:
    """Each function takes 1 ms of CPU time."""

    def function(**waits: int) -> dict[str, Any]:
        return {"cpu_ms": Decimal(1), "log_bytes": 100, "log_events": 1, "waits": waits}

    def writing(entries: int) -> dict[str, Any]:
        sizes = {"input": 300 * entries, "ApplyToLedger": 400, "ConsolidateDay": 50}
        return {
            "entries": entries,
            "request_bytes": 1000 * entries,
            "response_bytes": 500 * entries,
            "payload_bytes": sizes,
            "payload_escaped_bytes": sizes,
            "functions": {
                "register-entry": function(redis=2, step_functions=1),
                "apply-to-ledger": function(postgresql=1),
                "consolidate-day": function(dynamodb=1),
            },
            "memory": {"get_bytes": 50, "reserve_bytes": 100, "set_bytes": 512, "kept_bytes": 600},
            "ledger": {"cpu_ms": Decimal("0.9") * entries, "log_bytes": 1000 * entries, "stored_bytes": 400 * entries},
            "items_written_bytes": [120, 120],
        }

    read = {
        "entries": 1,
        "request_bytes": 800,
        "response_bytes": 400,
        "functions": {"get-daily-balance": function(dynamodb=1)},
        "year_read_bytes": 900,
        "day_read_bytes": 120,
    }
    binaries = ("register-entry", "apply-to-ledger", "consolidate-day", "get-daily-balance")
    return {"start_cpu_ms": dict.fromkeys(binaries, Decimal(10)), "cases": {"entry": writing(1), "batch": writing(100), "read": read}}
