"""What the launcher says while something takes long and there is no terminal."""

import pytest
from fluxo_local import terminal
from fluxo_local.processes import progress


def test_a_long_step_says_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "LOG_INTERVAL_S", 0)
    with terminal.step("Compiling") as step:
        step.tick("12 of 345 crates")
        step.tick()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["Compiling ... ", "  0 s  (12 of 345 crates)", "  0 s"]
    assert lines[3].startswith("Compiling ... 0.")


def test_a_short_step_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.step("Compiling") as step:
        step.tick("12 of 345 crates")
    assert capsys.readouterr().out == "Compiling ... 0.0 s\n"


def test_cargo_s_bar_is_a_count() -> None:
    assert progress("    Building [=======>      ] 123/345: aws-sdk-sfn, redis") == "123 of 345 crates"
    assert progress("   Compiling serde v1.0.229") == "   Compiling serde v1.0.229"
