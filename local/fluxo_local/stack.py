"""Runs the stack of a profile from start to end: servers, deployment, samples, and a watch over all of them."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fluxo_local import book, inspector, python_tools, samples, terminal, toolchain, users, web_page
from fluxo_local.deployment import Deployment, building
from fluxo_local.engine import Engine
from fluxo_local.postgres import Postgres, choose_programs, data_directory
from fluxo_local.problem import Interrupted, Problem
from fluxo_local.processes import Service, kill_group, start_time
from fluxo_local.profile import DEFAULT, Profile, read_json, write_json
from fluxo_local.redis import Redis

WATCH_INTERVAL_S = 0.2
LEFTOVERS_TIMEOUT_S = 60
PORT_VARIABLES = {
    "engine": "FLUXO_PORT",
    "postgres": "FLUXO_POSTGRES_PORT",
    "redis": "FLUXO_REDIS_PORT",
    "inspector": "FLUXO_INSPECTOR_PORT",
    "book": "FLUXO_BOOK_PORT",
}
# Below the range from which Linux takes ports for outgoing connections.
DEFAULT_PORTS = {"engine": 18740, "postgres": 18741, "redis": 18742, "inspector": 18743, "book": 18744}
LOST_STATE = (
    "The AWS engine was killed and has lost what it recorded since its last start; "
    "the ledger has every entry that was posted, and `make reconcile` brings the balances back."
)
BALANCE_PARTS = {"opening": "opening_balance", "credits": "total_credits", "debits": "total_debits", "closing": "closing_balance"}


@dataclass(frozen=True)
class Ports:
    """Where the servers listen, on loopback."""

    engine: int
    postgres: int
    redis: int
    inspector: int
    book: int


def run(profile: Profile) -> None:
    """Starts everything, says how to use it, and stays until it is interrupted or something ends."""
    toolchain.require_linux_and_rust()
    toolchain.require_compiler()
    profile.prepare()
    with building(profile) as finish_building:
        prepare(profile)
        web_page.build()
        ports = choose_ports(profile)
        deployment = plan(profile, ports)
        finish_building()
    redis, engine = deployment.redis, deployment.engine
    running = RunningServices(profile)
    try:
        if engine.lost_state():
            # Redis would answer for entries whose workflows the engine has forgotten, and they would never run again.
            redis.forget()
            terminal.say(LOST_STATE)
        stack = start(deployment, running)
        serve_page("inspector_url", inspector.start, profile, ports.inspector, stack, running)
        serve_page("docs_url", book.serve, profile, ports.book, stack, running)
        balance = samples.register(profile, stack)
        introduce(profile, stack, balance)
        running.ready()
        # From here on an interruption is the way to stop, not a failure.
        with suppress(Interrupted):
            running.watch()
    finally:
        running.stop()


def prepare(profile: Profile) -> None:
    """Installs what is missing on this machine, and sees that nothing of an earlier run of the profile is left running."""
    toolchain.require_system_programs()
    python_tools.install(python_tools.ENGINE)
    python_tools.install(python_tools.SAM)
    profile.stack_file.unlink(missing_ok=True)
    end_leftovers(profile)


def plan(profile: Profile, ports: Ports) -> Deployment:
    """The servers of the profile and what is deployed on them."""
    data = data_directory(profile)
    postgres = Postgres(choose_programs(data), data, ports.postgres, profile.secret("postgres_password"), profile.logs)
    redis = Redis(toolchain.find_redis(), profile.directory / "redis", ports.redis, profile.secret("redis_password"), profile.logs)
    engine = Engine(profile.directory / "engine", ports.engine, profile.logs)
    return Deployment(profile, postgres, redis, engine, inspector=f"http://127.0.0.1:{ports.inspector}/")


def start(deployment: Deployment, running: "RunningServices") -> dict[str, Any]:
    """Starts the servers and deploys onto them; answers the ids of what was deployed."""
    running.add(deployment.postgres.start())
    running.add(deployment.redis.start())
    running.add(aws := deployment.engine.start(), lambda: deployment.engine.stop(aws))
    return deployment.deploy()


def serve_page(
    name: str,
    serve: Callable[[Profile, int], Service],
    profile: Profile,
    port: int,
    stack: dict[str, Any],
    running: "RunningServices",
) -> None:
    """Serves the inspector or the book, and notes its address under this name. A stack without it is as good, so a failure is only said."""
    try:
        running.add(serve(profile, port))
    except Problem as problem:
        terminal.say(f"It is not served. {problem}")
        return
    stack[name] = f"http://127.0.0.1:{port}/"
    write_json(profile.stack_file, stack)


def erase(profile: Profile) -> None:
    """Deletes all data of a profile that does not run."""
    end_leftovers(profile)
    shutil.rmtree(data_directory(profile), ignore_errors=True)
    profile.erase()


class RunningServices:
    """The servers that run now, in the order in which they were started."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._services: list[tuple[Service, Callable[[], object]]] = []

    def add(self, service: Service, stop: Callable[[], object] | None = None) -> None:
        """Takes charge of a server."""
        self._services.append((service, stop or service.stop))
        self._record()

    def replace(self, name: str, service: Service) -> None:
        """Takes charge of a server that was started in the place of one that has ended."""
        index = next(index for index, (known, _) in enumerate(self._services) if known.name == name)
        self._services[index] = (service, service.stop)
        self._record(ready=True)

    def named(self, name: str) -> Service:
        """The server of that name."""
        return next(service for service, _ in self._services if service.name == name)

    def ready(self) -> None:
        """Notes that the stack may be used."""
        self._record(ready=True)

    def watch(self) -> None:
        """Returns never; raises when a server has ended."""
        while True:
            for service, _ in self._services:
                service.check()
            time.sleep(WATCH_INTERVAL_S)

    def stop(self) -> None:
        """Stops the servers, the last one first: functions before the databases that they use."""
        # Whoever presses Ctrl-C again must not cut off the saving of their data.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        # First of all, so that nobody is sent to a stack that is going.
        self._profile.stack_file.unlink(missing_ok=True)
        self._record(ready=False)
        while self._services:
            service, stop = self._services.pop()
            with terminal.step(f"Stopping {service.name}"):
                stop()
        self._profile.running_file.unlink(missing_ok=True)

    def _record(self, ready: bool = False) -> None:
        """Notes the processes, for a later launcher to end should this one be killed."""
        processes = [
            {"name": service.name, "id": service.process.pid, "start_time": start_time(service.process.pid)}
            for service, _ in self._services
        ]
        write_json(self._profile.running_file, {"launcher": os.getpid(), "ready": ready, "processes": processes})


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


def choose_ports(profile: Profile) -> Ports:
    """Fixed ports for the developer's profile, so that a URL stays good; free ones for any other."""
    if profile.name != DEFAULT:
        return Ports(*free_ports(len(PORT_VARIABLES)))
    chosen = {}
    for server, variable in PORT_VARIABLES.items():
        text = os.environ.get(variable, str(DEFAULT_PORTS[server]))
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            raise Problem(f'{variable} must be a port number; it is "{text}".')
        chosen[server] = int(text)
        if not is_free(chosen[server]):
            raise Problem(f"Port {text} is in use by another program: stop that one, or choose another port with {variable}=… make run")
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


def introduce(profile: Profile, stack: dict[str, Any], balance: dict[str, Any]) -> None:
    """What a newcomer wants to see and to paste."""
    make = "make -s" if profile.name == DEFAULT else f"make -s PROFILE={profile.name}"
    day = balance["date"]
    clerk, viewer = (users.name_of(samples.MERCHANT, role) for role in users.ROLES)
    pages = {"What executions went through": "inspector_url", "The documentation": "docs_url"}
    others = "".join(f"{what} is at {stack[name]}\n" for what, name in pages.items() if name in stack)
    amounts = "  ".join(f"{part} {balance[field]}" for part, field in BALANCE_PARTS.items())
    terminal.say(
        f"""
Balance of the merchant "{samples.MERCHANT}" on {day}, from {balance["entry_count"]} entries:
  {amounts}

The console is ready: {stack["console_url"]}

Sign in as {clerk}, who registers entries, or as {viewer}, who only reads.
The password of both is {users.password_of(profile)}

The API is at {stack["url"]}
{others}
Register an entry, then read the balance:

TOKEN=$({make} token MERCHANT={samples.MERCHANT})

curl -i "{stack["url"]}/entries" \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -H "Idempotency-Key: my-first-entry" \\
  -d '{{"type":"credit","amount":"150.75","date":"{day}","description":"Counter sale"}}'

curl "{stack["url"]}/daily-balances/{day}" -H "Authorization: Bearer $TOKEN"
"""
    )
