"""The stack that the tests run on: started for them, used through AWS's own interfaces, disturbed in controlled ways."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from fluxo_local import loopback
from fluxo_local.aws import REGION, aws_environment
from fluxo_local.deployment import STACK_NAME
from fluxo_local.doors import LAMBDA, SERVICES
from fluxo_local.functions import INVOCATION_TIMEOUT_S
from fluxo_local.postgres import Postgres, choose_programs, data_directory
from fluxo_local.profile import CHECKOUT, Profile

from deployed.ledger import Ledger
from deployed.log import Log
from deployed.processes import Processes, run_job
from deployed.queue import Queue
from deployed.users import Users
from deployed.waiting import eventually
from deployed.workflow import Workflow

PROFILE = Profile("test")
# The first start compiles everything.
LAUNCH_TIMEOUT_S = 3600
# A table that no deployment makes.
NO_TABLE = "fluxo-no-such-table"
# Something good in the place of each variable of a path, the query that some questions need, and the body of what writes.
VARIABLES = {
    "id": "00000000-0000-5000-8000-000000000000",
    "date": "2026-03-10",
    "instant": "2020-01-01T00:00:00Z",
    "delivery_id": "1795359846123456-00000000-0000-5000-8000-000000000001",
}
# What else an id of a path may be of; each falls back on `id`.
OTHER_IDS = {"webhook-endpoints": "endpoint_id", "balance-alerts": "alert_id"}
QUERIES = {
    "GET /entries": "?date={date}",
    "GET /entries.csv": "?from={date}&to={date}",
    "GET /daily-balances": "?from={date}&to={date}",
    "GET /daily-balances.csv": "?from={date}&to={date}",
}

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/entries"): {"type": "credit", "amount": "10.00", "date": VARIABLES["date"]},
    ("POST", "/entries/batch"): {"entries": [{"type": "credit", "amount": "10.00", "date": VARIABLES["date"], "idempotency_key": "key"}]},
    # Nobody listens there.
    ("POST", "/webhook-endpoints"): {"url": "http://127.0.0.1:65535/"},
    ("PUT", "/balance-alerts"): {"threshold": "0.00", "direction": "below"},
}


def launch(command: str, *options: str) -> None:
    """Runs a command of the local stack on the tests' own profile."""
    words = [sys.executable, CHECKOUT / "local", command, "--profile", PROFILE.name, *options]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=LAUNCH_TIMEOUT_S)


def said(command: str, *options: str) -> str:
    """What a command of the local stack prints about the tests' own profile."""
    words = [sys.executable, CHECKOUT / "local", command, "--profile", PROFILE.name, *options]
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LAUNCH_TIMEOUT_S).stdout


class Stack(Processes):
    """The deployed system. What it is made of is looked up when first used, and anew after a restart."""

    def __init__(self, profile: Profile = PROFILE, door: str = LAMBDA) -> None:
        self.profile = profile
        self.door = door

    def start(self) -> None:
        """Starts with no data. A stack that an interrupted run has left behind would be taken for it, so that is stopped first."""
        self.stop()
        launch("up", "--door", self.door, "--fresh")

    def stop(self) -> None:
        """Stops it, if it runs."""
        launch("down")

    def restart(self) -> None:
        """Stops everything and starts it with the data it has kept. Ports change, ids do not."""
        self.stop()
        launch("up", "--door", self.door)
        self.__dict__ = {"profile": self.profile, "door": self.door}

    @cached_property
    def ids(self) -> dict[str, Any]:
        """What the deployment has given."""
        return self.profile.stack()

    @cached_property
    def url(self) -> str:
        """The base URL of the API."""
        return self.ids["url"]

    @contextmanager
    def at_the_first_door(self) -> Iterator[None]:
        """At the second door, requests go to the API of the functions meanwhile."""
        self.url = self.ids["lambda_url"]
        try:
            yield
        finally:
            self.url = self.ids["url"]

    @cached_property
    def users(self) -> Users:
        """The user pool."""
        return Users(self.profile, self.client("cognito-idp"))

    @cached_property
    def workflow(self) -> Workflow | Log:
        """The state machine, or what is in its place."""
        return self.log if self.door == SERVICES else self.state_machine

    @property
    def firsts_at_once(self) -> int | None:
        """How many of equal requests at the same moment may be told that they are the first; None: any number.

        An execution starts once for each name. The log takes a record twice, and the ledger an entry once: who came first is known when
        Redis has told, within its 50 ms, or the ledger.
        """
        return 1 if self.door == LAMBDA else None

    @cached_property
    def log(self) -> Log:
        """The log of the second door."""
        return Log(self.ids["kafka_brokers"], self.profile.logs)

    @cached_property
    def state_machine(self) -> Workflow:
        """The state machine."""
        return Workflow(self.client("stepfunctions"), self.ids["state_machine_arn"])

    @cached_property
    def dead_letters(self) -> Queue:
        """The dead-letter queue."""
        return Queue(self.client("sqs"), self.ids["dead_letter_queue_url"])

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger's database, where the function that writes it finds it."""
        data = data_directory(self.profile)
        port = int(self._environment("ApplyToLedger")["LEDGER_PORT"])
        return Ledger(Postgres(choose_programs(data), data, port, self.profile.secret("postgres_password"), self.profile.logs))

    def client(self, service: str) -> Any:
        """A client of one of AWS's interfaces."""
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.ids['port']}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            # Nothing here may fail and be tried again unseen.
            config=Config(retries={"total_max_attempts": 1}, read_timeout=INVOCATION_TIMEOUT_S),
        )

    def routes(self, **variables: str) -> list[tuple[str, str]]:
        """Method and path of every route of the deployed API, with something good in the place of each variable."""
        api = urlsplit(self.url).path.rsplit("/", 1)[1]
        keys = [route["RouteKey"] for route in self.client("apigatewayv2").get_routes(ApiId=api)["Items"]]
        given = VARIABLES | variables
        ids = [given.get(OTHER_IDS.get(key.split("/")[1], "id"), given["id"]) for key in keys]
        requests = [(key + QUERIES.get(key, "")).format(**given | {"id": of_path}) for key, of_path in zip(keys, ids, strict=True)]
        return [(method, path) for method, path in (request.split(" ") for request in requests)]

    def invoke(self, function: str, event: object) -> Any:
        """What a function answers, by its name in the template, to something other than the API or the workflow."""
        answer = self.client("lambda").invoke(FunctionName=self._function_name(function), Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer
        return json.loads(answer["Payload"].read())

    def configuration(self, function: str) -> dict[str, Any]:
        """What a function was deployed with, by its name in the template."""
        return self.client("lambda").get_function_configuration(FunctionName=self._function_name(function))

    def run_function(self, function: str) -> subprocess.CompletedProcess[str]:
        """Runs the program of a function, by its name in the template, outside of Lambda: as a job of the second door does."""
        environment = self._environment(function) | aws_environment(f"http://127.0.0.1:{self.ids['port']}")
        return run_job(self.program(function), environment)

    def program(self, function: str) -> Path:
        """The program of a function, by its name in the template: what `sam build` has collected and `sam deploy` uploaded."""
        return self.profile.directory / "sam" / function / "bootstrap"

    def forget_requests(self) -> None:
        """Redis loses everything, as it does when it is replaced."""
        redis = urlsplit(self._environment("RegisterEntry")["REDIS_URL"])
        with socket.create_connection((redis.hostname, redis.port), timeout=5) as connection, connection.makefile("rb") as answers:
            connection.sendall(f"AUTH {redis.password}\r\nFLUSHALL\r\n".encode())
            assert [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+OK\r\n"]

    @contextmanager
    def balances_unwritable(self) -> Iterator[None]:
        """No balance is written: the function that writes them is given a table that does not exist, the service hangs.

        The table itself cannot be made to refuse, and deleting it would take every other balance with it.
        """
        with (
            self.hanging("consolidation consume") if self.door == SERVICES else self.environment("ConsolidateDay", BALANCES_TABLE=NO_TABLE)
        ):
            yield

    @contextmanager
    def balances_hanging(self) -> Iterator[None]:
        """DynamoDB takes every connection of those that read and write balances, and answers nothing."""
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as silent, ExitStack() as changed:
            address = {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{silent.getsockname()[1]}"}
            if self.door == SERVICES:
                changed.enter_context(self.processes_with(("consolidation serve", "consolidation consume"), address))
            else:
                for function in ("GetDailyBalance", "ConsolidateDay"):
                    changed.enter_context(self.environment(function, **address))
            yield

    @contextmanager
    def failing_to_post(self) -> Iterator[Callable[[str], None]]:
        """Gives what returns when posting an accepted entry, by its id, has failed because of the ledger since the block began."""
        since = len(self.log.said("entries record")) if self.door == SERVICES else 0

        def until_failing(entry_id: str) -> None:
            (name,) = self.workflow.names_for(entry_id)
            if self.door == SERVICES:
                self.log.until_failing("entries record", "the ledger is unavailable", since)
            else:
                assert set(self.state_machine.failing(name).failed_attempts) == {"LedgerUnavailable"}

        yield until_failing

    def until_not_consolidated(self, entry_id: str) -> None:
        """Returns when an accepted entry is posted whose balance cannot be written."""
        (name,) = self.workflow.names_for(entry_id)
        if self.door == SERVICES:
            posted = f"SELECT count(*) FROM entry WHERE id = '{entry_id}'"
            eventually(lambda: self.ledger.answer(posted), lambda count: count == "1", f"{entry_id} to be posted")
        else:
            assert set(self.state_machine.failing(name).failed_attempts) == {"BalancesUnavailable"}

    @contextmanager
    def environment(self, function: str, **changes: str) -> Iterator[None]:
        """The function, by its name in the template, runs with these variables changed: in processes started for that."""
        variables = self._environment(function)
        self._set_environment(function, variables | changes)
        try:
            yield
        finally:
            self._set_environment(function, variables)

    @contextmanager
    def waits_between_retries(self, scale: float) -> Iterator[None]:
        """The state machine waits so many times as long before a retry as its definition says."""
        self.scale_waits(scale)
        try:
            yield
        finally:
            self.scale_waits(1)

    def scale_waits(self, scale: float) -> None:
        """From now on the state machine waits so many times as long before a retry as its definition says."""
        setting = {"stepfunctions._SFN_WAIT_SCALE": scale}
        _, answer = loopback.request_json(self.ids["port"], "POST", "/_ministack/config", setting)
        assert answer == {"applied": setting}, answer

    def _environment(self, function: str) -> dict[str, str]:
        """The environment variables of a function, by its name in the template."""
        return self.configuration(function)["Environment"]["Variables"]

    def _set_environment(self, function: str, variables: dict[str, str]) -> None:
        functions, name = self.client("lambda"), self._function_name(function)
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        eventually(
            lambda: functions.get_function_configuration(FunctionName=name)["LastUpdateStatus"],
            lambda status: status == "Successful",
            f"{function} to be updated",
        )

    def _function_name(self, function: str) -> str:
        resource = self.client("cloudformation").describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=function)
        return resource["StackResourceDetail"]["PhysicalResourceId"]
