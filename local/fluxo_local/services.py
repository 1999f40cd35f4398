"""The programs of the second door: five processes, each with the settings that the functions of its work have."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluxo_local import deployment, loopback, terminal
from fluxo_local.aws import REGION, aws_environment
from fluxo_local.deployment import Deployment
from fluxo_local.kafka_client import PREFIX
from fluxo_local.processes import Service, start_service
from fluxo_local.profile import CHECKOUT

PACKAGES = ("entries", "consolidation", "worker")
START_TIMEOUT_S = 60
# Requests in work are answered, and what was read is handled.
STOP_TIMEOUT_S = 60


@dataclass(frozen=True)
class Program:
    """One of the processes."""

    name: str
    words: tuple[str, ...]
    like: tuple[str, ...]
    """The functions, by their names in the template, whose variables it has; the last one's count most."""
    is_public: bool = False
    """Whether it answers requests of clients."""
    connections: int = 0
    """To the ledger."""


# As services/deploy/kubernetes has them.
ENTRIES = Program(
    "entries serve", ("entries", "serve"), ("SealDay", "GetEntry", "RegisterEntry", "ReverseEntry"), is_public=True, connections=8
)
RECORD = Program("entries record", ("entries", "record"), ("ApplyToLedger",), connections=4)
CONSOLIDATION = Program("consolidation serve", ("consolidation", "serve"), ("GetDailyBalance",), is_public=True)
CONSUME = Program("consolidation consume", ("consolidation", "consume"), ("ConsolidateDay",))
WORKER = Program("worker", ("worker",), ("ConsolidateDay",))
PROGRAMS = (ENTRIES, RECORD, CONSOLIDATION, CONSUME, WORKER)
# Two for who answers clients: the other is for probes and metrics.
PORT_COUNT = sum(2 if program.is_public else 1 for program in PROGRAMS)


@dataclass(frozen=True)
class Services:
    """The processes of one profile."""

    deployment: Deployment
    brokers: str
    ports: tuple[int, ...]
    """As many as `PORT_COUNT`."""
    environment: Mapping[str, str]
    """What they find in their environment besides, such as where a single AWS service is."""

    def start(self, program: Program, stack: Mapping[str, Any]) -> Service:
        """Starts one, and returns when it is ready."""
        with terminal.step(f"Starting {program.name}") as step:
            service = self.begin(program, stack)
            try:
                port = self.internal_port(program)
                service.wait_until(lambda: loopback.answers(port, "/readyz"), START_TIMEOUT_S, step)
            except BaseException:
                service.stop()
                raise
        return service

    def begin(self, program: Program, stack: Mapping[str, Any]) -> Service:
        """Starts one."""
        return start_service(
            program.name,
            [binary(program.words[0]), *program.words[1:]],
            environment=self.variables(program, stack),
            log=self.deployment.profile.logs / f"{program.name.replace(' ', '-')}.log",
            directory=self.deployment.profile.directory,
            stop_timeout_s=STOP_TIMEOUT_S,
        )

    def variables(self, program: Program, stack: Mapping[str, Any]) -> dict[str, str]:
        """All that it finds in its environment."""
        of_functions: dict[str, str] = {}
        for function in program.like:
            of_functions |= self.deployment.configuration(stack["functions"][function])["Environment"]["Variables"]
        variables = of_functions | aws_environment(self.deployment.engine.endpoint) | dict(self.environment)
        variables |= {
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "KAFKA_BROKERS": self.brokers,
            "KAFKA_SECURITY": "plaintext",
            "KAFKA_TOPIC_PREFIX": PREFIX,
            "LISTEN_INTERNAL": f"127.0.0.1:{self.internal_port(program)}",
        }
        if program.connections:
            variables["LEDGER_CONNECTIONS"] = str(program.connections)
        if program.is_public:
            pool = stack["user_pool_id"]
            variables |= {
                "LISTEN": f"127.0.0.1:{self.public_port(program)}",
                # Nobody balances load here who would have to notice.
                "DRAIN_SECONDS": "0",
                # One process stands here for several pods of services/deploy/kubernetes. Those have 128 each, which is what fits into
                # the memory of a pod when all of them are batches.
                "HTTP_CONCURRENCY": "512",
                "JWT_ISSUER": f"https://cognito-idp.{REGION}.amazonaws.com/{pool}",
                "JWT_AUDIENCE": ",".join(client_ids(stack)),
                "JWKS_URL": f"{self.deployment.engine.endpoint}/{pool}/.well-known/jwks.json",
            }
        return variables

    def internal_port(self, program: Program) -> int:
        """Where it answers probes."""
        return self.ports[PROGRAMS.index(program)]

    def public_port(self, program: Program) -> int:
        """Where it answers clients."""
        return self.ports[len(PROGRAMS) + [each for each in PROGRAMS if each.is_public].index(program)]

    def url(self, program: Program) -> str:
        """Where the API finds it."""
        return f"http://127.0.0.1:{self.public_port(program)}"


def client_ids(stack: Mapping[str, Any]) -> list[str]:
    """Whose tokens count."""
    return [stack[name] for name in ("user_pool_client_id", "web_client_id") if name in stack]


def binary(package: str) -> Path:
    """A program as it was built last."""
    return CHECKOUT / deployment.cargo_target() / "debug" / package
