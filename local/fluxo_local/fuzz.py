"""Looks for inputs that break a parser: runs the fuzz targets of `fuzz/` for a while."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import system_packages, terminal, toolchain
from fluxo_local.problem import Problem
from fluxo_local.processes import last_words, run_tool
from fluxo_local.profile import CHECKOUT, LOCAL

CRATE = CHECKOUT / "fuzz"
KEPT_INPUTS = CHECKOUT / "tests" / "parsers"
BUILT = CHECKOUT / "target" / "fuzz"
# What earlier runs have learned, and what they have found.
STATE = LOCAL / "fuzz"

INPUT_TIMEOUT_S = 10
MEMORY_MIB = 2048


@dataclass(frozen=True)
class Run:
    """What one target has done."""

    target: str
    finding: Path | None
    log: Path
    duration_s: float

    def say(self) -> None:
        """One line on how far it came; with a finding, what to do about it."""
        text = self.log.read_text(errors="replace")
        inputs = re.findall(r"stat::number_of_executed_units: +(\d+)|^#(\d+)", text, re.MULTILINE)
        count = int("".join(inputs[-1])) if inputs else 0
        covered = re.findall(r"\bcov: (\d+) ft: (\d+)", text)
        edges, features = covered[-1] if covered else (0, 0)
        outcome = "broken" if self.finding else "nothing found"
        terminal.say(f"{self.target}: {outcome}; {count} inputs in {self.duration_s:.0f} s, {edges} edges and {features} features covered")
        if self.finding:
            said = re.search(r"panicked at ([^\n]*\n[^\n]*)", text)
            terminal.say("  " + (said.group(1).replace("\n", "\n  ") if said else last_words(self.log)))
            terminal.say(f"  the input: {self.finding.relative_to(CHECKOUT)}")
            terminal.say(f"  to keep it: copy it to tests/parsers/findings/{self.target}/ under a name that says what it is,")
            terminal.say("  describe it in tests/parsers/findings/README.md, and run cargo test -p parser-checks")


def fuzz(seconds: int, target: str | None) -> None:
    """Runs one target, or each for its share of the time; raises when one has found something."""
    known = sorted(path.stem for path in (CRATE / "fuzz_targets").glob("*.rs"))
    if target and target not in known:
        raise Problem(f'There is no fuzz target "{target}". There are: {", ".join(known)}.')
    targets = [target] if target else known
    if seconds < len(targets):
        raise Problem(f"That is less than a second for each of the {len(targets)} targets: give more SECONDS, or a TARGET.")
    build()
    share = seconds // len(targets)
    runs = [run(name, share) for name in targets]
    broken = [each.target for each in runs if each.finding]
    if broken:
        raise Problem(f"Broken: {', '.join(broken)}. The inputs are named above.")


def build() -> None:
    """Builds all targets with coverage counters, on the stable compiler: without a sanitizer."""
    tools = toolchain.install("fuzz")
    # libFuzzer is C++.
    if not shutil.which("c++"):
        system_packages.install(["build-essential"])
    STATE.mkdir(parents=True, exist_ok=True)
    # The versions that are tested and deployed; this workspace adds only the fuzzer to them.
    shutil.copy(CHECKOUT / "Cargo.lock", CRATE / "Cargo.lock")
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{toolchain.search_path()}"}
    with terminal.step("Building the fuzz targets") as step:
        run_tool(
            ["cargo", "fuzz", "build", "--fuzz-dir", CRATE, "--sanitizer", "none", "--debug-assertions", "--target-dir", BUILT],
            what="Building the fuzz targets",
            log=STATE / "build.log",
            environment=environment,
            step=step,
        )


def run(target: str, seconds: int) -> Run:
    """Runs one target from the kept inputs on, and from what earlier runs have learned."""
    learned, found, log = STATE / "learned" / target, STATE / "found" / target, STATE / f"{target}.log"
    for folder in (learned, found):
        folder.mkdir(parents=True, exist_ok=True)
    kept = [folder for folder in (KEPT_INPUTS / "corpus" / target, KEPT_INPUTS / "findings" / target) if folder.is_dir()]
    (program,) = BUILT.glob(f"*/release/{target}")
    command = [
        program,
        *(learned, *kept),
        f"-dict={CRATE / 'words.dict'}",
        f"-artifact_prefix={found}/",
        f"-max_total_time={seconds}",
        f"-timeout={INPUT_TIMEOUT_S}",
        f"-rss_limit_mb={MEMORY_MIB}",
        "-print_final_stats=1",
        "-use_value_profile=1",
    ]
    failure = None
    with terminal.step(f"Fuzzing {target}") as step:
        try:
            run_tool(command, what=f"Fuzzing {target}", log=log, step=step)
        except Problem as problem:
            failure = problem
    finding = re.search(r"Test unit written to (\S+)", log.read_text(errors="replace"))
    if failure and not finding:
        raise failure
    outcome = Run(target, Path(finding.group(1)) if finding else None, log, step.duration_s)
    outcome.say()
    return outcome
