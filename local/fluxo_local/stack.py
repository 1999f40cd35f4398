"""Runs the stack of a profile from start to end: servers, deployment, samples, and a watch over all of them."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from fluxo_local import book, inspector, python_tools, samples, services, services_door, terminal, toolchain, users, web_page
from fluxo_local.deployment import Deployment, building
from fluxo_local.doors import SERVICES
from fluxo_local.engine import Engine
from fluxo_local.kafka import Kafka
from fluxo_local.ports import DOOR_PORTS, Ports, choose_ports
from fluxo_local.postgres import Postgres, choose_programs, data_directory
from fluxo_local.problem import Interrupted, Problem
from fluxo_local.processes import Service
from fluxo_local.profile import DEFAULT, Profile, write_json
from fluxo_local.redis import Redis
from fluxo_local.running import RunningServices, end_leftovers
from fluxo_local.services import Services
from fluxo_local.services_door import ServicesDoor

LOST_STATE = (
    "The AWS engine was killed and has lost what it recorded since its last start; "
    "the ledger has every entry that was posted, and `make reconcile` brings the balances back."
)
BALANCE_PARTS = {"opening": "opening_balance", "credits": "total_credits", "debits": "total_debits", "closing": "closing_balance"}


def run(profile: Profile, door: str) -> None:
    """Starts everything, says how to use it, and stays until it is interrupted or something ends."""
    toolchain.require_linux_and_rust()
    toolchain.require_compiler()
    profile.prepare()
    has_services = door == SERVICES
    with building(profile, services.PACKAGES if has_services else ()) as finish_building:
        prepare(profile)
        web_page.build()
        ports = choose_ports(profile, has_services)
        deployment = plan(profile, ports, services_door.API_ID if has_services else None)
        finish_building()
    redis, engine = deployment.redis, deployment.engine
    running = RunningServices(profile)
    try:
        if engine.lost_state():
            # Redis would answer for entries whose workflows the engine has forgotten, and they would never run again.
            redis.forget()
            terminal.say(LOST_STATE)
        stack = start_with_services(deployment, ports.kafka, running) if has_services else start(deployment, running)
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


def plan(profile: Profile, ports: Ports, console_api: str | None = None) -> Deployment:
    """The servers of the profile and what is deployed on them."""
    data = data_directory(profile)
    postgres = Postgres(choose_programs(data), data, ports.postgres, profile.secret("postgres_password"), profile.logs)
    redis = Redis(toolchain.find_redis(), profile.directory / "redis", ports.redis, profile.secret("redis_password"), profile.logs)
    engine = Engine(profile.directory / "engine", ports.engine, profile.logs)
    # What is accepted behind another API has no executions to look at.
    inspector_url = None if console_api else f"http://127.0.0.1:{ports.inspector}/"
    return Deployment(profile, postgres, redis, engine, inspector=inspector_url, console_api=console_api)


def start(deployment: Deployment, running: RunningServices) -> dict[str, Any]:
    """Starts the servers and deploys onto them; answers the ids of what was deployed."""
    running.add(deployment.postgres.start())
    running.add(deployment.redis.start())
    running.add(aws := deployment.engine.start(), lambda: deployment.engine.stop(aws))
    return deployment.deploy()


def start_with_services(
    deployment: Deployment,
    first_port: int,
    running: RunningServices,
    environment: Mapping[str, str] | None = None,
    kafka_door_port: int | None = None,
) -> dict[str, Any]:
    """The same, with the second door on it, whose services find this in their environment besides, and Kafka at this port."""
    profile = deployment.profile
    kafka = Kafka(profile.directory / "kafka", first_port, first_port + 1, profile.logs, door_port=kafka_door_port)
    ports = tuple(range(first_port + 2, first_port + DOOR_PORTS))
    door = ServicesDoor(kafka, Services(deployment, kafka.brokers, ports, environment or {}))
    # The slowest to start, so the others start meanwhile.
    running.add(broker := kafka.begin(), restart=kafka.begin)
    return door.start(broker, start(deployment, running), running)


def serve_page(
    name: str,
    serve: Callable[[Profile, int], Service],
    profile: Profile,
    port: int,
    stack: dict[str, Any],
    running: RunningServices,
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


def introduce(profile: Profile, stack: dict[str, Any], balance: dict[str, Any]) -> None:
    """What a newcomer wants to see and to paste."""
    make = "make -s" if profile.name == DEFAULT else f"make -s PROFILE={profile.name}"
    day = balance["date"]
    clerk, viewer = (users.name_of(samples.MERCHANT, role) for role in users.ROLES)
    executions = {} if stack["door"] == SERVICES else {"What executions went through": "inspector_url"}
    pages = executions | {"The documentation": "docs_url"}
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
