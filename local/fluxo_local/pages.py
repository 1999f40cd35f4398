"""Servers of pages beside the stack, on loopback: the book's and the inspector's."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from fluxo_local.processes import Service, start_service
from fluxo_local.profile import CHECKOUT, LOCAL, Profile
from fluxo_local.terminal import Step

START_TIMEOUT_S = 20


def serve(name: str, command: Sequence[str | Path], port: int, profile: Profile, log: str, step: Step) -> Service:
    """Starts a server of pages, and waits until it listens."""
    service = start_service(
        name,
        command,
        environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(CHECKOUT / "local"), "PYTHONDONTWRITEBYTECODE": "1"},
        log=profile.logs / log,
        directory=LOCAL,
    )
    try:
        service.wait_until(lambda: listens(port), START_TIMEOUT_S, step)
    except BaseException:
        service.stop()
        raise
    return service


def listens(port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
