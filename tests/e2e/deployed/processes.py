"""The processes of the stack that the tests run on: hung, killed, replaced, and jobs that are run beside them."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from fluxo_local import loopback
from fluxo_local.profile import Profile, read_json

from deployed.waiting import eventually

# What a job has to do in a test takes a moment.
JOB_TIMEOUT_S = 120


def run_job(program: Path, environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    command = [program, *words]
    return subprocess.run(command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=JOB_TIMEOUT_S)


class Processes:
    """Those that the launcher has started for a profile."""

    profile: Profile
    ids: dict[str, Any]

    def run_as(self, process: str, program: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a program once, as a job with the environment of a process of the second door that runs now."""
        return run_job(program, self.environment_of(process), *words)

    def environment_of(self, process: str) -> dict[str, str]:
        """What a process, by its name, was started with."""
        variables = Path(f"/proc/{self.process_of(process)}/environ").read_text().split("\0")
        return dict(variable.split("=", 1) for variable in variables if variable)

    def process_of(self, name: str) -> int:
        """The process of this name, as it runs now."""
        return next(process["id"] for process in read_json(self.profile.running_file)["processes"] if process["name"] == name)

    @contextmanager
    def hanging(self, server: str) -> Iterator[None]:
        """The server answers nothing and closes nothing: what a machine that hangs, or a network that is gone, looks like.

        It is not ended, because the launcher stops the whole stack when a server of it ends.
        """
        parent = self.process_of(server)
        stopped = [parent]
        os.kill(parent, signal.SIGSTOP)
        try:
            # Afterwards, so that there will be no further ones.
            for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
                os.kill(int(child), signal.SIGSTOP)
                stopped.append(int(child))
            yield
        finally:
            for process in stopped:
                os.kill(process, signal.SIGCONT)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """A process of the second door is killed, and not started again before the block ends."""
        launcher, process = read_json(self.profile.running_file)["launcher"], self.process_of(name)
        os.kill(launcher, signal.SIGSTOP)
        try:
            os.kill(process, signal.SIGKILL)
            yield
        finally:
            os.kill(launcher, signal.SIGCONT)
            eventually(lambda: self.process_of(name), lambda now: now != process, f"{name} to be started again")

    @contextmanager
    def processes_with(self, names: Sequence[str], changes: Mapping[str, str]) -> Iterator[None]:
        """Processes of the second door run with these variables changed: others in their places, which the launcher does not see."""
        launcher = read_json(self.profile.running_file)["launcher"]
        before = {name: self.process_of(name) for name in names}
        # It would start them again.
        os.kill(launcher, signal.SIGSTOP)
        try:
            with ExitStack() as others:
                for name, process in before.items():
                    others.enter_context(self._in_place_of(name, process, changes))
                yield
        finally:
            os.kill(launcher, signal.SIGCONT)
            for name, process in before.items():
                eventually(lambda name=name: self.process_of(name), lambda now, old=process: now != old, f"{name} to be started again")

    @contextmanager
    def _in_place_of(self, name: str, process: int, changes: Mapping[str, str]) -> Iterator[None]:
        environment = self.environment_of(name) | changes
        command = Path(f"/proc/{process}/cmdline").read_text().rstrip("\0").split("\0")
        os.kill(process, signal.SIGKILL)
        eventually(lambda: not loopback.answers(self.ids["metrics"][name], "/livez"), bool, f"{name} to be gone")
        with (self.profile.logs / f"{name.replace(' ', '-')}.log").open("ab") as log:
            other = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            eventually(lambda: loopback.answers(self.ids["metrics"][name], "/readyz"), bool, f"{name} to be ready")
            yield
        finally:
            other.kill()
            other.wait()
