"""The servers of a profile that run now: watched, started again where that is meant, and stopped in order."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from fluxo_local import terminal
from fluxo_local.processes import Service, describe_status, kill_group, start_time
from fluxo_local.profile import Profile, read_json, write_json

WATCH_INTERVAL_S = 0.2
RESTART_PAUSE_S = 2
LEFTOVERS_TIMEOUT_S = 60


@dataclass
class Running:
    """A server that runs now."""

    service: Service
    stop: Callable[[], object]
    restart: Callable[[], Service] | None
    """How it is started again if it ends by itself; without it, the whole stack ends then."""
    restarted_at: float = 0.0


class RunningServices:
    """The servers that run now, in the order in which they were started."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._services: list[Running] = []
        self._is_ready = False

    def add(self, service: Service, stop: Callable[[], object] | None = None, restart: Callable[[], Service] | None = None) -> None:
        """Takes charge of a server."""
        self._services.append(Running(service, stop or service.stop, restart))
        self._record()

    def replace(self, name: str, service: Service) -> None:
        """Takes charge of a server that was started in the place of one that has ended."""
        running = self._named(name)
        running.service, running.stop = service, service.stop
        self._record()

    def named(self, name: str) -> Service:
        """The server of that name."""
        return self._named(name).service

    def ready(self) -> None:
        """Notes that the stack may be used."""
        self._is_ready = True
        self._record()

    def watch(self) -> None:
        """Returns never; raises when a server has ended that is not started again."""
        while True:
            self.check()
            time.sleep(WATCH_INTERVAL_S)

    def check(self) -> None:
        """Starts again what has ended; raises if it is not to be started again."""
        for running in self._services:
            if running.restart is None:
                running.service.check()
        self.start_again_what_ended()

    def start_again_what_ended(self) -> None:
        """Starts again what is meant to be, as Kubernetes does it."""
        for running in list(self._services):
            if running.restart is None:
                continue
            if (status := running.service.process.poll()) is not None and time.monotonic() - running.restarted_at > RESTART_PAUSE_S:
                terminal.say(f"{running.service.name} has ended ({describe_status(status)}), and is started again.")
                running.service.kill()
                running.restarted_at = time.monotonic()
                self.replace(running.service.name, running.restart())

    def stop(self) -> None:
        """Stops the servers, the last one first: functions before the databases that they use."""
        # Whoever presses Ctrl-C again must not cut off the saving of their data.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        # First of all, so that nobody is sent to a stack that is going.
        self._profile.stack_file.unlink(missing_ok=True)
        self._is_ready = False
        self._record()
        while self._services:
            running = self._services.pop()
            with terminal.step(f"Stopping {running.service.name}"):
                running.stop()
        self._profile.running_file.unlink(missing_ok=True)

    def _named(self, name: str) -> Running:
        return next(running for running in self._services if running.service.name == name)

    def _record(self) -> None:
        """Notes the processes, for a later launcher to end should this one be killed."""
        processes = [
            {"name": running.service.name, "id": running.service.process.pid, "start_time": start_time(running.service.process.pid)}
            for running in self._services
        ]
        write_json(self._profile.running_file, {"launcher": os.getpid(), "ready": self._is_ready, "processes": processes})


def end_leftovers(profile: Profile) -> None:
    """Waits for the servers of a launcher that was killed; the kernel has told them to stop, and they may be saving."""
    record = read_json(profile.running_file) or {"processes": []}
    alive = {each["id"] for each in record["processes"] if each["start_time"] and start_time(each["id"]) == each["start_time"]}
    if not alive:
        return
    with terminal.step("Waiting for the servers of the last run to stop") as step:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + LEFTOVERS_TIMEOUT_S
        while any(start_time(pid) for pid in alive) and time.monotonic() < deadline:
            step.tick()
            time.sleep(WATCH_INTERVAL_S)
        for pid in alive:
            if start_time(pid):
                kill_group(pid, signal.SIGKILL)
