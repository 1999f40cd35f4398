"""The table of quotas, and that nobody else has other numbers."""

import sys
from pathlib import Path

import pytest
from capacity import __main__ as command
from capacity import document, quotas
from cost.problem import Problem
from cost.template import Stack
from deploy.preflight import quotas as preflight

TABLE = quotas.load()
GIVEN = {"name": "a thing", "page": "https://docs.aws.amazon.com/", "title": "A page", "read": "2026-11-28", "adjustable": True}


def test_the_preflight_asks_for_the_same_quotas() -> None:
    assert {kind: TABLE[f"start_{kind.lower()}_rps"].code for kind in preflight.START_RATE} == preflight.START_RATE
    assert TABLE["start_standard_burst"].code == preflight.START_BUCKET["STANDARD"]
    assert TABLE["transitions_rps"].code == preflight.TRANSITION_RATE


def test_the_templates_defaults_are_what_small_regions_start() -> None:
    stack = Stack.load()
    assert int(stack.parameter("WritesPerSecond")) == TABLE["start_standard_rps"].default
    assert int(stack.parameter("WriteBurst")) == TABLE["start_standard_burst"].default


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"default": 1, "raised": 2, "page": "https://example.com/"}, "on which page"),
        ({}, "no number"),
        ({"default": 2, "raised": 1}, "lower after"),
        ({"default": 2}, "lower after"),
    ],
)
def test_a_quota_that_is_not_complete_is_refused(change: dict, problem: str) -> None:
    with pytest.raises(Problem, match=problem):
        quotas.read_quota("a_thing", GIVEN | change)


def test_a_size_has_what_the_largest_listed_one_below_has() -> None:
    assert TABLE["connections_of_acu"].at(5) == TABLE["connections_of_acu"].at(4) == 823
    with pytest.raises(Problem, match="nothing is listed"):
        TABLE["connections_of_acu"].at(0)


def test_a_page_that_somebody_has_edited_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "capacity.md"
    monkeypatch.setattr(document, "DOCUMENT", page)
    monkeypatch.setattr(sys, "argv", ["capacity"])
    assert command.main() == 0
    monkeypatch.setattr(sys, "argv", ["capacity", "--check"])
    assert command.main() == 0
    page.write_text(page.read_text().replace("**33**", "**330**"))
    assert command.main() == 1
    assert "run make capacity" in capsys.readouterr().err
