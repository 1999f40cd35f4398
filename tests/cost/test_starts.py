"""In which order starts are measured, and what is shown of them."""

import stat
from pathlib import Path

import pytest
from cost.runtime_api import Function
from cost.starts import Program, Start, table, turns


def test_each_program_is_started_as_often_and_none_is_always_the_first() -> None:
    order = list(turns(["register-entry", "get-entry"], ["off", "fat"], starts=4))

    assert order[:4] == [
        Program("register-entry", "off"),
        Program("register-entry", "fat"),
        Program("get-entry", "off"),
        Program("get-entry", "fat"),
    ]
    assert [program.lto for program in order[4:6]] == ["fat", "off"]
    assert all(order.count(program) == 4 for program in set(order))


def test_the_table_compares_the_medians_with_those_of_the_first() -> None:
    off, fat = Program("get-entry", "off"), Program("get-entry", "fat")
    measured = {
        off: [Start(cpu_ms=4, clock_ms=8), Start(cpu_ms=2, clock_ms=7), Start(cpu_ms=100, clock_ms=500)],
        fat: [Start(cpu_ms=3, clock_ms=2), Start(cpu_ms=1, clock_ms=1), Start(cpu_ms=3, clock_ms=90)],
    }

    assert table(measured, {off: 3.5, fat: 3.125}).splitlines()[2:] == [
        "| `get-entry` | `off` | 4.00 | 1.00 | 8.00 | 1.00 | 3.50 |",
        "| `get-entry` | `fat` | 3.00 | 0.75 | 2.00 | 0.25 | 3.12 |",
    ]


def test_a_start_lasts_until_the_first_question_for_an_event(tmp_path: Path) -> None:
    program = tmp_path / "function"
    # The second question comes at once; only the first one counts.
    program.write_text(
        """#!/usr/bin/env python3
import os, time, urllib.request
time.sleep(0.2)
url = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
with urllib.request.urlopen(url + "next") as event:
    id = event.headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(url + id + "/response", data=event.read())
time.sleep(0.2)
urllib.request.urlopen(url + "next")
"""
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)

    with Function(program, {}) as function:
        started_ms = function.start_ms()
        function.invoke({})

        assert started_ms > 200
        assert function.start_ms() == pytest.approx(started_ms)
