"""Builds console/wasm for browsers.

Rust's library for WebAssembly comes with `rustup target add wasm32-unknown-unknown`. Where rustup cannot download it, Debian has a
compiler and the sources of its library, of one version (`rustc-web`, `rust-web-src`), so that cargo builds the library as well
(https://doc.rust-lang.org/cargo/reference/unstable.html#build-std).
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from fluxo_local import system_packages, terminal
from fluxo_local.debian import DebianPackages
from fluxo_local.locks import one_at_a_time
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL, TOOLS

TARGET = "wasm32-unknown-unknown"
MODULE = CHECKOUT / "console" / "wasm" / "built" / "statement-file.wasm"
HOME = TOOLS / "debian-rust-wasm32"
LOG = LOCAL / "wasm.log"
COMPILER, LIBRARY, SOURCES = "rustc-web", "libstd-rust-web-dev", "rust-web-src"
REMEDY = f"run rustup target add {TARGET}"


def build() -> Path:
    """Builds the module; answers where it is."""
    command = ["cargo", "build", "--locked", "--package", "statement-file-wasm", "--lib", "--profile", "wasm", "--target", TARGET]
    environment: dict[str, str] = {}
    if not has_target():
        environment = debian_rust()
        # Unstable options are for nightly compilers, or for who builds the library itself, as here.
        command += ["-Zbuild-std=std,panic_abort"]
        environment["RUSTC_BOOTSTRAP"] = "1"
    with terminal.step("Building the console's module") as step:
        run_tool(command, what="cargo build", log=LOG, directory=CHECKOUT, step=step, environment=os.environ | environment)
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    MODULE.parent.mkdir(exist_ok=True)
    shutil.copyfile(target / TARGET / "wasm" / "statement_file_wasm.wasm", MODULE)
    return MODULE


def has_target() -> bool:
    """Whether the compiler has the library for WebAssembly."""
    asked = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    return (Path(asked.stdout.strip()) / "lib" / "rustlib" / TARGET).is_dir()


def debian_rust() -> dict[str, str]:
    """What cargo needs to use Debian's compiler, sources and linker. Gets them first, unless they are there."""
    with one_at_a_time("set-up"):
        if not (HOME / ".complete").exists():
            shutil.rmtree(HOME, ignore_errors=True)
            with terminal.step("Getting Rust for WebAssembly from Debian") as step:
                unpack(step)
            (HOME / ".complete").touch()
    linker = next((HOME / "root" / "usr" / "lib").glob("llvm-*/bin/wasm-ld"))
    return {
        "RUSTC": str(HOME / "rustc"),
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER": str(linker),
        "LD_LIBRARY_PATH": str(libraries()),
    }


def unpack(step: terminal.Step) -> None:
    """Downloads and unpacks."""
    if not DebianPackages.can_be_had():
        raise Problem(f"Rust has no library for WebAssembly here: {REMEDY}.")
    packages = DebianPackages(HOME / "packages", LOG, step)
    packages.update()
    driver = dependency(packages, LIBRARY, r"libstd-rust-web-[\d.]+")
    llvm = dependency(packages, driver, r"libllvm\d+")
    needed_by_llvm = packages.needed_by(llvm)
    linker = llvm.replace("libllvm", "lld-")
    packages.unpack([COMPILER, LIBRARY, SOURCES, driver, llvm, linker], HOME / "root")
    rustc = HOME / "rustc"
    rustc.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries()}" exec "{HOME}/root/usr/bin/rustc" "$@"\n')
    rustc.chmod(0o755)
    if subprocess.run([rustc, "--version"], capture_output=True, check=False).returncode:
        system_packages.install(needed_by_llvm)


def libraries() -> Path:
    """The shared libraries of compiler and linker."""
    return next((HOME / "root" / "usr" / "lib").glob("*-linux-gnu"))


def dependency(packages: DebianPackages, package: str, pattern: str) -> str:
    """The one dependency of a package whose name changes with its version."""
    found = [name for name in packages.needed_by(package) if re.fullmatch(pattern, name)]
    if not found:
        raise Problem(f"Rust has no library for WebAssembly here, and neither has Debian ({package}): {REMEDY}.")
    return found[0]
