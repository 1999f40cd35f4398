"""Debian's packages, downloaded and unpacked into a folder: nothing is installed, and the machine's own lists stay as they are."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import terminal
from fluxo_local.processes import run_tool


@dataclass(frozen=True)
class DebianPackages:
    """The packages of one download."""

    folder: Path
    """Where lists and archives lie until they are unpacked."""
    log: Path
    step: terminal.Step
    architectures: Sequence[str] = ()
    """Processors in Debian's names, if not only the machine's own."""

    @staticmethod
    def can_be_had() -> bool:
        """Whether this is Debian, or a child of it."""
        return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))

    def update(self) -> None:
        """Reads the lists, of its own: the machine's are of its own processor, and belong to root."""
        for folder in (self.folder / "lists" / "partial", self.folder / "archives" / "partial"):
            folder.mkdir(parents=True)
        self._apt(["apt-get", "update"])

    def needed_by(self, package: str) -> list[str]:
        """The dependencies of a package."""
        command = ["apt-cache", *self._options, "depends", "--important", package]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return re.findall(r"^  Depends: ([^\s<>]+)$", listed, re.MULTILINE)

    def unpack(self, packages: Iterable[str], root: Path) -> None:
        """Downloads packages and unpacks them; the archives go."""
        self._apt(["apt-get", "download", *packages])
        for archive in self.folder.glob("*.deb"):
            run_tool(["dpkg-deb", "--extract", archive, root], what=f"Unpacking {archive.name}", log=self.log, step=self.step)
        shutil.rmtree(self.folder)

    def _apt(self, command: Sequence[str]) -> None:
        program, *rest = command
        what = " ".join(command[:2])
        run_tool([program, *self._options, *rest], what=what, log=self.log, directory=self.folder, step=self.step)

    @property
    def _options(self) -> list[str]:
        options = [f"Dir::State::lists={self.folder}/lists", f"Dir::Cache={self.folder}", "APT::Sandbox::User=root"]
        options += [f"APT::Architectures::={name}" for name in self.architectures]
        return [word for option in options for word in ("-o", option)]
