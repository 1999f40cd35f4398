"""A Rust compiler for another processor, out of Debian's packages: for where `rustup target add` cannot download one.

Debian builds the library for each of its processors, and updates compiler and library together (`rustc-web`, for its browsers), so that
the library of one processor fits the compiler of another. Nothing is installed; the packages are unpacked under .local.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import system_packages, terminal
from fluxo_local.debian import DebianPackages
from fluxo_local.locks import one_at_a_time
from fluxo_local.profile import LOCAL, TOOLS

from deploy.problem import Problem

COMPILER, LIBRARY = "rustc-web", "libstd-rust-web-dev"
# The names of processors in Rust and in Debian, by those of Lambda.
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
PROCESSORS = {"arm64": "arm64", "x86_64": "amd64"}


@dataclass(frozen=True)
class DebianRust:
    """The compiler of one processor with the library of another."""

    architecture: str
    """For which it builds, under Lambda's name."""

    @property
    def home(self) -> Path:
        """Where it is."""
        return TOOLS / f"debian-rust-{self.architecture}"

    def environment(self) -> dict[str, str]:
        """What cargo and cargo-lambda need to use it. Installs it first, unless it is there."""
        with one_at_a_time("set-up"):
            if not (self.home / ".complete").exists():
                shutil.rmtree(self.home, ignore_errors=True)
                with terminal.step("Getting a compiler for another processor from Debian") as step:
                    self._install(step)
                (self.home / ".complete").touch()
        return {"RUSTC": str(self._rustc), "RUSTUP": str(self._rustup)}

    def version(self) -> str:
        """What the compiler says it is: `rustc 1.96.0 (…)`."""
        return subprocess.run([self._rustc, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    @property
    def _rustc(self) -> Path:
        return self.home / "rustc"

    @property
    def _rustup(self) -> Path:
        return self.home / "rustup"

    def _install(self, step: terminal.Step) -> None:
        if not DebianPackages.can_be_had():
            raise Problem(f"The Rust library for {self.architecture} is not installed: {self._remedy}.")
        packages = DebianPackages(self.home / "packages", self._log, step, architectures=tuple(PROCESSORS.values()))
        root = self.home / "root"
        packages.update()
        driver = self._dependency(packages, LIBRARY, r"libstd-rust-web-[\d.]+")
        llvm = self._dependency(packages, driver, r"libllvm\d+")
        needed_by_llvm = packages.needed_by(llvm)
        packages.unpack([COMPILER, LIBRARY, driver, llvm, f"{LIBRARY}:{PROCESSORS[self.architecture]}"], root)
        self._write_programs(root / "usr")
        if subprocess.run([self._rustc, "--version"], capture_output=True, check=False).returncode:
            system_packages.install(needed_by_llvm)

    def _write_programs(self, usr: Path) -> None:
        libraries = next(usr.glob("lib/*-linux-gnu"))
        write_program(self._rustc, f'LD_LIBRARY_PATH="{libraries}" exec "{usr}/bin/rustc" "$@"')
        # cargo-lambda asks rustup for the installed targets, and has it download one that is not among them. These are here.
        write_program(self._rustup, f'ls "{usr}/lib/rustlib"')

    def _dependency(self, packages: DebianPackages, package: str, pattern: str) -> str:
        """The one dependency of a package whose name changes with its version."""
        found = [name for name in packages.needed_by(package) if re.fullmatch(pattern, name)]
        if not found:
            raise Problem(
                f"The Rust library for {self.architecture} is not installed, and Debian has no package {package}: {self._remedy}."
            )
        return found[0]

    @property
    def _remedy(self) -> str:
        return f"run rustup target add {TARGETS[self.architecture]}"

    @property
    def _log(self) -> Path:
        return LOCAL / "debian-rust.log"


def write_program(path: Path, line: str) -> None:
    """A shell script of one line."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
