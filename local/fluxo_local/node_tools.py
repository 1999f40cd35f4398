"""Node.js, and tools from npm: sets of packages, each locked in a `package-lock.json`."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import python_tools, system_packages, terminal
from fluxo_local.locks import one_at_a_time
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL, TOOLS

# What Vite runs on (console/package.json, "engines").
OLDEST = (20, 19)


@dataclass(frozen=True)
class NodeTools:
    """Packages from npm, each at one version: `package-lock.json` in a directory of `local/`."""

    name: str
    contents: str
    lock: Path

    @property
    def packages(self) -> Path:
        """Where they are."""
        return TOOLS / self.name / "node_modules"


LINTERS = NodeTools(
    "npm",
    "the linters of state machines and API description, and what draws the inspector's graph",
    CHECKOUT / "local" / "npm" / "package-lock.json",
)
# Apart from what the console is built and tested with: it is larger than all of that, and asked for by hand.
LIGHTHOUSE = NodeTools("lighthouse", "Lighthouse", CHECKOUT / "local" / "lighthouse" / "package-lock.json")
GROUPS = {tools.name: tools for tools in (LINTERS, LIGHTHOUSE)}


def directory() -> Path:
    """Where Node.js and npm are: this machine's, if it is as new as the console needs it, or those from PyPI."""
    found = shutil.which("node")
    if found and shutil.which("npm") and version(found) >= OLDEST:
        return Path(found).parent
    python_tools.install(python_tools.NODE)
    return python_tools.NODE.directory


def version(program: str) -> tuple[int, ...]:
    """The version of Node.js: `v20.20.2`."""
    with os.popen(f"'{program}' --version 2>/dev/null") as answer:
        return tuple(int(part) for part in answer.read().strip().removeprefix("v").split(".") if part.isdigit())


def install(tools: NodeTools) -> None:
    """Installs the packages, unless these very versions are there."""
    if not shutil.which("npm"):
        system_packages.install(["npm"])
    target = tools.packages.parent
    with one_at_a_time("set-up"):
        if is_installed(tools.lock, target):
            return
        with terminal.step(f"Installing {tools.contents}") as step:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(tools.lock.with_name(name), target)
            install_in(target, log=LOCAL / f"{tools.name}.log", step=step)


def install_in(folder: Path, *, log: Path, step: terminal.Step, environment: dict[str, str] | None = None) -> None:
    """Installs in a folder what its lock names, each file by its checksum, unless that is there. No package's scripts run."""
    lock = folder / "package-lock.json"
    if not is_installed(lock, folder):
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        run_tool(command, what="npm ci", log=log, environment=environment, directory=folder, step=step)
        stamp(folder).write_text(digest(lock))


def is_installed(lock: Path, folder: Path) -> bool:
    """Whether the folder has the packages of this lock."""
    return stamp(folder).exists() and stamp(folder).read_text() == digest(lock)


def stamp(folder: Path) -> Path:
    """Says what was installed there, after all of it was."""
    return folder / "node_modules" / ".complete"


def digest(lock: Path) -> str:
    """Of the packages that a lock names."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()
