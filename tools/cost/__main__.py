"""`make cost`: writes docs/cost.md. With --check it only says whether that is up to date; with --json it prints the figures."""

import argparse
import json
import sys
from decimal import Decimal

from cost import document, prices, quantities
from cost.problem import Problem


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="cost", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="fail if docs/cost.md is not what would be written")
    choice.add_argument("--json", action="store_true", help="print the figures instead")
    arguments = parser.parse_args()
    try:
        return run(arguments)
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace) -> int:
    """Computes, and does what was asked."""
    table, used = prices.load(), quantities.load()
    if arguments.json:
        print(json.dumps(figures(table, used), indent=2))
        return 0
    text = document.render(table, used)
    if not arguments.check:
        document.DOCUMENT.write_text(text)
        return 0
    if not document.DOCUMENT.exists() or document.DOCUMENT.read_text() != text:
        raise Problem("docs/cost.md is not what template.yaml and tools/cost give: run make cost")
    return 0


def figures(table: prices.Prices, used: quantities.Quantities) -> dict[str, dict[str, str]]:
    """The sums of both tables, in USD."""
    months, millions = document.figures(table, used)
    return {
        "idle_month": {column.title: total(costs) for column, costs in zip(document.IDLE, months, strict=True)},
        "per_million": {column.title: total(costs) for column, costs in zip(document.PER_MILLION, millions, strict=True)},
    }


def total(costs: dict[str, Decimal]) -> str:
    """A sum in USD."""
    return f"{sum(costs.values(), Decimal(0)):.4f}"


if __name__ == "__main__":
    sys.exit(main())
