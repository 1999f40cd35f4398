"""Prometheus, for the tests of what watches the second door, and promtool, the checker of its rules."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fluxo_local import terminal
from fluxo_local.debian import DebianPackages
from fluxo_local.locks import one_at_a_time
from fluxo_local.problem import Problem
from fluxo_local.profile import LOCAL, TOOLS

NAME = "prometheus"
PROGRAM = TOOLS / NAME / "promtool"
SERVER = PROGRAM.with_name("prometheus")


def install() -> Path:
    """Gets them, unless they are there, and answers their directory.

    Taken out of Debian's package: installing that would start a server.
    """
    with one_at_a_time("set-up"):
        missing = [program for program in (PROGRAM, SERVER) if not program.exists()]
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        for program in missing:
            program.unlink(missing_ok=True)
            if found := shutil.which(program.name):
                program.symlink_to(found)
        unpack([program for program in missing if not program.exists()])
    return PROGRAM.parent


def unpack(programs: Sequence[Path]) -> None:
    """Copies them out of the package."""
    if not programs:
        return
    names = " and ".join(program.name for program in programs)
    if not DebianPackages.can_be_had():
        raise Problem(f"Missing on this machine: {names}. Install it, on Debian or Ubuntu it is in the package {NAME}.")
    with terminal.step(f"Getting {names}") as step, tempfile.TemporaryDirectory(dir=LOCAL) as name:
        packages = DebianPackages(Path(name) / "packages", LOCAL / "apt.log", step)
        packages.update()
        packages.unpack([NAME], Path(name))
        for program in programs:
            shutil.move(Path(name) / "usr" / "bin" / program.name, program)
