"""Debian's packages, installed on this machine."""

import os
import shutil
from collections.abc import Sequence

from fluxo_local import terminal
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool
from fluxo_local.profile import LOCAL


def install(packages: Sequence[str]) -> None:
    """Installs Debian packages, or says which to install."""
    apt = apt_command()
    names = " ".join(packages)
    if not apt:
        raise Problem(f"Missing on this machine: {names}. Install them, on Debian or Ubuntu with: sudo apt-get install {names}")
    LOCAL.mkdir(exist_ok=True)
    log = LOCAL / "apt.log"
    with terminal.step(f"Installing {names}") as step:
        run_tool([*apt, "update"], what="apt-get update", log=log, step=step)
        run_tool([*apt, "install", "--yes", "--no-install-recommends", *packages], what=f"Installing {names}", log=log, step=step)


def apt_command() -> list[str] | None:
    """How to call apt-get here without asking anything, or None."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if shutil.which("sudo") and os.system("sudo -n true >/dev/null 2>&1") == 0:
        return ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return None
