"""`make test`: all checks and tests as parts that run beside each other, each with a log of its own."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import deployment, python_tools, services, terminal, toolchain
from fluxo_local.processes import ending_with_parent, kill_group, last_line, progress, shown
from fluxo_local.profile import CHECKOUT, LOCAL

LOGS = LOCAL / "test-logs"
POLL_S = 0.1
# Whoever waits, or reads a log, wants to know that something happens.
REPORT_INTERVAL_S = 15
# Within this, what is interrupted has stopped the servers that it has started.
STOP_TIMEOUT_S = 60
SHOWN_LINES = 200
# The tests of the deployed system have limits of time to keep; what runs beside them gets what they leave over.
PATIENT = ("nice", "-n", "10")


@dataclass(frozen=True, eq=False)
class Part:
    """A command with a name."""

    name: str
    command: Sequence[str | Path]
    after: tuple[str, ...] = ()
    """The parts that have to have succeeded."""
    beside: tuple[str, bytes] | None = None
    """A part, and what it says in its log when this one may begin beside it."""
    impossible: int | None = None
    """The exit status that says that this cannot be done on this machine, which fails nothing."""

    @property
    def log(self) -> Path:
        """What the command says."""
        return LOGS / f"{self.name}.log"


def parts(*, package: bool) -> list[Part]:
    """What `make test` consists of, and CI's build of one function as it is deployed.

    Cargo works on one thing at a time in a target directory. So what compiles stands in a row, and uses all cores; everything else
    goes beside the tests, which mostly wait.
    """
    listed = [
        Part("tools", make("tools")),
        Part("compile", ["cargo", "test", "--workspace", "--locked", "--no-run"]),
        Part("compile-stack", deployment.compile_command((*services.PACKAGES, "import")), after=("compile",)),
        # Cargo has seen that the tests are compiled, and lets others into the target directory.
        Part("lint-rust", make("lint-rust"), after=("compile-stack",), beside=("unit", b"Running ")),
        Part("unit", make("unit", PATIENT), after=("tools", "compile-stack")),
        # Most of the time it waits for the stack that it has deployed, so the rest takes the cores that it leaves. Both compile.
        Part("e2e", make("e2e"), after=("tools", "wasm", "lint-rust")),
        Part("console", make("console-check", PATIENT), after=("wasm", "unit")),
        Part("smoke-services", make("smoke-services", PATIENT), after=("e2e",)),
        Part("wasm", make("wasm", PATIENT), after=("tools",)),
        Part("audit", make("audit", PATIENT)),
        Part("lint-documents", make("lint-documents", PATIENT), after=("tools",)),
        Part("lint-python", make("lint-python", PATIENT), after=("tools",)),
    ]
    if package:
        program = [python_tools.CHECKS.program("python"), "-m", "deploy.package", "--stage", "dev", "--function", "ReplayParked"]
        listed.append(Part("package", [*PATIENT, *program], after=("tools", "lint-rust"), impossible=3))
    return listed


def make(target: str, before: Sequence[str] = ()) -> list[str]:
    """A target of the Makefile."""
    return [*before, "make", target]


def run(wanted: Sequence[Part]) -> int:
    """Runs the parts; answers the exit status. What fails stops only what comes after it."""
    toolchain.require_linux_and_rust()
    toolchain.require_system_programs()
    LOGS.mkdir(parents=True, exist_ok=True)
    for part in wanted:
        # What the last run has said must not count for this one.
        part.log.unlink(missing_ok=True)
    waiting, succeeded, failed = list(wanted), set(), []
    began = reported = time.monotonic()
    with processes() as running:
        while running or any(may_begin(part, succeeded) for part in waiting):
            for part in [part for part in waiting if may_begin(part, succeeded)]:
                waiting.remove(part)
                running[part] = (start(part), time.monotonic())
            for part, (process, started) in list(running.items()):
                before = processor_time_s()
                if process.poll() is not None:
                    del running[part]
                    finish(part, process.returncode, time.monotonic() - started, processor_time_s() - before)
                    if process.returncode in (0, part.impossible):
                        succeeded.add(part.name)
                    else:
                        failed.append(part)
            if time.monotonic() - reported > REPORT_INTERVAL_S:
                reported = time.monotonic()
                terminal.say(f"{reported - began:5.0f} s  " + "; ".join(at(part) for part in running))
            time.sleep(POLL_S)
    for part in waiting:
        terminal.say(f"{part.name}: not run")
    names = ", ".join(part.name for part in failed)
    terminal.say(f"\n{f'FAILED: {names}' if failed else 'All checks and tests have passed'}, after {time.monotonic() - began:.0f} s.")
    return 1 if failed else 0


def may_begin(part: Part, succeeded: Set[str]) -> bool:
    """Whether nothing that the part needs is missing any more."""
    if part.beside:
        name, said = part.beside
        log = LOGS / f"{name}.log"
        if not (log.exists() and said in log.read_bytes()):
            return False
    return succeeded.issuperset(part.after)


@contextmanager
def processes() -> Iterator[dict[Part, tuple[subprocess.Popen[bytes], float]]]:
    """The parts under way, and when they began. Those left over are interrupted, so that they stop what they have started."""
    running: dict[Part, tuple[subprocess.Popen[bytes], float]] = {}
    try:
        yield running
    finally:
        for process, _ in running.values():
            kill_group(process.pid, signal.SIGINT)
        for process, _ in running.values():
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                kill_group(process.pid, signal.SIGKILL)


def start(part: Part) -> subprocess.Popen[bytes]:
    """Starts the command with its output in its log."""
    environment = os.environ | {"PATH": toolchain.search_path(), "PYTHONPATH": f"{CHECKOUT / 'local'}{os.pathsep}{CHECKOUT / 'tools'}"}
    if "CI" in os.environ:
        # Nothing is changed and compiled again there, which is all that it would save.
        environment["CARGO_INCREMENTAL"] = "0"
    if part.name.startswith("compile"):
        environment |= deployment.CARGO_BAR
    with part.log.open("wb") as output:
        return subprocess.Popen(
            [str(word) for word in part.command],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=ending_with_parent(signal.SIGTERM),
        )


def at(part: Part) -> str:
    """What a part is doing."""
    detail = progress(last_line(part.log))
    return f"{part.name} ({detail[:60]})" if detail else part.name


def processor_time_s() -> float:
    """What all parts that have ended have used, with the processes that they have started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def finish(part: Part, status: int, duration_s: float, used_s: float) -> None:
    """Says how a part has ended, and shows what a failed one said."""
    if status == 0:
        # On few cores the sum of the latter is what decides how long all parts take.
        terminal.say(f"{part.name}: {duration_s:.0f} s, of which {used_s:.0f} s on a processor")
        return
    text = part.log.read_text(errors="replace").splitlines()
    lines = [line for line in text if line.strip() and "Building [" not in line]
    if status == part.impossible:
        terminal.say(f"{part.name}: {lines[-1]}")
        return
    terminal.say(f"{part.name}: FAILED after {duration_s:.0f} s. All of it: {shown(part.log)}")
    terminal.say("\n".join(f"  | {line}" for line in lines[-SHOWN_LINES:]))
