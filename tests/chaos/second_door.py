"""The processes of the second door and Kafka: to kill them, to run others beside them or with another environment, to fill a disk."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fluxo_local.kafka import STARTED
from fluxo_local.processes import Service, kill_group, run_tool, start_service
from fluxo_local.profile import Profile
from fluxo_local.running import RunningServices

KAFKA = "Kafka"
RESTART_TIMEOUT_S = 90
POLL_S = 0.1
BALLAST_BLOCKS = (1024 * 1024, 4096, 1)
# Any port: nobody asks a process beside the others for its metrics.
ANY_PORT = "127.0.0.1:0"


@dataclass(frozen=True)
class SecondDoor:
    """The processes of one stack. A supervisor starts again what ends, unless `supervising` is held."""

    profile: Profile
    running: RunningServices
    supervising: threading.Lock

    def kill(self, name: str) -> None:
        """Kills a process with SIGKILL, and does not wait for that."""
        kill_group(self.running.named(name).process.pid, signal.SIGKILL)

    def kill_together(self, *names: str) -> dict[str, Service]:
        """Kills processes at the same moment; answers them as they were."""
        victims = {name: self.running.named(name) for name in names}
        for name in names:
            self.kill(name)
        for victim in victims.values():
            victim.process.wait()
        return victims

    def until_all_started_again(self, victims: dict[str, Service]) -> None:
        """Returns when others run in their place, and Kafka answers."""
        for name, victim in victims.items():
            self.until_started_again(name, victim)
        self.until_kafka_answers()

    def until_started_again(self, name: str, before: Service) -> Service:
        """Returns when another process runs in the place of that one."""
        deadline = time.monotonic() + RESTART_TIMEOUT_S
        while (now := self.running.named(name)) is before or now.process.poll() is not None:
            assert time.monotonic() < deadline, f"{name} was not started again"
            time.sleep(POLL_S)
        return now

    def until_kafka_answers(self) -> None:
        """Returns when Kafka has started, be it for the second time."""
        deadline = time.monotonic() + RESTART_TIMEOUT_S
        # Its log begins anew with each start.
        while (kafka := self.running.named(KAFKA)).process.poll() is not None or STARTED not in read(kafka.log):
            assert time.monotonic() < deadline, "Kafka did not come back"
            time.sleep(POLL_S)

    def variables(self, name: str) -> dict[str, str]:
        """The environment of a process."""
        return dict(line.split("=", 1) for line in words_of(self.running.named(name), "environ"))

    def beside(self, name: str) -> Service:
        """Starts another process that works beside one that runs."""
        return self._start_like(name, self.variables(name) | {"LISTEN_INTERNAL": ANY_PORT}, words_of(self.running.named(name), "cmdline"))

    def _start_like(self, name: str, variables: dict[str, str], words: list[str]) -> Service:
        log = self.profile.logs / f"{name.replace(' ', '-')}-others.log"
        return start_service(name, words, environment=variables, log=log, directory=self.profile.directory, stop_timeout_s=60)

    @contextmanager
    def changed(self, name: str, **changes: str) -> Iterator[Service]:
        """The process runs with these variables changed."""
        with self.supervising:
            before = self.running.named(name)
            variables, words = self.variables(name) | changes, words_of(before, "cmdline")
            before.stop()
            self.running.replace(name, another := self._start_like(name, variables, words))
        try:
            yield another
        finally:
            # The supervisor starts it as it was.
            another.stop()
            self.until_started_again(name, another)

    @contextmanager
    def on_a_small_disk(self, free_bytes: int) -> Iterator[Path]:
        """What Kafka keeps lies on a file system of its own with so much space left, whose directory it is."""
        disk, outside = self.profile.directory / "kafka" / "log", self.profile.directory / "kafka" / "log-outside"
        with self._kafka_stopped():
            disk.rename(outside)
            disk.mkdir()
            size = used_bytes(outside) + free_bytes
            self._tool("mount", "-t", "tmpfs", "-o", f"size={size}", "kafka", disk)
            copy(outside, disk)
        try:
            self.until_kafka_answers()
            yield disk
        finally:
            with self._kafka_stopped():
                shutil.rmtree(outside)
                copy(disk, outside)
                self._tool("umount", disk)
                disk.rmdir()
                outside.rename(disk)
            self.until_kafka_answers()

    @contextmanager
    def _kafka_stopped(self) -> Iterator[None]:
        """Kafka is stopped in order; the supervisor starts it afterwards."""
        with self.supervising:
            self.running.named(KAFKA).stop()
            yield

    def _tool(self, program: str, *words: str | Path) -> None:
        run_tool(
            [program, *words], what=f"{program} of a small disk, for which one has to be root,", log=self.profile.logs / f"{program}.log"
        )


def words_of(service: Service, what: str) -> list[str]:
    """The command line or the environment of a process."""
    return Path(f"/proc/{service.process.pid}/{what}").read_text().split("\0")[:-1]


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Nothing is left of a disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in BALLAST_BLOCKS:
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass
    try:
        yield
    finally:
        ballast.unlink()


def free_bytes(disk: Path) -> int:
    """What is left of a disk."""
    left = os.statvfs(disk)
    return left.f_bavail * left.f_frsize


def used_bytes(directory: Path) -> int:
    """What the files of a directory take on the disk."""
    return sum(file.stat().st_blocks * 512 for file in directory.rglob("*") if file.is_file())


def copy(source: Path, target: Path) -> None:
    """Copies what is in a directory, with its owners and times. What takes no space takes none there."""
    target.mkdir(exist_ok=True)
    run_tool(["cp", "-a", "--sparse=always", f"{source}/.", target], what="Copying Kafka's data", log=Path(os.devnull))


def read(log: Path) -> bytes:
    """What it has said, if it has said anything."""
    with suppress(FileNotFoundError):
        return log.read_bytes()
    return b""
