"""The processes of functions: whose connection it is, and ending it."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NAME = "AWS_LAMBDA_FUNCTION_NAME="


@dataclass(frozen=True)
class Victim:
    """A process of a function."""

    process_id: int
    function: str

    def kill(self) -> None:
        """Ends it at once, wherever it is."""
        with suppress(ProcessLookupError):
            os.kill(self.process_id, signal.SIGKILL)


def owner_of(port: int, peer_port: int) -> Victim | None:
    """The function's process whose end of a connection on loopback is that port."""
    inode = inode_of(port, peer_port)
    if not inode:
        return None
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            # It may end while it is looked at.
            with suppress(OSError):
                function = function_name(process)
                if function and f"socket:[{inode}]" in open_files(process):
                    return Victim(int(process.name), function)
    return None


def runs_with(function: str, library: Path) -> bool:
    """Whether a process of the function has loaded the library."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                if function_name(process) == function and str(library) in (process / "maps").read_text():
                    return True
    return False


def inode_of(port: int, peer_port: int) -> str | None:
    """The kernel's number of a socket that is connected on loopback."""
    ends = [f"0100007F:{port:04X}", f"0100007F:{peer_port:04X}"]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == ends:
            return fields[9]
    return None


def open_files(process: Path) -> set[str]:
    """What the process has open."""
    files = set()
    for entry in (process / "fd").iterdir():
        with suppress(OSError):
            files.add(str(entry.readlink()))
    return files


def function_name(process: Path) -> str | None:
    """The name of the function that the process runs, if it runs one."""
    variables = (process / "environ").read_bytes().decode(errors="replace").split("\0")
    return next((variable.removeprefix(NAME) for variable in variables if variable.startswith(NAME)), None)
