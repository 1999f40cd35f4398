"""promtool, the checker of Prometheus' rules."""

import shutil
import tempfile
from pathlib import Path

from fluxo_local import terminal
from fluxo_local.debian import DebianPackages
from fluxo_local.locks import one_at_a_time
from fluxo_local.problem import Problem
from fluxo_local.profile import LOCAL, TOOLS

NAME = "prometheus"
PROGRAM = TOOLS / NAME / "promtool"


def install() -> Path:
    """Gets it, unless it is there, and answers its directory.

    Taken out of Debian's package: installing that would start a server.
    """
    with one_at_a_time("set-up"):
        if not PROGRAM.exists():
            shutil.rmtree(PROGRAM.parent, ignore_errors=True)
            PROGRAM.parent.mkdir(parents=True)
            if found := shutil.which(PROGRAM.name):
                PROGRAM.symlink_to(found)
            else:
                unpack()
    return PROGRAM.parent


def unpack() -> None:
    """Copies it out of the package."""
    if not DebianPackages.can_be_had():
        raise Problem(f"Missing on this machine: {PROGRAM.name}. Install it, on Debian or Ubuntu it is in the package {NAME}.")
    with terminal.step("Getting promtool") as step, tempfile.TemporaryDirectory(dir=LOCAL) as name:
        packages = DebianPackages(Path(name) / "packages", LOCAL / "apt.log", step)
        packages.update()
        packages.unpack([NAME], Path(name))
        shutil.move(Path(name) / "usr" / "bin" / PROGRAM.name, PROGRAM)
