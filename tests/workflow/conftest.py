"""Both interpreters: MiniStack's in a process of its own, because its packages and those of the checks exclude each other."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fluxo_local import python_tools

# Nothing of the developer's AWS set-up may have a say in what the tests ask.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]

from record_entries.on_moto import Moto, moto  # noqa: E402
from record_entries.trace import Trace  # noqa: E402

FOLDER = Path(__file__).parent
TIMEOUT_S = 120


@pytest.fixture(scope="session")
def on_moto() -> Iterator[Moto]:
    """The state machine on moto."""
    with moto() as machine:
        yield machine


@pytest.fixture(scope="session")
def on_ministack() -> dict[str, Trace]:
    """What each scenario does on MiniStack, by name."""
    python_tools.install(python_tools.ENGINE)
    python = python_tools.ENGINE.program("python")
    command = [python, "-m", "record_entries.on_ministack"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(FOLDER)}
    done = subprocess.run(command, env=environment, input="", text=True, capture_output=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return {name: Trace.from_json(trace) for name, trace in json.loads(done.stdout).items()}
