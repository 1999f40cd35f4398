"""What `make deploy` asks and tells CloudFormation around SAM."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_double import ScriptedAccount, described, resources
from botocore.stub import ANY
from cost.template import CHECKOUT, TEMPLATE, Loader
from deploy.deploy import SamFailed, deploy
from deploy.problem import Problem
from deploy.protection import plan, protected_resources
from deploy.stack import DeployedStack
from deploy.stage import Stage

CLOUDFORMATION = "cloudformation"
NAME = {"StackName": "fluxo"}
PROTECTED = {"DeletionProtection": "true", "LedgerMinCapacity": "1"}
ALL = {
    "LedgerCluster": "AWS::RDS::DBCluster",
    "BalancesTable": "AWS::DynamoDB::Table",
    "WebhooksTable": "AWS::DynamoDB::Table",
    "UserPool": "AWS::Cognito::UserPool",
}
WITHOUT_LEDGER = {name: kind for name, kind in ALL.items() if name != "LedgerCluster"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The template."""
    return yaml.load(TEMPLATE.read_text(), Loader)


@pytest.fixture
def account() -> ScriptedAccount:
    """An account of which nothing is expected yet."""
    return ScriptedAccount()


class Sam:
    """What SAM was called with, and with which parameters."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.ran: list[str] = []
        self.parameters: dict[str, str] | None = None

    def __call__(self, arguments: Sequence[str]) -> None:
        """Runs it."""
        self.ran.append(" ".join(arguments).split(" --parameter-overrides")[0])
        if "--parameter-overrides" in arguments:
            file = Path(arguments[-1].removeprefix("file://"))
            assert file.stat().st_mode & 0o077 == 0, "others can read the parameters"
            self.parameters = json.loads(file.read_text())
        if self.status:
            raise SamFailed(self.status)


def run(account: ScriptedAccount, document: dict[str, Any], sam: Sam, parameters: dict[str, str], **given: Any) -> None:
    """Deploys a stage with these parameters; everything that was expected of AWS must have been asked."""
    chosen = Stage("prod", "fluxo", parameters)
    deploy(chosen, given.get("given"), document, DeployedStack(account.client(CLOUDFORMATION), "fluxo"), sam, given.get("settle"))
    account.assert_all_asked()


def expect_status(account: ScriptedAccount, *arguments: Any) -> None:
    """The next question after the stack."""
    account.expect(CLOUDFORMATION, "describe_stacks", NAME, described(*arguments))


def expect_none(account: ScriptedAccount) -> None:
    """The same, and there is no stack."""
    account.expect_error(CLOUDFORMATION, "describe_stacks", "ValidationError", "Stack with id fluxo does not exist")


def expect_protection(account: ScriptedAccount, enabled: bool) -> None:
    """The stack's termination protection is set."""
    parameters = NAME | {"EnableTerminationProtection": enabled}
    account.expect(CLOUDFORMATION, "update_termination_protection", parameters, {})


def expect_switch(account: ScriptedAccount) -> None:
    """The update that changes nothing but the protection, and has ended when it is asked after."""
    parameters = NAME | {
        "UsePreviousTemplate": True,
        "Parameters": [
            {"ParameterKey": "DeletionProtection", "ParameterValue": "true"},
            {"ParameterKey": "LedgerPassword", "UsePreviousValue": True},
        ],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    account.expect(CLOUDFORMATION, "update_stack", parameters, {})
    expect_status(account, "UPDATE_COMPLETE", "true", True)


def test_a_first_deployment_is_protected_when_it_stands(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_none(account)
    expect_status(account, "CREATE_COMPLETE")
    expect_protection(account, True)
    expect_switch(account)
    sam = Sam()
    run(account, document, sam, PROTECTED)
    assert sam.ran == ["deploy --config-env prod"]
    assert sam.parameters == {"DeletionProtection": "false", "LedgerMinCapacity": "1"}


def test_a_guided_deployment_keeps_the_protection_that_is_meant(account: ScriptedAccount, document: dict[str, Any]) -> None:
    """It asks and deploys in one step."""
    expect_none(account)
    # The answers name another region.
    elsewhere = ScriptedAccount()
    expect_status(elsewhere, "CREATE_COMPLETE")
    expect_protection(elsewhere, True)
    expect_switch(elsewhere)
    there = DeployedStack(elsewhere.client(CLOUDFORMATION), "fluxo")
    sam, kept = Sam(), []
    run(account, document, sam, PROTECTED, settle=lambda meant: kept.append(meant) or there)
    elsewhere.assert_all_asked()
    assert sam.ran == ["deploy --config-env prod --guided"]
    assert sam.parameters == {"DeletionProtection": "false", "LedgerMinCapacity": "1"}
    assert kept == [{"DeletionProtection": "true"}]


def test_the_answers_of_a_deployment_that_fails_are_kept_too(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_none(account)
    kept: list[Any] = []
    with pytest.raises(SamFailed):
        run(account, document, Sam(status=7), {"DeletionProtection": "false"}, settle=lambda meant: kept.append(meant) or None)
    assert kept == [{}]


def test_a_failed_first_deployment_ends_with_sams_status(account: ScriptedAccount, document: dict[str, Any]) -> None:
    """The stack is not protected."""
    expect_none(account)
    with pytest.raises(SamFailed) as failed:
        run(account, document, Sam(status=7), PROTECTED)
    assert failed.value.status == 7
    account.assert_all_asked()


def test_a_first_deployment_that_is_declined_leaves_nothing_to_protect(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_none(account)
    expect_status(account, "REVIEW_IN_PROGRESS")
    run(account, document, Sam(), PROTECTED)


def test_what_is_left_of_a_creation_that_was_rolled_back_goes_first(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_status(account, "ROLLBACK_COMPLETE")
    account.expect(CLOUDFORMATION, "delete_stack", NAME, {})
    expect_none(account)
    expect_status(account, "CREATE_COMPLETE")
    expect_protection(account, True)
    expect_switch(account)
    run(account, document, Sam(), PROTECTED)


def test_an_update_of_a_protected_stack_keeps_it_protected(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_status(account, "UPDATE_COMPLETE", "true", True)
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, resources(**ALL))
    expect_status(account, "UPDATE_COMPLETE", "true", True)
    sam = Sam()
    run(account, document, sam, PROTECTED)
    assert (sam.ran, sam.parameters) == (["deploy --config-env prod"], None)


def test_the_next_deployment_protects_a_stack_that_is_not_yet(account: ScriptedAccount, document: dict[str, Any]) -> None:
    """Its protection failed to be switched on before."""
    expect_status(account, "UPDATE_ROLLBACK_COMPLETE", "false", True)
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, resources(**ALL))
    expect_status(account, "UPDATE_COMPLETE", "true", True)
    sam = Sam()
    run(account, document, sam, PROTECTED)
    assert sam.parameters is None


def test_a_protected_stack_that_gets_its_ledger_later_is_protected_afterwards(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_status(account, "UPDATE_COMPLETE", "true", True)
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, resources(**WITHOUT_LEDGER))
    expect_status(account, "UPDATE_COMPLETE", "false", True)
    expect_switch(account)
    sam = Sam()
    run(account, document, sam, PROTECTED)
    assert sam.parameters and sam.parameters["DeletionProtection"] == "false"


def test_what_a_stage_does_not_name_is_as_the_stack_has_it(document: dict[str, Any]) -> None:
    existing = set(WITHOUT_LEDGER)
    assert plan(document, PROTECTED, existing).protect_afterwards
    steps = plan(document, PROTECTED, existing, {"LedgerHost": "ledger.example.com"})
    assert (steps.first, steps.protect_afterwards) == (PROTECTED, False)


def test_an_update_that_is_declined_changes_no_protection(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_status(account, "UPDATE_COMPLETE", "true", True)
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, resources(**ALL))
    expect_status(account, "UPDATE_COMPLETE", "true", True)
    run(account, document, Sam(), {"DeletionProtection": "false"})


def test_taking_protection_off_takes_it_off_the_stack_too(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_status(account, "UPDATE_COMPLETE", "true", True)
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, resources(**ALL))
    expect_status(account, "UPDATE_COMPLETE", "false", True)
    expect_protection(account, False)
    run(account, document, Sam(), {"DeletionProtection": "false"})


def test_other_parameters_than_the_stages_can_be_given(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_none(account)
    expect_status(account, "CREATE_COMPLETE")
    sam = Sam()
    run(account, document, sam, PROTECTED, given={"DeletionProtection": "false", "LogLevel": "WARN"})
    assert sam.parameters == {"DeletionProtection": "false", "LogLevel": "WARN"}


@pytest.mark.parametrize(
    ("status", "advice"),
    [("ROLLBACK_FAILED", "A deployment failed"), ("UPDATE_ROLLBACK_FAILED", "A deployment failed"), ("UPDATE_IN_PROGRESS", "wait")],
)
def test_a_stack_that_cannot_be_updated_is_refused_before_sam_runs(
    account: ScriptedAccount, document: dict[str, Any], status: str, advice: str
) -> None:
    expect_status(account, status)
    sam = Sam()
    with pytest.raises(Problem, match=f"{status} and cannot be updated.*{advice}"):
        run(account, document, sam, PROTECTED)
    assert sam.ran == []


def test_protection_that_cannot_be_switched_on_is_said(account: ScriptedAccount, document: dict[str, Any]) -> None:
    expect_none(account)
    expect_status(account, "CREATE_COMPLETE")
    expect_protection(account, True)
    account.expect(CLOUDFORMATION, "update_stack", NAME | {"UsePreviousTemplate": True, "Parameters": ANY, "Capabilities": ANY}, {})
    expect_status(account, "UPDATE_ROLLBACK_COMPLETE")
    expect_status(account, "UPDATE_ROLLBACK_COMPLETE")
    with pytest.raises(Problem, match="fluxo is UPDATE_ROLLBACK_COMPLETE"):
        run(account, document, Sam(), PROTECTED)


def test_the_protected_resources_are_those_that_the_template_protects(document: dict[str, Any]) -> None:
    assert protected_resources(document, PROTECTED) == ALL.keys()
    assert protected_resources(document, {**PROTECTED, "LedgerHost": "ledger.example.com"}) == WITHOUT_LEDGER.keys()
    assert protected_resources(document, {"DeletionProtection": "false"}) == set()


def test_who_says_nothing_of_protection_has_it(document: dict[str, Any]) -> None:
    steps = plan(document, {}, ())
    assert (steps.first, steps.protect_afterwards) == ({"DeletionProtection": "false"}, True)


@pytest.mark.parametrize(
    ("target", "command"), [("deploy", "-m deploy.deploy --stage 'prod'"), ("destroy", "-m deploy.destroy --stage 'prod'")]
)
def test_make_leaves_deploying_and_destroying_to_these_programs(target: str, command: str) -> None:
    printed = subprocess.run(["make", "-n", target, "STAGE=prod"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert command in printed
    assert "sam deploy" not in printed and "sam delete" not in printed
