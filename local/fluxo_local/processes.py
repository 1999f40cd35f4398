"""Starts, watches and stops processes so that none outlives the launcher."""

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fluxo_local.problem import Problem
from fluxo_local.profile import CHECKOUT
from fluxo_local.terminal import Step

PR_SET_PDEATHSIG = 1
POLL_S = 0.05
TAIL_BYTES = 4096
LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class Account:
    """A user as whom a process runs instead of the launcher's own."""

    user_id: int
    group_id: int


@dataclass
class Service:
    """A long-running child process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals
    stop_timeout_s: float

    def check(self) -> None:
        """Raises when the process has ended."""
        status = self.process.poll()
        if status is not None:
            raise Problem(f"{self._subject} has ended unexpectedly ({describe_status(status)}). {last_words(self.log)}")

    def wait_until(self, ready: Callable[[], bool], timeout_s: float, step: Step) -> None:
        """Polls until the service answers."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise Problem(f"{self._subject} did not answer within {timeout_s:.0f} s. {last_words(self.log)}")
            step.tick()
            time.sleep(POLL_S)

    @property
    def _subject(self) -> str:
        """The name as it begins a sentence."""
        return self.name[0].upper() + self.name[1:]

    def stop(self) -> bool:
        """Ends the process and all that it started. Whether it ended as asked: not before, and not by force."""
        as_asked = self.process.poll() is None
        if as_asked:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(self.stop_timeout_s)
            except subprocess.TimeoutExpired:
                as_asked = False
        # The service leads a session of its own: this reaches children that it left behind, too.
        kill_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return as_asked

    def kill(self) -> None:
        """Ends it and all that it started as a crash does: nothing is said or saved."""
        kill_group(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start_service(
    name: str,
    command: Sequence[str | Path],
    *,
    environment: dict[str, str],
    log: Path,
    directory: Path,
    account: Account | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    stop_timeout_s: float = 30,
) -> Service:
    """Starts a child in a session of its own, so that Ctrl-C reaches the launcher only, which stops it in order."""
    with log.open("ab") as output:
        process = spawn(command, environment, output, directory, account, stop_signal)
    return Service(name, process, log, stop_signal, stop_timeout_s)


def run_tool(
    command: Sequence[str | Path],
    *,
    what: str,
    log: Path,
    environment: dict[str, str] | None = None,
    directory: Path = CHECKOUT,
    account: Account | None = None,
    step: Step | None = None,
) -> None:
    """Runs a command to its end with its output in `log`; `what` completes the sentence "… has failed"."""
    with running_tool(command, what=what, log=log, environment=environment, directory=directory, account=account) as tool:
        tool.wait(step)


@dataclass(frozen=True)
class Tool:
    """A command that runs beside the launcher, to its end."""

    what: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, step: Step | None = None) -> None:
        """Returns when the command has succeeded; raises when it has failed."""
        while self.process.poll() is None:
            if step:
                step.tick(progress(last_line(self.log)))
            time.sleep(POLL_S)
        if self.process.returncode != 0:
            raise Problem(f"{self.what} has failed ({describe_status(self.process.returncode)}). {last_words(self.log)}")


@contextmanager
def running_tool(
    command: Sequence[str | Path],
    *,
    what: str,
    log: Path,
    environment: dict[str, str] | None = None,
    directory: Path = CHECKOUT,
    account: Account | None = None,
) -> Iterator[Tool]:
    """Starts a command with its output in `log`. When the block is left before its end, the command is stopped."""
    with log.open("wb") as output, spawn(command, environment, output, directory, account, signal.SIGTERM) as process:
        try:
            yield Tool(what, process, log)
        finally:
            if process.poll() is None:
                kill_group(process.pid, signal.SIGTERM)
                process.wait()


def spawn(
    command: Sequence[str | Path],
    environment: dict[str, str] | None,
    output: BinaryIO,
    directory: Path,
    account: Account | None,
    end_signal: signal.Signals,
) -> subprocess.Popen[bytes]:
    """Starts a child in a session of its own that gets `end_signal` when the launcher dies."""
    return subprocess.Popen(
        [str(word) for word in command],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=ending_with_parent(end_signal),
        **as_account(account),
    )


def ending_with_parent(signal_number: signal.Signals) -> Callable[[], None]:
    """Code for the child that makes the kernel signal it when the launcher dies, be it by SIGKILL."""
    launcher = os.getpid()

    def prepare() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(signal_number))
        if os.getppid() != launcher:  # It died in between.
            os._exit(1)

    return prepare


def as_account(account: Account | None) -> dict[str, object]:
    """Popen's arguments for another user, without the groups of this one."""
    if not account:
        return {}
    return {"user": account.user_id, "group": account.group_id, "extra_groups": []}


def kill_group(group: int, signal_number: signal.Signals) -> None:
    """Signals a whole process group, if there is one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal_number)


def start_time(process_id: int) -> str | None:
    """When the kernel started the process: tells it from a later one with the same id."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    after_name = stat[stat.rindex(")") + 2 :].split()
    state, started = after_name[0], after_name[19]
    return None if state == "Z" else started


def kill_programs_in(directory: Path) -> None:
    """Kills what runs a program file from `directory`: functions whose AWS engine was killed before it could end them."""
    for process_id in processes_from(directory):
        # It may have ended meanwhile.
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)


def processes_from(directory: Path) -> Iterator[int]:
    """The ids of the processes that run a program file from `directory`."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # It may have ended meanwhile, or be another user's.
            with suppress(OSError):
                if (entry / "exe").readlink().is_relative_to(directory):
                    yield int(entry.name)


def describe_status(status: int) -> str:
    """`exit status 1` or `killed by SIGKILL`."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def last_line(log: Path) -> str:
    """The last line with something in it."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except FileNotFoundError:
        return ""
    return lines[-1] if lines else ""


def progress(line: str) -> str:
    """What a command is at. Cargo's bar, `Building [===>    ] 12/345: serde, syn`, becomes a count."""
    counted = re.search(r"] +(\d+)/(\d+)", line)
    return f"{counted[1]} of {counted[2]} crates" if counted else line


def last_words(log: Path) -> str:
    """What a process said last, and where the rest is."""
    said = last_line(log)
    return f'It said last: "{said[:200]}". All of it: {shown(log)}' if said else f"Its log is empty: {shown(log)}"


def shown(path: Path) -> Path:
    """A path as it is typed in the checkout."""
    return path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path
