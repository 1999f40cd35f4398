"""Checks the dependencies: licences, sources and bans with cargo-deny, known vulnerabilities with cargo-audit."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fluxo_local import terminal, toolchain
from fluxo_local.problem import Problem
from fluxo_local.profile import CHECKOUT, LOCAL

WORKSPACE = CHECKOUT
FUZZ = CHECKOUT / "fuzz"
DENY = CHECKOUT / "deny.toml"
# RustSec's advisory database, fetched by cargo-audit.
ADVISORIES = LOCAL / "advisory-db"

# Reading the dependency graph, with what has to be downloaded for it.
DENY_TIMEOUT_S = 600
# Fetching takes seconds. Where packets vanish, nobody should wait longer than this.
AUDIT_TIMEOUT_S = 120
NOT_FETCHED = "couldn't fetch advisory database"


def audit() -> None:
    """Raises when a dependency may not be one. What could not be looked at is said."""
    tools = toolchain.install("audit")
    # What the fuzz targets add to the workspace: the fuzzer.
    shutil.copy(WORKSPACE / "Cargo.lock", FUZZ / "Cargo.lock")
    for folder in (WORKSPACE, FUZZ):
        deny(tools, folder)
    fetched = False
    for folder in (WORKSPACE, FUZZ):
        fetched = find_vulnerabilities(tools, folder, fetch=not fetched)
        if not fetched:
            break


def deny(tools: Path, folder: Path) -> None:
    """Licences, sources and bans of one workspace; needs no network beyond what building needs."""
    # One list for both workspaces: neither has all of the licences.
    unused = ["--allow", "license-not-encountered", "--allow", "license-exception-not-encountered"]
    command = [tools / "cargo-deny", "--manifest-path", folder / "Cargo.toml", "--config", DENY, "check", "--hide-inclusion-graph"]
    output, status = run([*command, *unused, "bans", "licenses", "sources"], DENY_TIMEOUT_S)
    if output is None:
        raise Problem(f"cargo-deny did not end within {DENY_TIMEOUT_S} s.")
    if status != 0:
        terminal.say("\n\n".join(part for part in output.split("\n\n") if not part.startswith("warning")))
        raise Problem(f"cargo-deny refuses a dependency of {shown(folder)}: see above and deny.toml.")
    twice = re.findall(r"found (\d+) duplicate entries for crate '([^']+)'", output)
    duplicates = ", ".join(f"{name} ({count})" for count, name in twice)
    terminal.say(f"{shown(folder)}: licences, sources and bans hold. " + (f"In several versions: {duplicates}." if twice else ""))


def find_vulnerabilities(tools: Path, folder: Path, *, fetch: bool) -> bool:
    """Known vulnerabilities of one workspace. Whether there was a database to look into."""
    command = [tools / "cargo-audit", "audit", "--color", "never", "--db", ADVISORIES, "--file", folder / "Cargo.lock"]
    output, status = run([*command, *([] if fetch else ["--no-fetch"])], AUDIT_TIMEOUT_S)
    if output is None or NOT_FETCHED in output:
        reason = f"no answer within {AUDIT_TIMEOUT_S} s" if output is None else output.strip().splitlines()[-1].strip(" ->")
        terminal.say(f"NOT CHECKED for known vulnerabilities: RustSec's advisory database cannot be fetched here ({reason}).")
        return False
    if status != 0:
        terminal.say(output)
        raise Problem(f"cargo-audit knows a vulnerability of a dependency of {shown(folder)}, or has failed: see above.")
    warnings = re.findall(r"^Crate: +(\S+)\n(?:.*\n)*?Warning: +(\S+)", output, re.MULTILINE)
    noted = ", ".join(f"{name} ({kind})" for name, kind in warnings)
    terminal.say(f"{shown(folder)}: no known vulnerabilities. " + (f"Noted: {noted}." if warnings else ""))
    return True


def run(command: Sequence[str | Path], timeout_s: int) -> tuple[str | None, int]:
    """The output and exit status of a program; no output if it did not end in time."""
    environment = os.environ | {"PATH": toolchain.search_path()}
    try:
        ended = subprocess.run(
            [str(word) for word in command],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return None, 1
    return ended.stdout, ended.returncode


def shown(folder: Path) -> str:
    """The lock file that was looked at."""
    return str((folder / "Cargo.lock").relative_to(CHECKOUT))
