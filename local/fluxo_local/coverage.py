"""Runs the Rust tests with coverage counters, and prints how much of each file they reach."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from fluxo_local import system_packages, test_services, toolchain
from fluxo_local.problem import Problem


def coverage(crate: str | None) -> int:
    """Of one crate's tests, or all of them; answers the exit status."""
    os.environ |= tools() | {"PATH": f"{toolchain.install('coverage')}{os.pathsep}{toolchain.search_path()}"}
    which = ["--package", crate] if crate else ["--workspace"]
    return test_services.run_with_services(["cargo", "llvm-cov", "--locked", "--summary-only", *which])


def tools() -> dict[str, str]:
    """Where LLVM's programs are: their release has to be the compiler's, since it decides on the format of what is counted."""
    sysroot = Path(rustc("--print", "sysroot").strip())
    if any(sysroot.glob("lib/rustlib/*/bin/llvm-profdata")):
        # The component of rustup, which cargo-llvm-cov finds.
        return {}
    version = re.search(r"^LLVM version: (\d+)", rustc("--version", "--verbose"), re.MULTILINE)
    if not version:
        raise Problem("rustc does not say which LLVM it has: install its own programs with rustup component add llvm-tools.")
    folder = Path(f"/usr/lib/llvm-{version[1]}/bin")
    if not (folder / "llvm-profdata").exists():
        try:
            system_packages.install([f"llvm-{version[1]}"])
        except Problem as problem:
            raise Problem(f"{problem} Or install the compiler's own: rustup component add llvm-tools.") from problem
    return {"LLVM_COV": str(folder / "llvm-cov"), "LLVM_PROFDATA": str(folder / "llvm-profdata")}


def rustc(*words: str) -> str:
    """What the compiler answers."""
    program = shutil.which("rustc", path=toolchain.search_path())
    if not program:
        raise Problem("Rust is missing: install it as https://rustup.rs says (no root needed), then run this again.")
    return subprocess.run([program, *words], stdout=subprocess.PIPE, text=True, check=True).stdout
