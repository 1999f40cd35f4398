"""Stages of samconfig.toml."""

from pathlib import Path

import pytest
from cost import stage
from cost.problem import Problem


def test_a_value_with_spaces_is_read_with_and_without_sams_quotes(tmp_path: Path) -> None:
    file = tmp_path / "samconfig.toml"
    overrides = """["A=1", 'B="rate(1 day)"', "C=rate(1 day)", "D="]"""
    file.write_text(f"[dev.deploy.parameters]\nparameter_overrides = {overrides}\n")
    assert stage.parameters("dev", file) == {"A": "1", "B": "rate(1 day)", "C": "rate(1 day)", "D": ""}


def test_a_stage_that_is_not_there_is_named() -> None:
    with pytest.raises(Problem, match="stage moon"):
        stage.parameters("moon")
