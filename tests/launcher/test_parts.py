"""`make test` in parts: what runs when, and what is said of it."""

import sys
from pathlib import Path

import pytest
from fluxo_local import parts
from fluxo_local.parts import Part


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parts' logs, apart from those of a `make test` that runs now."""
    monkeypatch.setattr(parts, "LOGS", tmp_path)
    return tmp_path


def part(name: str, code: str, **options: object) -> Part:
    """A part that runs a line of Python."""
    return Part(name, [sys.executable, "-c", code], **options)


def test_a_part_runs_after_those_that_it_needs(tmp_path: Path) -> None:
    made = tmp_path / "made"
    needing = part("second", f"open({str(made)!r}).close()", after=("first",))
    assert parts.run([needing, part("first", f"import time; time.sleep(0.3); open({str(made)!r}, 'w').close()")]) == 0


def test_what_does_not_need_each_other_runs_at_once(tmp_path: Path) -> None:
    # Each waits until the other has begun.
    meet = "import os, time; open({mine!r}, 'w').close()\nwhile not os.path.exists({other!r}): time.sleep(0.01)"
    left, right = str(tmp_path / "left"), str(tmp_path / "right")
    assert parts.run([part("left", meet.format(mine=left, other=right)), part("right", meet.format(mine=right, other=left))]) == 0


def test_a_part_begins_beside_another_when_that_has_said_so(tmp_path: Path, logs: Path) -> None:
    (logs / "first.log").write_text("ready, said the last run")
    began, ready = tmp_path / "began", tmp_path / "ready"
    wait = "while not os.path.exists({path!r}): time.sleep(0.01)"
    says = "import os, time; open({ready!r}, 'w').close(); print('ready', flush=True)\n" + wait
    first = part("first", says.format(ready=str(ready), path=str(began)))
    second = part("second", f"open({str(ready)!r}).close(); open({str(began)!r}, 'w').close()", beside=("first", b"ready"))
    assert parts.run([second, first]) == 0
    # It never comes to that.
    silent = part("silent", "raise SystemExit(1)")
    assert parts.run([part("waits", "", beside=("silent", b"ready")), silent]) == 1


def test_a_failed_part_is_shown_and_what_needs_it_is_not_run(capfd: pytest.CaptureFixture[str]) -> None:
    failing = part("failing", "print('the reason'); raise SystemExit(1)")
    assert parts.run([failing, part("needing", "", after=("failing",)), part("other", "")]) == 1
    said = capfd.readouterr().out
    assert "failing: FAILED after" in said and "  | the reason" in said
    assert "needing: not run" in said and "other: 0 s, of which 0 s on a processor" in said and "FAILED: failing, after" in said


def test_what_cannot_be_done_on_this_machine_is_said_and_fails_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    impossible = part("package", "print('no compiler'); raise SystemExit(3)", impossible=3)
    assert parts.run([impossible]) == 0
    assert "package: no compiler" in capfd.readouterr().out


def test_all_parts_can_run() -> None:
    for package in (False, True):
        listed = parts.parts(package=package)
        names = {each.name for each in listed}
        assert all(names.issuperset(each.after) for each in listed)
        assert all(each.beside is None or each.beside[0] in names for each in listed)
