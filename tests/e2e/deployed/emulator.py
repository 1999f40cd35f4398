"""A function's program beside AWS's runtime interface emulator, the one that `sam local invoke` puts into its containers."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fluxo_local import loopback
from fluxo_local.aws import aws_environment
from fluxo_local.ports import free_ports
from fluxo_local.processes import Service, start_service
from fluxo_local.python_tools import SAM
from fluxo_local.toolchain import machine

from deployed.stack import Stack
from deployed.waiting import eventually

# It knows no other name of a function.
INVOCATIONS = "/2015-03-31/functions/function/invocations"
# Reconciling takes as long as there are entries of other tests, and the machine is busy.
TIMEOUT_S = 180


@dataclass(frozen=True)
class Emulator:
    """A running emulator. Like Lambda, it starts the program for the first event and keeps it for the next ones."""

    port: int
    log: Path

    def invoke(self, event: str) -> str:
        """What the function answers, or its failure as Lambda shows it; both are JSON."""
        headers = {"Content-Type": "application/json"}
        status, answer = loopback.request(self.port, "POST", INVOCATIONS, event.encode(), headers, TIMEOUT_S)
        assert status == HTTPStatus.OK, f"the emulator answered {status}: {answer!r}; its log is {self.log}"
        return answer.decode()


@contextmanager
def emulated(stack: Stack, function: str, directory: Path) -> Iterator[Emulator]:
    """Runs a function, by its name in the template, with what it was deployed with, in a directory of its own."""
    port, runtime_port = free_ports(2)
    log = stack.profile.logs / f"emulator-{function}.log"
    service = start_service(
        f"the emulator of {function}",
        [
            emulator_program(),
            "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
            "--runtime-api-address", f"127.0.0.1:{runtime_port}",
            stack.program(function),
        ],
        environment=environment(stack, stack.configuration(function)),
        log=log,
        directory=directory,
    )  # fmt: skip
    try:
        eventually(lambda: listens(service, port), bool, f"{service.name} to listen")
        yield Emulator(port, log)
    finally:
        # The emulator ends the program, which has a process group of its own.
        service.stop()


def emulator_program() -> Path:
    """The emulator for this machine, which `aws-sam-cli` brings along."""
    (program,) = (SAM.directory.parent / "lib").glob(f"python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine()}")
    return program


def environment(stack: Stack, configuration: dict[str, Any]) -> dict[str, str]:
    """What the program finds in its environment: the function's own variables, and those that Lambda and the AWS engine add."""
    logging = configuration["LoggingConfig"]
    return (
        configuration["Environment"]["Variables"]
        | aws_environment(f"http://127.0.0.1:{stack.ids['port']}")
        | {
            "PATH": os.defpath,
            "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
            "AWS_LAMBDA_FUNCTION_VERSION": configuration["Version"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
            "AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"],
            "AWS_LAMBDA_LOG_LEVEL": logging["ApplicationLogLevel"],
            # From this the emulator computes the deadline that it tells the program.
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(configuration["Timeout"]),
        }
    )


def listens(service: Service, port: int) -> bool:
    """Whether the emulator accepts connections; fails when it has ended instead."""
    service.check()
    # Not by trying to take the port, which could be what keeps the emulator from it.
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
