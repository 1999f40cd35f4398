"""Redis: the idempotency cache."""

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import terminal
from fluxo_local.processes import Service, start_service
from fluxo_local.profile import OWNER_ONLY, write_private

START_TIMEOUT_S = 20


@dataclass(frozen=True)
class Redis:
    """A Redis server of ours."""

    program: Path
    data: Path
    port: int
    password: str
    logs: Path

    def url(self, port: int) -> str:
        """With the password, for whoever reaches the server through this port."""
        return f"redis://:{self.password}@127.0.0.1:{port}/0"

    def start(self) -> Service:
        """Starts the server. What it remembers survives a restart."""
        with terminal.step("Starting Redis") as step:
            self.data.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
            # In a file rather than on the command line, which every user of the machine can read.
            settings = self.data / "redis.conf"
            write_private(
                settings,
                f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndir {self.data}\n"
                'appendonly yes\nappendfsync everysec\nsave ""\n',
            )
            service = start_service(
                "Redis",
                [self.program, settings],
                environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                log=self.logs / "redis.log",
                directory=self.data,
            )
            try:
                service.wait_until(self._answers, START_TIMEOUT_S, step)
            except BaseException:
                service.stop()
                raise
        return service

    def forget(self) -> None:
        """Deletes the data of the stopped server."""
        shutil.rmtree(self.data, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
        except OSError:
            return False
