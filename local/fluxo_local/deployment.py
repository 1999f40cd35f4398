"""Builds the functions and deploys template.yaml, which migrates the ledger, onto the AWS engine."""

import os
import xml.etree.ElementTree as xml
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fluxo_local import loopback, samples, terminal, toolchain, users, web_page
from fluxo_local.aws import REGION, aws_environment, signed_for
from fluxo_local.doors import LAMBDA
from fluxo_local.engine import CALLS_AT_ONCE, Engine
from fluxo_local.locks import one_at_a_time
from fluxo_local.postgres import CONNECTIONS_MAX, DATABASE, FUNCTIONS, LOOKUP, MAINTENANCE, OWNER, Postgres, prepare_ledger
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool, running_tool
from fluxo_local.profile import CHECKOUT, Profile, write_json
from fluxo_local.python_tools import SAM
from fluxo_local.redis import Redis

STACK_NAME = "fluxo"
ARCHITECTURE = "Architecture"
COLLECT = CHECKOUT / "local" / "fluxo_local" / "inside_sam.py"
# With the features of libraries that the tests turn on, so that `make test` compiles no library twice (docs/adr/0016).
LIKE_THE_TESTS = "test-features"
# Cargo counts on its own terminal only, unless it is asked.
CARGO_BAR = {"CARGO_TERM_PROGRESS_WHEN": "always", "CARGO_TERM_PROGRESS_WIDTH": "100"}
CLOUDFORMATION = "{http://cloudformation.amazonaws.com/doc/2010-05-15/}"


@dataclass(frozen=True)
class Doors:
    """The ports at which the functions find the stores, if not the servers' own: of something in between."""

    postgres: int
    redis: int


@dataclass(frozen=True)
class Deployment:
    """The project on the servers of one profile."""

    profile: Profile
    postgres: Postgres
    redis: Redis
    engine: Engine
    doors: Doors | None = None
    has_console: bool = True
    """Whether the console is built and deployed, too."""
    inspector: str | None = None
    """Address of the page that shows what executions went through, if there is one."""
    console_api: str | None = None
    """Id of the API to which the console leads, if it is not that of the functions."""

    def deploy(self) -> dict[str, Any]:
        """Runs `sam deploy` and answers the ids of what it made; without changes it makes none."""
        owner_password = self.profile.secret("ledger_owner_password")
        prepare_ledger(self.postgres, owner_password)
        # A file, since the passwords must not be on a command line, which every user of the machine can read.
        write_json(parameters_file(self.profile), self.parameters(owner_password))
        with terminal.step("sam deploy") as step:
            sam_deploy(self.profile, self.engine.endpoint, step)
        outputs = self._outputs()
        stack = {
            "url": f"{self.engine.endpoint}/_aws/execute-api/{outputs['ApiId']}",
            "port": self.engine.port,
            "door": LAMBDA,
            "user_pool_id": outputs["UserPoolId"],
            "user_pool_client_id": outputs["UserPoolClientId"],
            "state_machine_arn": outputs["StateMachineArn"],
            "balances_table": outputs["BalancesTableName"],
            "park_queue_url": outputs["ParkQueueUrl"],
            "dead_letter_queue_url": outputs["DeadLetterQueueUrl"],
            "webhooks_table": outputs["WebhooksTableName"],
            "event_deliveries_queue_url": outputs["EventDeliveriesQueueUrl"],
            "event_bus": outputs["EventBusName"],
            "functions": self._functions(),
        }
        if self.has_console:
            stack |= self._publish(outputs)
        write_json(self.profile.stack_file, stack)
        return stack

    def _publish(self, outputs: dict[str, str]) -> dict[str, str]:
        """Uploads the console's page; answers where it is, and how the page signs in."""
        sign_in = web_page.SignIn(self.engine.endpoint, outputs["WebClientId"], outputs["ConsoleUrl"])
        sample = [
            {"user": users.name_of(samples.MERCHANT, role), "password": users.password_of(self.profile), "role": role}
            for role in users.ROLES
        ]
        inspector = {"kind": "local", "url": self.inspector} if self.inspector else None
        configuration = web_page.configuration(sign_in, inspector=inspector, sample={"users": sample})
        for file in web_page.files(configuration):
            headers = {"Content-Type": file.content_type, "Cache-Control": file.cache_control, "Authorization": signed_for("s3")}
            status, answer = loopback.request(
                self.engine.port, "PUT", f"/{outputs['ConsoleBucketName']}/{quote(file.key)}", file.contents, headers
            )
            if status != 200:
                raise Problem(f"Uploading {file.key} of the console was answered with {status}: {answer.decode(errors='replace')}")
        return {"console_url": outputs["ConsoleUrl"], "web_client_id": outputs["WebClientId"]}

    def parameters(self, owner_password: str) -> dict[str, str]:
        """What the template is given: the stores of this profile."""
        doors = self.doors or Doors(self.postgres.port, self.redis.port)
        return {
            ARCHITECTURE: toolchain.machine(),
            "LedgerHost": "127.0.0.1",
            "LedgerPort": str(doors.postgres),
            "LedgerDatabase": DATABASE,
            "LedgerUser": FUNCTIONS,
            "LedgerAuth": "password",
            "LedgerPassword": self.profile.secret("ledger_functions_password"),
            "LedgerLookupUser": LOOKUP,
            "LedgerLookupPassword": self.profile.secret("ledger_lookup_password"),
            # Every call of register-entry that runs at once holds a connection, as do those of the other functions.
            "LedgerLookupConnections": str(CONNECTIONS_MAX // 4),
            "LedgerMaintenanceUser": MAINTENANCE,
            "LedgerMaintenancePassword": self.profile.secret("ledger_maintenance_password"),
            "LedgerOwnerUser": OWNER,
            "LedgerOwnerPassword": owner_password,
            "LedgerTls": "off",
            "RedisUrl": self.redis.url(doors.redis),
            # Who tries out what happens after an outage wants to see it.
            "ReplayDelaySeconds": "2",
            "EmulatorPort": str(self.engine.port),
            # Who tries webhooks out has a receiver on this machine.
            "WebhookLoopback": "admitted",
            # The engine runs no more calls of a function at once, so of these half may wait.
            "EventsConcurrency": str(CALLS_AT_ONCE),
            "EventBusEnabled": "true",
            # The engine's CloudFormation has no archives.
            "EventArchiveDays": "0",
        } | (self._console_parameters() if self.has_console else {})

    def _console_parameters(self) -> dict[str, str]:
        return {
            "ConsoleEnabled": "true",
            "HostedDomainPrefix": STACK_NAME,
            "OperatorsEnabled": "true",
            "ConsoleApiId": self.console_api or "",
        }

    def configuration(self, function: str) -> dict[str, Any]:
        """What a deployed function runs with, by its name."""
        path = f"/2015-03-31/functions/{function}/configuration"
        status, answer = loopback.request_json(self.engine.port, "GET", path, headers={"Authorization": signed_for("lambda")})
        if status != 200:
            raise Problem(f"The AWS engine does not say how {function} was deployed (status {status}): {answer}")
        return answer

    def _outputs(self) -> dict[str, str]:
        """The stack's outputs by name."""
        members = self._describe("DescribeStacks", "Outputs")
        return {text_of(member, "OutputKey"): text_of(member, "OutputValue") for member in members}

    def _functions(self) -> dict[str, str]:
        """The names of the deployed functions, by what the template calls them."""
        return {
            text_of(member, "LogicalResourceId"): text_of(member, "PhysicalResourceId")
            for member in self._describe("DescribeStackResources", "StackResources")
            if text_of(member, "ResourceType") == "AWS::Lambda::Function"
        }

    def _describe(self, action: str, members: str) -> list[xml.Element]:
        """What CloudFormation answers about the stack. It answers in XML."""
        status, answer = loopback.request(
            self.engine.port,
            "POST",
            "/",
            f"Action={action}&Version=2010-05-15&StackName={STACK_NAME}".encode(),
            {"Content-Type": "application/x-www-form-urlencoded", "Authorization": signed_for("cloudformation")},
        )
        if status != 200:
            raise Problem(f"The AWS engine does not list the stack that was just deployed (status {status}): see its log.")
        return xml.fromstring(answer).findall(f".//{CLOUDFORMATION}{members}/{CLOUDFORMATION}member")


@contextmanager
def building(profile: Profile, besides: Iterable[str] = ()) -> Iterator[Callable[[], None]]:
    """Compiles the functions, and other packages, beside what the block does. It is given what waits for their end and collects them."""
    compiling = running_tool(
        compile_command(besides),
        what="Compiling",
        log=profile.logs / "compile.log",
        environment=tool_environment() | CARGO_BAR,
    )
    with one_at_a_time("build"), compiling as cargo:

        def finish() -> None:
            with terminal.step("Compiling the functions (the first time takes some minutes)") as step:
                cargo.wait(step)
            with terminal.step("Collecting the functions") as step:
                collect(profile, step)

        yield finish


def compile_command(besides: Iterable[str] = ()) -> list[str]:
    """How the functions of the local stack are compiled, and other packages with them."""
    packages = (*function_packages(), LIKE_THE_TESTS, *besides)
    return ["cargo", "build", "--locked", "--bins", *(word for package in packages for word in ("--package", package))]


def function_packages() -> list[str]:
    """The functions' crates."""
    return sorted(path.name for path in (CHECKOUT / "functions").iterdir())


def collect(profile: Profile, step: terminal.Step | None = None) -> None:
    """Puts each function's program where the template then says that it is, as `sam build` does."""
    run_tool(
        [SAM.program("python"), COLLECT, CHECKOUT / "template.yaml", cargo_target() / "debug", built(profile)],
        what="Collecting the functions",
        log=profile.logs / "collect.log",
        environment=tool_environment(),
        step=step,
    )


def sam_deploy(profile: Profile, endpoint: str, step: terminal.Step | None = None) -> None:
    """Deploys what was built last, with the parameters that were written last."""
    run_tool(
        [SAM.program("sam"), *deploy_command(profile)],
        what="sam deploy",
        log=deployment_log(profile),
        environment=tool_environment() | aws_environment(endpoint),
        step=step,
    )


def deploy_command(profile: Profile) -> list[str]:
    """How SAM deploys them."""
    return [
        "deploy", "--template-file", str(built(profile) / "template.yaml"),
        "--stack-name", STACK_NAME, "--region", REGION, "--resolve-s3", "--capabilities", "CAPABILITY_IAM",
        "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar",
        "--parameter-overrides", f"file://{parameters_file(profile)}",
    ]  # fmt: skip


def built(profile: Profile) -> Path:
    """Where the functions are collected, and the template that names them."""
    return profile.directory / "sam"


def parameters_file(profile: Profile) -> Path:
    """The template's parameters. SAM reads YAML, and JSON is that, too."""
    return profile.directory / "parameters.yaml"


def deployment_log(profile: Profile) -> Path:
    """What `sam deploy` said last."""
    return profile.logs / "sam-deploy.log"


def tool_environment() -> dict[str, str]:
    """The developer's environment for compilers and SAM, without anything that leads to an AWS account."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | {
        "PATH": f"{SAM.directory}{os.pathsep}{toolchain.search_path()}",
        "SAM_CLI_TELEMETRY": "0",
        # SAM looks every 5 s how far CloudFormation is, which spares AWS. The engine on this machine is done in less.
        "SAM_CLI_POLL_DELAY": "0.5",
    }


def text_of(element: xml.Element, name: str) -> str:
    """The text of a child element."""
    return element.findtext(f"{CLOUDFORMATION}{name}", "")


def cargo_target() -> Path:
    """Where cargo puts what it builds."""
    return CHECKOUT / os.environ.get("CARGO_TARGET_DIR", "target")
