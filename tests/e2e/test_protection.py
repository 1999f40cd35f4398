"""`make deploy` and `make destroy` on a stack that CloudFormation holds: a small one, on an engine of its own.

The engine's rollback and deletion are not AWS's; what CloudFormation is asked, and in which order, is what this is about.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from cost.template import Loader
from deploy.account import Account
from deploy.deploy import SamFailed, deploy
from deploy.destroy import destroy
from deploy.problem import Problem
from deploy.stack import DeployedStack
from deploy.stage import Stage
from fluxo_local.aws import REGION, aws_environment
from fluxo_local.engine import Engine
from fluxo_local.ports import free_ports
from fluxo_local.profile import CHECKOUT
from fluxo_local.python_tools import SAM

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  DeletionProtection: { Type: String, Default: "true" }
  Breaks: { Type: String, Default: "false" }
Conditions:
  IsProtected: !Equals [!Ref DeletionProtection, "true"]
  Breaks: !Equals [!Ref Breaks, "true"]
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      DeletionProtectionEnabled: !If [IsProtected, true, false]
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
  Broken:
    Type: Custom::Broken
    Condition: Breaks
    DependsOn: Table
    Properties: { ServiceToken: !Sub "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:nobody" }
"""


class Project:
    """The small stack, its engine and its stage."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
        (directory / "template.yaml").write_text(TEMPLATE)
        self._directory = directory
        for name, value in aws_environment(engine.endpoint).items():
            monkeypatch.setenv(name, value)
        self.account = Account.of_shell(REGION)
        self._parameters: dict[str, str] = {}

    def deploy(self, **parameters: str) -> None:
        """`make deploy` with these parameters in the stage."""
        self._parameters = parameters
        stack = DeployedStack(self.account.client("cloudformation"), "small")
        deploy(Stage("small", "small", parameters), None, yaml.load(TEMPLATE, Loader), stack, self._sam)

    def destroy(self) -> None:
        """`make destroy`."""
        destroy(Stage("small", "small", {}), self.account, self._sam)

    def status(self) -> tuple[str, bool] | None:
        """The stack's status and whether it is protected as a whole."""
        described = DeployedStack(self.account.client("cloudformation"), "small").describe()
        return described and (described["StackStatus"], described["EnableTerminationProtection"])

    def tables(self) -> list[bool]:
        """Whether each table that there is refuses to be deleted."""
        names = self.account.client("dynamodb").list_tables()["TableNames"]
        tables = [self.account.client("dynamodb").describe_table(TableName=name)["Table"] for name in names]
        return [table["DeletionProtectionEnabled"] for table in tables]

    def _sam(self, arguments: Sequence[str]) -> None:
        command, options = arguments[0], [option for option in arguments[1:] if option not in ("--config-env", "small")]
        if command == "deploy":
            options += ["--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset", "--no-progressbar"]
            # What samconfig.toml would have.
            if "--parameter-overrides" not in options:
                options += ["--parameter-overrides", *(f"{name}={value}" for name, value in self._parameters.items())]
        else:
            options += ["--no-prompts"]
        ran = subprocess.run(
            [SAM.program("sam"), command, "--stack-name", "small", "--region", REGION, *options],
            cwd=self._directory,
            env={**os.environ, "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.2"},
            check=False,
        )
        if ran.returncode != 0:
            raise SamFailed(ran.returncode)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project of which nothing is deployed."""
    subprocess.run([sys.executable, "local", "install", "engine"], cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    engine = Engine(tmp_path / "data", free_ports(1)[0], tmp_path, durable=False)
    service = engine.start()
    try:
        yield Project(tmp_path, monkeypatch, engine)
    finally:
        engine.stop(service)


def test_a_failed_first_deployment_goes_whole(project: Project, capfd: Any) -> None:
    """One that stands is protected."""
    with pytest.raises(SamFailed):
        project.deploy(DeletionProtection="true", Breaks="true")
    assert (project.status(), project.tables()) == (("ROLLBACK_COMPLETE", False), [])

    project.deploy(DeletionProtection="true", Breaks="false")
    assert (project.status(), project.tables()) == (("UPDATE_COMPLETE", True), [True])

    with pytest.raises(Problem, match="nothing was touched"):
        project.destroy()
    assert (project.status(), project.tables()) == (("UPDATE_COMPLETE", True), [True])

    project.deploy(DeletionProtection="false", Breaks="false")
    assert (project.status(), project.tables()) == (("UPDATE_COMPLETE", False), [False])
    project.destroy()
    assert (project.status(), project.tables()) == (None, [False])
    assert "Table: aws dynamodb delete-table --table-name small-Table-" in capfd.readouterr().out
