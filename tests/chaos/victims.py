"""The processes of functions: whose connection it is, and ending it."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fluxo_local.processes import processes_from

NAME = "AWS_LAMBDA_FUNCTION_NAME="
ANYWHERE = Path("/")


@dataclass(frozen=True)
class Victim:
    """A process of a function."""

    process_id: int
    function: str

    def kill(self) -> None:
        """Ends it at once, wherever it is."""
        with suppress(ProcessLookupError):
            os.kill(self.process_id, signal.SIGKILL)

    def open_files(self) -> set[str]:
        """What it has open."""
        files = set()
        with suppress(OSError):
            for entry in Path(f"/proc/{self.process_id}/fd").iterdir():
                with suppress(OSError):
                    files.add(str(entry.readlink()))
        return files

    def memory_map(self) -> str:
        """What it has loaded."""
        with suppress(OSError):
            return Path(f"/proc/{self.process_id}/maps").read_text()
        return ""


def processes_of(programs: Path, function: str | None = None) -> Iterator[Victim]:
    """The processes of a function, or of all functions, whose programs are in this directory: those of one engine."""
    for process_id in processes_from(programs):
        # It may end while it is looked at.
        with suppress(OSError):
            name = function_name(process_id)
            if name and name == (function or name):
                yield Victim(process_id, name)


def owner_of(port: int, peer_port: int) -> Victim | None:
    """The function's process whose end of a connection on loopback is that port. The peer is ours, so the function is, too."""
    inode = inode_of(port, peer_port)
    return next((victim for victim in processes_of(ANYWHERE) if f"socket:[{inode}]" in victim.open_files()), None) if inode else None


def runs_with(programs: Path, function: str, library: Path) -> bool:
    """Whether a process of the function has loaded the library."""
    return any(str(library) in victim.memory_map() for victim in processes_of(programs, function))


def inode_of(port: int, peer_port: int) -> str | None:
    """The kernel's number of a socket that is connected on loopback."""
    ends = [f"0100007F:{port:04X}", f"0100007F:{peer_port:04X}"]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == ends:
            return fields[9]
    return None


def function_name(process_id: int) -> str | None:
    """The name of the function that the process runs, if it runs one."""
    variables = Path(f"/proc/{process_id}/environ").read_bytes().decode(errors="replace").split("\0")
    return next((variable.removeprefix(NAME) for variable in variables if variable.startswith(NAME)), None)
