"""The page: its tables, and the check that it is up to date."""

import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from cost import __main__ as command
from cost import document, requests
from cost.document import Column
from cost.prices import Prices
from cost.quantities import Quantities
from cost.template import Stack
from deploy import stage


@pytest.fixture
def page(stack: Callable[..., Stack], used: Quantities, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the page of the small template goes."""
    used.measured["measurement"] = {"date": "2026-11-26", "machine": "a machine", "command": "make it", "invocations": 1}
    monkeypatch.setattr(document.Stack, "load", lambda parameters=None: stack(**(parameters or {})))
    monkeypatch.setattr(command.quantities, "load", lambda: used)
    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "cost.md")
    # The small template does not have all parameters of the stage.
    least = Column("least", {"EndpointStandby": "false", "AlarmsEnabled": "false"})
    monkeypatch.setattr(document, "IDLE", (*document.IDLE[:-1], least))
    return tmp_path / "cost.md"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of the command."""
    monkeypatch.setattr(sys, "argv", ["cost", *arguments])
    return command.main()


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "–"), ("0.0049", "<0.01"), ("0.0123", "0.012"), ("0.05", "0.05"), ("0.1234", "0.12"), ("1234.5", "1,234.50")],
)
def test_amounts_are_shown_in_cents_and_small_ones_finer(amount: str, shown: str) -> None:
    assert document.money(Decimal(amount)) == shown


def test_a_table_adds_up_and_leaves_out_what_costs_nothing_anywhere() -> None:
    columns = [Column("one"), Column("two")]
    rows = [{"a": Decimal(1), "b": Decimal(0), "c": Decimal(0)}, {"a": Decimal(2), "b": Decimal(3), "c": Decimal(0)}]
    assert document.table("", columns, rows).splitlines()[2:] == [
        "| a | 1.00 | 2.00 |",
        "| b | – | 3.00 |",
        "| **together** | **1.00** | **5.00** |",
    ]


def test_a_page_that_was_just_written_is_up_to_date(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch) == 0
    assert run(monkeypatch, "--check") == 0
    assert "| Step Functions | 100.00 | 1.21 | 1.00 |" in page.read_text()


def test_a_page_that_somebody_has_edited_is_not(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch)
    page.write_text(page.read_text().replace("100.00", "10.00"))
    assert run(monkeypatch, "--check") == 1
    assert "run make cost" in capsys.readouterr().err


def test_a_page_that_is_not_there_is_not(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--check") == 1
    assert not page.exists()


def test_the_page_says_what_the_smallest_stack_costs_and_is_without(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    text = " ".join(page.read_text().split())
    assert "second zone (`EndpointStandby`, $7.30)" in text
    assert "alarms and dashboard (`AlarmsEnabled`, $3.30)" in text


def test_the_smallest_stack_is_dev_without_all_that_is_optional() -> None:
    """It lacks what the columns before lack, too."""
    before, least = document.IDLE[-2:]
    assert least.parameters == stage.read("dev").parameters
    assert before.parameters.items() <= least.parameters.items()
    assert {name for name, _, _ in document.CHOICES} <= {name for name, value in least.parameters.items() if value == "false"}


def test_whatever_costs_most_there_is_a_way_to_lower_it(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    for column in document.PER_MILLION:
        costs = requests.per_million(column.case, stack(**column.parameters), table, used)
        assert all(document.REMEDIES[service][column.case.name] for service, cost in costs.items() if cost)
