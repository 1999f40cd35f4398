"""What was measured (measured.json, and bench/results.json where there is one) and what is assumed (assumptions.json)."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from cost.problem import Problem
from cost.template import CHECKOUT

MEASURED = Path(__file__).with_name("measured.json")
ASSUMPTIONS = Path(__file__).with_name("assumptions.json")
BENCH = CHECKOUT / "bench" / "results.json"


@dataclass(frozen=True)
class Quantities:
    """Everything that is neither a price nor in the template."""

    measured: dict[str, Any]
    assumed: dict[str, Any]
    cpu_from_bench: tuple[str, ...] = ()
    """The figures that come from the benchmark instead."""

    def case(self, name: str) -> dict[str, Any]:
        """What was measured of one request of a kind: `entry`, `batch` or `read`."""
        try:
            return self.measured["cases"][name]
        except KeyError:
            raise Problem(f"Nothing was measured of the case {name}: see `python -m cost.measure`.") from None

    def of_function(self, case: str, binary: str) -> dict[str, Any]:
        """What was measured of one function in a case."""
        try:
            return self.case(case)["functions"][binary]
        except KeyError:
            raise Problem(f"Nothing was measured of {binary} in the case {case}: see `python -m cost.measure`.") from None

    def assume(self, name: str) -> Any:
        """An assumption's value."""
        try:
            return self.assumed[name]["value"]
        except KeyError:
            raise Problem(f"There is no assumption called {name}.") from None


def load(measured: Path = MEASURED, assumptions: Path = ASSUMPTIONS, bench: Path = BENCH) -> Quantities:
    """Reads both, and the CPU times that the benchmark has measured instead, if it has run."""
    quantities = Quantities(read(measured), read(assumptions))
    return with_bench(quantities, read(bench)) if bench.exists() else quantities


def with_bench(quantities: Quantities, results: dict[str, Any]) -> Quantities:
    """With the benchmark's figures called `cpu_ms_{function}_{case}`, such as `cpu_ms_apply_to_ledger_batch`."""
    figures = {figure["name"]: figure for figure in results["figures"]}
    taken = []
    for case, measured in quantities.measured["cases"].items():
        for binary, function in measured["functions"].items():
            name = f"cpu_ms_{binary.replace('-', '_')}_{case}"
            if name in figures:
                if figures[name]["unit"] != "ms":
                    raise Problem(f"{BENCH.name}: {name} is in {figures[name]['unit']}, not in ms.")
                function["cpu_ms"] = Decimal(figures[name]["value"])
                taken.append(name)
    return Quantities(quantities.measured, quantities.assumed, tuple(taken))


def read(path: Path) -> dict[str, Any]:
    """A file of JSON with exact decimals."""
    return json.loads(path.read_text(), parse_float=Decimal)
