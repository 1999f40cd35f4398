"""Changes the Rust code, one operator or one answer at a time, and says which changes no test notices.

Only code whose tests need no servers: each of its mutants takes some seconds. `.cargo/mutants.toml` says what else is left out.
"""

import os
import shutil
import subprocess

from fluxo_local import terminal, toolchain
from fluxo_local.locks import one_at_a_time
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL, TOOLS

# Nobody has it ready-made.
VERSION = "27.1.0"
HOME = TOOLS / "mutants"
# Apart from what cargo builds of the code as it is.
BUILT = CHECKOUT / "target" / "mutants"
CRATES = ("cashflow", "workflow", "ledger", "reconcile-balances")
# Their other tests need servers.
ONLY_UNIT_TESTS = ("ledger", "reconcile-balances")
SURVIVED, TIMED_OUT = 2, 3


def mutants(crate: str | None) -> int:
    """Of one crate, or of all of `CRATES`; answers the exit status."""
    if crate and crate not in CRATES:
        raise Problem(f"The tests of {crate} need servers, or there is no such crate: make mutants takes {', '.join(CRATES)}.")
    toolchain.require_compiler()
    environment = os.environ | {
        "PATH": f"{install()}{os.pathsep}{toolchain.search_path()}",
        "CARGO_TARGET_DIR": str(BUILT),
        # One crate is compiled again and again: a third of the time.
        "CARGO_INCREMENTAL": "1",
    }
    return max(run(name, environment) for name in ([crate] if crate else CRATES))


def run(crate: str, environment: dict[str, str]) -> int:
    """All mutants of one crate; answers the exit status."""
    output = LOCAL / "mutants" / crate
    output.mkdir(parents=True, exist_ok=True)
    command = ["cargo", "mutants", "--package", crate, "--output", output, "--colors", "never"]
    tests = ["--", "--lib"] if crate in ONLY_UNIT_TESTS else []
    status = subprocess.run([*command, *tests], env=environment, cwd=CHECKOUT, check=False).returncode
    if status in (SURVIVED, TIMED_OUT):
        terminal.say(f"{crate}: what the mutants above change is in {(output / 'mutants.out' / 'diff').relative_to(CHECKOUT)}.")
    return status


def install() -> str:
    """Compiles cargo-mutants, unless this very version is there; answers the directory of its programs."""
    stamp = HOME / ".complete"
    with one_at_a_time("set-up"):
        if not (stamp.exists() and stamp.read_text() == VERSION):
            shutil.rmtree(HOME, ignore_errors=True)
            with terminal.step("Compiling cargo-mutants, some minutes, once") as step:
                command = ["cargo", "install", "--locked", "--debug", "--root", HOME, "--version", VERSION, "cargo-mutants"]
                environment = os.environ | {"PATH": toolchain.search_path(), "CARGO_TARGET_DIR": str(BUILT / "cargo-mutants")}
                run_tool(command, what="cargo install cargo-mutants", log=LOCAL / "mutants.log", environment=environment, step=step)
            shutil.rmtree(BUILT / "cargo-mutants", ignore_errors=True)
            stamp.write_text(VERSION)
    return str(HOME / "bin")
