"""The ports of a profile's servers, on loopback."""

import os
import random
import socket
from dataclasses import dataclass

from fluxo_local.problem import Problem
from fluxo_local.profile import DEFAULT, Profile
from fluxo_local.services import PORT_COUNT

PORT_VARIABLES = {
    "engine": "FLUXO_PORT",
    "postgres": "FLUXO_POSTGRES_PORT",
    "redis": "FLUXO_REDIS_PORT",
    "inspector": "FLUXO_INSPECTOR_PORT",
    "book": "FLUXO_BOOK_PORT",
    "kafka": "FLUXO_KAFKA_PORT",
}
# Below the range from which Linux takes ports for outgoing connections.
DEFAULT_PORTS = {"engine": 18740, "postgres": 18741, "redis": 18742, "inspector": 18743, "book": 18744, "kafka": 18745}
# Between those of the developer's profile and Linux's own, which begin at 32768.
OWN_PORTS = (20_000, 32_000)
# Kafka's, its controller's, the services'.
DOOR_PORTS = 2 + PORT_COUNT


@dataclass(frozen=True)
class Ports:
    """Where the servers listen, on loopback."""

    engine: int
    postgres: int
    redis: int
    inspector: int
    book: int
    kafka: int
    """The first of those of the second door: Kafka's, its controller's, the services'."""


def choose_ports(profile: Profile, has_services: bool) -> Ports:
    """Fixed ports for the developer's profile, so that a URL stays good; free ones for any other."""
    if profile.name != DEFAULT:
        *chosen, _ = free_ports(len(PORT_VARIABLES))
        return Ports(*chosen, kafka=free_range(DOOR_PORTS) if has_services else 0)
    chosen = {}
    for server, variable in PORT_VARIABLES.items():
        text = os.environ.get(variable, str(DEFAULT_PORTS[server]))
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            raise Problem(f'{variable} must be a port number; it is "{text}".')
        chosen[server] = int(text)
        wanted = range(int(text), int(text) + DOOR_PORTS) if server == "kafka" and has_services else [int(text)]
        for port in wanted if has_services or server != "kafka" else ():
            if not is_free(port):
                raise Problem(f"Port {port} is in use by another program: stop that one, or choose another port with {variable}=… make run")
    if len(set(chosen.values())) < len(chosen):
        raise Problem(f"{', '.join(PORT_VARIABLES.values())} must be different ports.")
    return Ports(**chosen)


def is_free(port: int) -> bool:
    """Whether one can listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def free_range(count: int) -> int:
    """The first of so many ports in a row on which nobody listens now, below those that Linux takes for outgoing connections."""
    while True:
        first = random.randrange(*OWN_PORTS)
        if all(is_free(port) for port in range(first, first + count)):
            return first
