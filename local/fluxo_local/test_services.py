"""Throw-away servers around a command: a PostgreSQL and a Kafka that may lose data, and an AWS engine that keeps none."""

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fluxo_local import postgres_majors, python_tools, terminal, toolchain
from fluxo_local.aws import aws_environment
from fluxo_local.engine import Engine
from fluxo_local.kafka import Kafka
from fluxo_local.ports import free_ports
from fluxo_local.postgres import SUPERUSER, Postgres, choose_programs
from fluxo_local.problem import Problem
from fluxo_local.profile import LOCAL, OTHERS_MAY_PASS

# Not in the temporary directory: what a server said has to outlive it.
LOGS = LOCAL / "test-services"


def run_with_services(command: Sequence[str]) -> int:
    """Runs the command with the servers' addresses in its environment; answers its exit status."""
    toolchain.require_linux_and_rust()
    toolchain.require_system_programs()
    python_tools.install(python_tools.ENGINE)
    majors = {f"FLUXO_TEST_POSTGRES_{major}_PROGRAMS": str(directory) for major, directory in postgres_majors.install().items()}
    with servers() as addresses:
        terminal.say()
        environment = os.environ | addresses | majors | {"PATH": toolchain.search_path()}
        try:
            return subprocess.run(command, env=environment).returncode
        except FileNotFoundError:
            raise Problem(f"There is no program called {command[0]}.") from None


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory that goes afterwards. Nobody waits for that: each test has had a database of its own, of hundreds of files."""
    directory = Path(tempfile.mkdtemp(prefix="fluxo-test-"))
    try:
        yield directory
    finally:
        subprocess.Popen(["rm", "-rf", directory], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Starts the servers, yields the variables that lead to them, and stops and deletes them."""
    engine_port, postgres_port, *kafka_ports = free_ports(4)
    LOGS.mkdir(parents=True, exist_ok=True)
    with temporary_directory() as directory:
        directory.chmod(OTHERS_MAY_PASS)
        data = directory / "postgres"
        postgres = Postgres(choose_programs(data), data, postgres_port, secrets.token_hex(8), LOGS, durable=False)
        engine = Engine(directory / "engine", engine_port, LOGS, durable=False)
        kafka = Kafka(directory / "kafka", *kafka_ports, LOGS, durable=False)
        stops = []
        try:
            # The slowest to start, so the others start meanwhile.
            stops.append((broker := kafka.begin()).stop)
            stops.append(postgres.start().stop)
            service = engine.start()
            stops.append(lambda: engine.stop(service))
            with terminal.step("Waiting for Kafka") as step:
                kafka.await_ready(broker, step)
            yield {
                "TEST_KAFKA_BROKERS": kafka.brokers,
                "FLUXO_TEST_POSTGRES_URL": f"postgres://{SUPERUSER}:{postgres.password}@127.0.0.1:{postgres_port}/postgres",
                # For the tests that need a server with settings of its own.
                "FLUXO_TEST_POSTGRES_PROGRAMS": str(postgres.programs.directory),
                "FLUXO_TEST_AWS_ENDPOINT": engine.endpoint,
                "FLUXO_TEST_REDIS_SERVER": str(toolchain.find_redis()),
                **{name: value for name, value in aws_environment(engine.endpoint).items() if name != "AWS_ENDPOINT_URL"},
            }
        finally:
            for stop in reversed(stops):
                stop()
