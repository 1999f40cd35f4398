"""`make package-check`: builds the functions, or one of them, as `make deploy` does, and checks the programs.

For the stage's processor, with cargo-lambda and zig, optimised and stripped. Everything else runs programs that are built for the
machine at hand, by its own compiler and linker.
"""

import argparse
import os
import shutil
import subprocess
import sys

from fluxo_local import terminal, toolchain
from fluxo_local.locks import one_at_a_time
from fluxo_local.problem import Problem as LauncherProblem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL
from fluxo_local.python_tools import SAM

from deploy import as_sam, binaries
from deploy.debian_rust import TARGETS, DebianRust
from deploy.parameters import ARCHITECTURE
from deploy.problem import Problem

BUILT = LOCAL / "package"
# The exit status where nothing can be built because there is no compiler to be had.
NO_COMPILER = 3


class NoCompilerError(Problem):
    """Neither Rust nor Debian has here what builds for the stage's processor."""


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="deploy.package", description=__doc__)
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml")
    parser.add_argument("--function", help="what template.yaml calls the only one to build")
    arguments = parser.parse_args()
    try:
        run(arguments.stage, arguments.function)
    except NoCompilerError as problem:
        print(f"fluxo: NOT BUILT as deployed: {problem}", file=sys.stderr)
        return NO_COMPILER
    except (Problem, LauncherProblem) as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    return 0


def run(stage: str, function: str | None) -> None:
    """Builds and checks."""
    (deploy,) = as_sam.understood(("deploy", "--config-env", stage))
    architecture = deploy.parameters[ARCHITECTURE]
    compiler = compiler_for(architecture)
    # Into a directory of the processor's own, from which cargo-lambda moves it: nothing of the local stack is touched.
    with one_at_a_time("package"), terminal.step(f"Building {function or 'all functions'} for {architecture} as deployed") as step:
        run_tool(
            [SAM.program("sam"), "build", *filter(None, [function]), "--config-env", stage, "--build-dir", BUILT],
            what="sam build",
            log=LOCAL / "package.log",
            environment=os.environ | {"PATH": f"{SAM.directory}{os.pathsep}{toolchain.search_path()}"} | compiler,
            step=step,
        )
    for name, program in binaries.check(BUILT, deploy.parameters, only=function).items():
        libraries = ", ".join(sorted(program.libraries))
        print(f"{name}: {program.machine}, glibc {binaries.dotted(program.glibc)}, {libraries}; {program.package_mib:.2f} MiB packed")


def compiler_for(architecture: str) -> dict[str, str]:
    """What the environment needs for building programs of this processor: nothing, if Rust can already."""
    if TARGETS[architecture] in installed_targets():
        return {}
    debian = DebianRust(architecture)
    try:
        environment = debian.environment()
    except (Problem, LauncherProblem) as problem:
        raise NoCompilerError(str(problem)) from None
    print(f"Rust has no library for {TARGETS[architecture]} here (rustup target add); Debian's {debian.version()} is used.")
    return environment


def installed_targets() -> list[str]:
    """The processors that this checkout's Rust builds for."""
    rustup = shutil.which("rustup", path=toolchain.search_path())
    if not rustup:
        return []
    return subprocess.run(
        [rustup, "target", "list", "--installed"], capture_output=True, text=True, cwd=CHECKOUT, check=True
    ).stdout.split()


if __name__ == "__main__":
    sys.exit(main())
