"""The real stack, started for the suite with a door of its own before every store, and the means to break what is behind."""

import io
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any

from deployed.ledger import Ledger
from deployed.stack import Stack
from fluxo_local import services, toolchain
from fluxo_local import stack as local
from fluxo_local.deployment import STACK_NAME, Deployment, Doors, building
from fluxo_local.doors import SERVICES
from fluxo_local.engine import Engine
from fluxo_local.ports import DOOR_PORTS, free_ports, free_range
from fluxo_local.postgres import DATABASE, LOOKUP, Postgres, choose_programs, data_directory, server_environment
from fluxo_local.processes import Service
from fluxo_local.profile import Profile
from fluxo_local.redis import Redis
from fluxo_local.running import WATCH_INTERVAL_S, RunningServices

from chaos.proxy import Proxies, Proxy, Rule
from chaos.second_door import SecondDoor
from chaos.victims import processes_of, runs_with

PROFILE = Profile("chaos")
# Beside the data directory of PostgreSQL.
LEDGER_BACKUP = "chaos-ledger-backup"
LEDGER_DUMP = "chaos-ledger.sql"
# The SDK's names of the services that the functions use.
AWS_SERVICES = ("DYNAMODB", "SFN", "SQS")


class System(Stack):
    """The deployed system. The functions reach its stores through `doors`; whoever audits does not."""

    def __init__(self, door: str) -> None:
        super().__init__(PROFILE, door)
        self._proxies = Proxies()
        self._running = RunningServices(PROFILE)
        self.doors: dict[str, Proxy] = {}
        self._stopping = threading.Event()
        self._supervising = threading.Lock()

    def start(self) -> None:
        """Builds, starts and deploys, with no data."""
        local.erase(PROFILE)
        PROFILE.prepare()
        has_services = self.door == SERVICES
        with building(PROFILE, services.PACKAGES if has_services else ()) as finish_building:
            local.prepare(PROFILE)
            finish_building()
        engine_port, postgres_port, redis_port = free_ports(3)
        self.doors = {name: self._proxies.open(engine_port) for name in AWS_SERVICES}
        self.doors |= {"POSTGRES": self._proxies.open(postgres_port), "REDIS": self._proxies.open(redis_port)}
        endpoints = {f"AWS_ENDPOINT_URL_{name}": f"http://127.0.0.1:{self.doors[name].port}" for name in AWS_SERVICES}
        data = data_directory(PROFILE)
        self.postgres = Postgres(choose_programs(data), data, postgres_port, PROFILE.secret("postgres_password"), PROFILE.logs)
        self.redis = Redis(toolchain.find_redis(), PROFILE.directory / "redis", redis_port, PROFILE.secret("redis_password"), PROFILE.logs)
        self.engine = Engine(PROFILE.directory / "engine", engine_port, PROFILE.logs, durable=False, environment=endpoints)
        doors = Doors(self.doors["POSTGRES"].port, self.doors["REDIS"].port)
        deployment = Deployment(PROFILE, self.postgres, self.redis, self.engine, doors, has_console=False)
        if has_services:
            kafka_port = free_range(DOOR_PORTS)
            self.doors["KAFKA"] = self._proxies.open(kafka_port)
            local.start_with_services(deployment, kafka_port, self._running, endpoints, self.doors["KAFKA"].port)
            threading.Thread(target=self._start_again_what_ended, name="supervisor", daemon=True).start()
        else:
            local.start(deployment, self._running)
        self._running.ready()
        self.scale_waits(1)

    def stop(self) -> None:
        """Ends everything that was started."""
        self._stopping.set()
        with self._supervising:
            pass
        self._running.stop()
        self._proxies.close()
        shutil.rmtree(data_directory(PROFILE).with_name(LEDGER_BACKUP), ignore_errors=True)

    def _start_again_what_ended(self) -> None:
        """As the launcher does it, and Kubernetes."""
        while not self._stopping.wait(WATCH_INTERVAL_S):
            with self._supervising, redirect_stdout(io.StringIO()):
                if not self._stopping.is_set():
                    self._running.start_again_what_ended()

    def service(self, name: str) -> Service:
        """A server or a process of the second door, as it runs now."""
        return self._running.named(name)

    @cached_property
    def second_door(self) -> SecondDoor:
        """Kafka and the processes of the second door."""
        return SecondDoor(self.profile, self._running, self._supervising)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger's database, past the door."""
        return Ledger(self.postgres)

    @cached_property
    def balances(self) -> Any:
        """The read model, past the door."""
        return self.client("dynamodb")

    def function(self, name: str) -> str:
        """What a function of the template is called here."""
        return self.ids["functions"][name]

    def open_door(self, name: str, port: int) -> int:
        """Another door, before a server of the suite itself; answers its port."""
        self.doors[name] = self._proxies.open(port)
        return self.doors[name].port

    @contextmanager
    def ruled(self, door: str, rule: Rule) -> Iterator[Rule]:
        """What passes the door is under this rule."""
        with self._proxies.ruled(self.doors[door], rule):
            yield rule

    @contextmanager
    def killed(self, server: str) -> Iterator[None]:
        """PostgreSQL or Redis is dead, killed with SIGKILL; afterwards it starts again with what it had on disk."""
        store = {"PostgreSQL": self.postgres, "Redis": self.redis}[server]
        self._running.named(server).kill()
        try:
            yield
        finally:
            self._start_again(server, store)

    @contextmanager
    def lookups_refused(self) -> Iterator[None]:
        """Nobody can ask the ledger whether a request is known. Afterwards the processes that found out start anew."""
        self.ledger_answer(f"ALTER ROLE {LOOKUP} CONNECTION LIMIT 0")
        try:
            self.ledger_answer(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{LOOKUP}'")
            yield
        finally:
            self.ledger_answer(f"ALTER ROLE {LOOKUP} CONNECTION LIMIT -1")
            self.end_processes("RegisterEntry")

    def end_processes(self, function: str) -> None:
        """Ends the processes of a function, by its name in the template, between two calls: the next ones start anew."""
        for victim in processes_of(self.engine.programs, self.function(function)):
            victim.kill()

    def runs_with(self, function: str, library: Path) -> bool:
        """Whether a process of the function, by its name in the template, has loaded the library."""
        return runs_with(self.engine.programs, self.function(function), library)

    def all_balances(self) -> list[dict[str, Any]]:
        """Every item of the read model."""
        pages = self.balances.get_paginator("scan").paginate(TableName=self.ids["balances_table"], ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def restore_balances(self, backup: list[dict[str, Any]]) -> None:
        """The read model holds these items and no others."""
        table = self.ids["balances_table"]
        kept = {(item["pk"]["S"], item["sk"]["S"]) for item in backup}
        for item in self.all_balances():
            if (item["pk"]["S"], item["sk"]["S"]) not in kept:
                self.balances.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
        for item in backup:
            self.balances.put_item(TableName=table, Item=item)

    def back_up_ledger(self) -> None:
        """Copies the files of the stopped server."""
        self._running.named("PostgreSQL").stop()
        copy_files(self.postgres.data, self._ledger_backup)
        self._start_again("PostgreSQL", self.postgres)

    def restore_ledger(self) -> None:
        """Puts the copy in the place of the server's files: what was posted since is gone."""
        self._running.named("PostgreSQL").stop()
        copy_files(self._ledger_backup, self.postgres.data)
        self._start_again("PostgreSQL", self.postgres)

    def move_ledger(self) -> None:
        """Dumps the ledger and restores it into another cluster, whose counters begin anew, in the place of the first."""
        dump = self.postgres.data.with_name(LEDGER_DUMP)
        environment = server_environment() | {"PGPASSWORD": self.postgres.password}
        programs = self.postgres.programs.directory
        server = ["--host=127.0.0.1", f"--port={self.postgres.port}", "--username=postgres"]
        with dump.open("wb") as file:
            subprocess.run([programs / "pg_dumpall", *server], env=environment, stdout=file, check=True, cwd="/")
        self._running.named("PostgreSQL").stop()
        shutil.rmtree(self.postgres.data)
        self._start_again("PostgreSQL", self.postgres)
        # It says of some roles that they exist already.
        restore = [programs / "psql", "--no-psqlrc", "--quiet", *server, "--dbname=postgres", f"--file={dump}"]
        subprocess.run(restore, env=environment, capture_output=True, check=True, cwd="/")
        dump.unlink()

    @contextmanager
    def generation(self, generation: str) -> Iterator[None]:
        """The functions work with this generation of the ledger, as after a deployment with another LedgerEpoch."""
        with ExitStack() as raised:
            for name in ("RegisterEntry", "ReverseEntry", "GetEntry", "ReplayParked"):
                raised.enter_context(
                    self.environment(name, LEDGER_GENERATION=generation, REDIS_KEY_PREFIX=f"fluxo:{STACK_NAME}:{generation}")
                )
            yield

    def run_again(self, name: str) -> None:
        """Starts an execution with the input of that one, under another name."""
        machine, arn = self.client("stepfunctions"), self.ids["state_machine_arn"]
        execution = machine.describe_execution(executionArn=f"{arn.replace(':stateMachine:', ':execution:')}:{name}")
        machine.start_execution(stateMachineArn=arn, name=f"again-{uuid.uuid4()}", input=execution["input"])

    def _start_again(self, server: str, store: Postgres | Redis) -> None:
        # It would say so in the middle of the fault's line.
        with redirect_stdout(io.StringIO()):
            self._running.replace(server, store.start())

    @property
    def _ledger_backup(self) -> Path:
        return self.postgres.data.with_name(LEDGER_BACKUP)

    def ledger_answer(self, statement: str) -> str:
        """What PostgreSQL answers its superuser, past the door."""
        answer = self.postgres.psql(statement, DATABASE)
        assert answer is not None, f"PostgreSQL refused: {statement}"
        return answer.strip()

    def redis_command(self, *words: str) -> str:
        """What Redis itself answers, past the door: the first line of it."""
        with socket.create_connection(("127.0.0.1", self.redis.port), timeout=5) as connection, connection.makefile("rb") as answers:
            connection.sendall(f"AUTH {self.redis.password}\r\n{' '.join(words)}\r\n".encode())
            assert answers.readline() == b"+OK\r\n"
            answer = answers.readline().decode().rstrip()
            return answers.read(int(answer[1:])).decode() if answer.startswith("$") else answer

    def check(self) -> None:
        """Raises when the engine has ended: nothing that is measured then means anything."""
        self._running.named("the AWS engine").check()

    def invoke_raw(self, function: str, event: object) -> dict[str, Any]:
        """As `invoke`, but a failure of the function is an answer: it has an `errorType`."""
        answer = self.client("lambda").invoke(FunctionName=self.function(function), Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())


def copy_files(source: Path, target: Path) -> None:
    """Copies a directory over another, with its owners and times."""
    subprocess.run(["rm", "-rf", target], check=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def interrupt_on_signals() -> None:
    """Ctrl-C, a closed terminal and `kill` all unwind to where the system is stopped."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def wait(seconds: float) -> None:
    """Lets a fault last. It is the fault's length, not a way to wait for something."""
    time.sleep(seconds)
