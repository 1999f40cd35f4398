"""What `make destroy` asks before anything is deleted, and what it says."""

from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from aws_double import ScriptedAccount, described, resources
from cost.template import TEMPLATE, Loader
from deploy.account import Account
from deploy.destroy import KEPT, REMOVAL, destroy, left_behind
from deploy.problem import Problem
from deploy.stage import Stage

CLOUDFORMATION = "cloudformation"
NAME = {"StackName": "fluxo"}
STAGE = Stage("prod", "fluxo", {})
CLUSTER = resources(LedgerCluster="AWS::RDS::DBCluster")
TEMPLATE_BODY = '{"Resources": {"LedgerCluster": {"DeletionPolicy": "Snapshot"}}}'


@pytest.fixture
def account() -> ScriptedAccount:
    """An account of which nothing is expected yet."""
    return ScriptedAccount()


def run(account: Account) -> list[str]:
    """What SAM was called with."""
    ran: list[str] = []

    def sam(arguments: Sequence[str]) -> None:
        ran.append(" ".join(arguments))

    destroy(STAGE, account, sam)
    return ran


def stands(account: ScriptedAccount, cluster_protected: bool, *stack: Any) -> None:
    """A stack with a cluster."""
    account.expect(CLOUDFORMATION, "describe_stacks", NAME, described("UPDATE_COMPLETE", *stack))
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, CLUSTER)
    answer = {"DBClusters": [{"DeletionProtection": cluster_protected}]}
    account.expect("rds", "describe_db_clusters", {"DBClusterIdentifier": "fluxo-LedgerCluster"}, answer)


@pytest.mark.parametrize(
    ("cluster", "parameter", "termination", "reason"),
    [
        (False, "false", True, "its termination protection is on"),
        (False, "true", False, "it was deployed with DeletionProtection=true"),
        (True, "false", False, "the cluster fluxo-LedgerCluster is protected"),
    ],
)
def test_what_is_protected_is_refused_in_one_line_before_anything_is_touched(
    account: ScriptedAccount, cluster: bool, parameter: str, termination: bool, reason: str
) -> None:
    stands(account, cluster, parameter, termination)
    with pytest.raises(Problem) as problem:
        run(account)
    said = str(problem.value)
    assert reason in said and "nothing was touched" in said and "DeletionProtection=false" in said and "\n" not in said
    account.assert_all_asked()


def test_what_is_not_protected_is_left_to_sam_once_it_is_said_what_stays(
    account: ScriptedAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    stands(account, False, "false", False)
    account.expect(CLOUDFORMATION, "get_template", NAME | {"TemplateStage": "Processed"}, {"TemplateBody": TEMPLATE_BODY})
    assert run(account) == ["delete --config-env prod"]
    assert "describe-db-cluster-snapshots --db-cluster-identifier fluxo-LedgerCluster" in capsys.readouterr().out
    account.assert_all_asked()


def test_a_stack_that_never_stood_can_be_deleted_though_it_was_to_be_protected(account: ScriptedAccount) -> None:
    account.expect(CLOUDFORMATION, "describe_stacks", NAME, described("ROLLBACK_FAILED", "true"))
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, resources())
    account.expect(CLOUDFORMATION, "get_template", NAME | {"TemplateStage": "Processed"}, {"TemplateBody": TEMPLATE_BODY})
    assert run(account) == ["delete --config-env prod"]


def test_a_stack_that_is_not_there_is_said(account: ScriptedAccount) -> None:
    account.expect_error(CLOUDFORMATION, "describe_stacks", "ValidationError", "Stack with id fluxo does not exist")
    with pytest.raises(Problem, match="no stack fluxo in us-east-1"):
        run(account)


def test_a_cluster_that_is_gone_protects_nothing(account: ScriptedAccount) -> None:
    account.expect(CLOUDFORMATION, "describe_stacks", NAME, described("UPDATE_COMPLETE"))
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, CLUSTER)
    account.expect_error("rds", "describe_db_clusters", "DBClusterNotFoundFault")
    account.expect(CLOUDFORMATION, "get_template", NAME | {"TemplateStage": "Processed"}, {"TemplateBody": TEMPLATE_BODY})
    assert run(account) == ["delete --config-env prod"]


def test_nothing_is_deleted_while_the_clusters_protection_is_unknown(account: ScriptedAccount) -> None:
    account.expect(CLOUDFORMATION, "describe_stacks", NAME, described("UPDATE_COMPLETE"))
    account.expect(CLOUDFORMATION, "list_stack_resources", NAME, CLUSTER)
    account.expect_error("rds", "describe_db_clusters", "AccessDenied")
    with pytest.raises(Problem, match=r"Cannot find out.*allow rds:DescribeDBClusters"):
        run(account)


def test_what_stays_is_said_with_the_command_that_removes_it() -> None:
    template = {"Resources": {"Table": {"DeletionPolicy": "RetainExceptOnCreate"}, "Log": {}, "Schema": {"DeletionPolicy": "Retain"}}}
    found = resources(Table="AWS::DynamoDB::Table", Log="AWS::Logs::LogGroup", Schema="Custom::LedgerSchema")
    by_name = {resource["LogicalResourceId"]: resource for resource in found["StackResourceSummaries"]}
    assert left_behind(template, by_name) == ["Table: aws dynamodb delete-table --table-name fluxo-Table"]


def test_it_is_known_of_everything_that_the_template_keeps_how_to_remove_it() -> None:
    declared = yaml.load(TEMPLATE.read_text(), Loader)["Resources"].values()
    assert {resource["Type"] for resource in declared if resource.get("DeletionPolicy") in KEPT} == REMOVAL.keys()
