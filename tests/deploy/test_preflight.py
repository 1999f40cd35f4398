"""The preflight, asked of accounts that answer from files."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from deploy import as_sam, stage
from deploy.account import Account
from deploy.preflight.__main__ import write
from recorded import Recorded
from surveyed import DEV, PROD, found


def test_an_account_that_has_everything_is_told_its_zones_and_nothing_else() -> None:
    for parameters in (DEV, PROD):
        assert found(Recorded("known-account"), parameters) == ([], [], {"ZoneA": "us-east-1a", "ZoneB": "us-east-1b"})


def test_a_new_account_on_a_paid_plan_can_deploy_the_stage_dev_of_samconfig() -> None:
    dev = stage.read("dev")
    failures, warnings, added = found(Recorded("new-account"), dev.parameters, stack_name=dev.stack_name)
    assert failures == []
    assert added == {"HostedDomainPrefix": "fluxo-dev-123456789012", "ZoneA": "us-east-1b", "ZoneB": "us-east-1c"}
    # Nothing but what every new account is told.
    assert [warning.split(":")[0] for warning in warnings] == [
        "This account runs at most 10 calls of functions at once in us-east-1",
        "Above 125 requests a second that write, entries are recorded late",
    ]


def test_an_account_on_the_free_plan_is_told_that_it_gets_no_ledger() -> None:
    dev = stage.read("dev")
    (failed,), _, _ = found(Recorded("free-plan"), dev.parameters, stack_name=dev.stack_name)
    assert "the account is on AWS's Free plan" in failed and "upgrade-account-plan" in failed and "LedgerHost" in failed
    # With a ledger that exists the plan is in nobody's way.
    given = {"LedgerHost": "db.example.com", "LedgerAuth": "password", "RedisUrl": "rediss://cache.example.com"}
    given |= {"LedgerPassword": "a", "LedgerLookupPassword": "b", "LedgerMaintenancePassword": "c"}
    recorded = Recorded("free-plan")
    assert found(recorded, dev.parameters | given, stack_name=dev.stack_name)[0] == []
    assert "freetier.GetAccountPlanState" not in recorded.asked


def test_a_stack_that_has_its_ledger_is_not_asked_for_the_accounts_plan() -> None:
    recorded = Recorded("standing-stack")
    found(recorded, PROD)
    assert "freetier.GetAccountPlanState" not in recorded.asked


def test_the_plan_is_asked_for_in_the_one_region_that_knows_it() -> None:
    class Asked(Exception):
        pass

    def ask(request: AWSPreparedRequest, **_: object) -> None:
        raise Asked(request.url)

    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="sa-east-1")
    session.events.register("before-send", ask)
    with pytest.raises(Asked, match=re.escape("https://freetier.us-east-1.api.aws/")):
        Account(session).ask("freetier", "get_account_plan_state")


def test_what_dev_once_reserved_is_refused_before_anything_is_made() -> None:
    (refused,), _, _ = found(Recorded("new-account"), DEV | {"LedgerConcurrency": "5"})
    assert refused.startswith("Lambda would refuse to reserve 59 concurrent executions (ApplyToLedger 5, ")
    assert "this account may run 10 at once" in refused and "ask for at least 159" in refused


def test_concurrency_is_enough_to_the_last() -> None:
    limit = {"AccountLimit": {"ConcurrentExecutions": 200, "UnreservedConcurrentExecutions": 200}, "AccountUsage": {}}
    settings = {"operation": "lambda.GetAccountSettings", "answer": limit}
    assert found(Recorded("known-account", settings), PROD)[0] == []
    (refused,), _, _ = found(Recorded("known-account", settings), PROD | {"AcceptingConcurrency": "101"})
    assert "RegisterEntry 101" in refused and "at least 201" in refused
    (refused,), _, _ = found(Recorded("known-account", settings), PROD | {"EventsConcurrency": "1"})
    assert "ListEvents 1, RegisterEntry 100" in refused and "EventsConcurrency=0" in refused


def test_what_a_stack_holds_already_is_reserved_again() -> None:
    # 200 in all, of which its register-entry holds 100.
    assert found(Recorded("standing-stack"), PROD)[0] == []
    nothing_held = {"operation": "lambda.GetFunctionConcurrency", "answer": {}}
    (failed,), _, _ = found(Recorded("standing-stack", nothing_held), PROD)
    assert "refuse to reserve 100" in failed


def test_a_stack_keeps_parameters_that_the_stage_does_not_give() -> None:
    # It was deployed with stores that exist: none is made, and no network.
    kept = {
        "LedgerHost": "ledger.example.com",
        "LedgerAuth": "password",
        "LedgerPassword": "****",
        "LedgerLookupPassword": "****",
        "LedgerMaintenancePassword": "****",
        "RedisUrl": "****",
    }
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in kept.items()]
    described = {"StackName": "fluxo", "StackStatus": "CREATE_COMPLETE", "CreationTime": "2026-03-01T10:00:00Z", "Parameters": parameters}
    recorded = Recorded(
        "known-account",
        {"operation": "cloudformation.DescribeStacks", "answer": {"Stacks": [described]}},
        {"operation": "cloudformation.ListStackResources", "answer": {"StackResourceSummaries": []}},
    )
    assert found(recorded, {"AcceptingConcurrency": "0", "EventsConcurrency": "0"}) == ([], [], {})
    assert "rds.DescribeDBClusters" not in recorded.asked and "ec2.DescribeAvailabilityZones" not in recorded.asked


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("ROLLBACK_FAILED", "--retain-resources"),
        ("DELETE_FAILED", "--retain-resources"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name fluxo"),
        ("UPDATE_IN_PROGRESS", "wait until it has ended"),
        ("DELETE_IN_PROGRESS", "wait until it has ended"),
    ],
)
def test_a_stack_that_cannot_be_changed_is_named_with_what_to_do(status: str, says: str) -> None:
    described = {"StackName": "fluxo", "StackStatus": status, "CreationTime": "2026-03-01T10:00:00Z"}
    failures, _, _ = found(
        Recorded("standing-stack", {"operation": "cloudformation.DescribeStacks", "answer": {"Stacks": [described]}}), PROD
    )
    assert len(failures) == 1 and f"in the state {status}" in failures[0] and says in failures[0]


def test_a_change_set_that_never_ran_is_no_stack() -> None:
    described = {"StackName": "fluxo", "StackStatus": "REVIEW_IN_PROGRESS", "CreationTime": "2026-03-01T10:00:00Z"}
    answer = {"operation": "cloudformation.DescribeStacks", "answer": {"Stacks": [described]}}
    assert found(Recorded("known-account", answer), PROD)[0] == []


def test_a_region_without_roots_is_refused_by_the_templates_rule() -> None:
    (failed,), warnings, added = found(Recorded("region-without-roots"), DEV, "il-central-1")
    assert failed.startswith("The template refuses the stage's parameters in il-central-1: The functions do not have the certificates")
    assert added == {"ZoneA": "il-central-1a", "ZoneB": "il-central-1b"}
    # No value is applied there, and the region's own is taken: 150 a second, 800 at once and transitions for 200 entries a second.
    assert warnings == []
    _, (warning,), _ = found(Recorded("region-without-roots"), DEV | {"WritesPerSecond": "151"}, "il-central-1")
    assert warning.startswith("WritesPerSecond=151 lets in more than Step Functions starts in this account: 150 STANDARD executions")


def test_a_quota_that_nobody_knows_is_not_taken_for_enough() -> None:
    unknown = [
        {"operation": f"service-quotas.{name}", "error": "NoSuchResourceException"}
        for name in ("GetServiceQuota", "GetAWSDefaultServiceQuota")
    ]
    failures, warnings, _ = found(Recorded("known-account", *unknown), DEV)
    assert failures == [] and warnings[0].startswith(
        "Not checked: whether there is room for VPCs, because Service Quotas does not know L-F678F1CE"
    )


def test_small_quotas_are_compared_with_what_the_api_lets_in() -> None:
    much = DEV | {"WritesPerSecond": "500", "WriteBurst": "1000", "ReadsPerSecond": "3000"}
    (failed,), warnings, _ = found(Recorded("small-quotas"), much, "sa-east-1")
    assert failed.startswith("AWS would refuse VPCs: this account has 5 of 5 in sa-east-1, and the stack makes 1 more")
    assert [warning.split(":")[0] for warning in warnings] == [
        "WritesPerSecond=500 lets in more than Step Functions starts in this account",
        "WriteBurst=1000 lets in more than Step Functions starts in this account",
        "Above 200 requests a second that write, entries are recorded late",
        "ReadsPerSecond=3000 is more than API Gateway takes of this account in sa-east-1, 2500 for all of its APIs",
        "ReadBurst=2000 is more than API Gateway takes of this account in sa-east-1, 1250 for all of its APIs",
    ]
    express = much | {"WorkflowType": "EXPRESS", "ReadsPerSecond": "1000", "ReadBurst": "1000"}
    assert found(Recorded("small-quotas"), express, "sa-east-1")[1] == []


def test_the_defaults_let_in_what_step_functions_starts_in_its_smaller_regions() -> None:
    _, warnings, _ = found(
        Recorded("small-quotas"), {"AcceptingConcurrency": "0", "EventsConcurrency": "0", "ReadBurst": "1000"}, "sa-east-1"
    )
    assert warnings == []


def test_what_is_left_of_an_earlier_stack_is_named() -> None:
    pages = {"HostedDomainPrefix": "acme", "WebCallbackUrls": "https://app.example.com/"}
    failures, warnings, _ = found(Recorded("leftovers"), PROD | pages)
    assert [re.search(r"the log group (\S+),", failed)[1] for failed in failures[:1]] == ["/aws/lambda/fluxo/apply-to-ledger"]
    assert failures[1].startswith("Cognito would refuse HostedDomainPrefix=acme")
    assert len(failures) == 2
    assert [re.search(r"has left (\S+),", warning)[1] for warning in warnings] == [
        "fluxo-DeadLetterQueue-ZyXwVuTsRqPo",
        "fluxo-BalancesTable-1ZYXWVUTSRQPO",
    ]
    # Of another stack's name.
    assert found(Recorded("leftovers"), DEV, stack_name="fluxo-dev")[:2] == ([], [])


WITH_A_CACHE = {"LedgerHost": "db.example.com", "LedgerAuth": "password"}
WITH_A_CACHE |= {"LedgerPassword": "a", "LedgerLookupPassword": "b", "LedgerMaintenancePassword": "c"}


@pytest.mark.parametrize(
    ("service", "longest", "parameters"),
    [
        ("RDS", 47, PROD | {"RedisUrl": "rediss://cache.example.com"}),
        ("ElastiCache", 31, WITH_A_CACHE),
        ("ElastiCache", 31, DEV),
    ],
)
def test_a_stacks_name_is_not_too_long_for_what_is_named_after_it(service: str, longest: int, parameters: dict[str, str]) -> None:
    assert not refused_names(parameters, "f" * longest)
    (refused,) = refused_names(parameters, "f" * (longest + 1))
    assert refused.startswith(f"{service} would refuse the name fff") and refused.endswith(f"at most {longest} characters.")


@pytest.mark.parametrize(("stack_name", "fails"), [("fluxo--dev", True), ("fluxo-", True), ("fluxo-dev", False)])
def test_a_stacks_name_has_to_suit_rds(stack_name: str, fails: bool) -> None:
    refused = refused_names(DEV, stack_name)
    assert any(text.startswith(f"RDS would refuse the name {stack_name}-ledger") for text in refused) is fails
    assert not any(text.startswith("ElastiCache") for text in refused)


def refused_names(parameters: dict[str, str], stack_name: str) -> list[str]:
    """The failures that are about names."""
    return [failed for failed in found(Recorded("known-account"), parameters, stack_name=stack_name)[0] if "refuse the name" in failed]


# What a check asks, by IAM's name, and what it cannot say without.
QUESTIONS = {
    "freetier:GetAccountPlanState": "AccessDeniedException",
    "ec2:DescribeVpcEndpointServices": "UnauthorizedOperation",
    "rds:DescribeDBEngineVersions": "AccessDenied",
    "rds:DescribeOrderableDBInstanceOptions": "AccessDenied",
    "rds:DescribeDBClusters": "AccessDenied",
    "rds:DescribeDBProxies": "AccessDenied",
    "lambda:GetAccountSettings": "AccessDeniedException",
    "logs:DescribeLogGroups": "AccessDeniedException",
    "sqs:ListQueues": "AccessDenied",
    "servicequotas:GetServiceQuota": "AccessDeniedException",
    "ec2:DescribeVpcs": "UnauthorizedOperation",
    "apigateway:GET": "AccessDeniedException",
}
CALLED = {"servicequotas:GetServiceQuota": "service-quotas.GetServiceQuota", "apigateway:GET": "apigateway.GetAccount"}


@pytest.mark.parametrize("action", QUESTIONS)
def test_what_may_not_be_asked_is_a_warning_that_names_the_permission(action: str) -> None:
    denied = {"operation": CALLED.get(action, action.replace(":", ".")), "error": QUESTIONS[action]}
    failures, warnings, _ = found(Recorded("known-account", denied), PROD)
    assert failures == []
    assert warnings and all(
        warning.startswith("Not checked: ") and f"may not call {action}; allow {action}" in warning for warning in warnings
    ), warnings


def test_what_is_not_answered_in_time_is_a_warning() -> None:
    late = {"operation": "lambda.GetAccountSettings", "error": "timeout"}
    failures, (warning,), _ = found(Recorded("known-account", late), PROD)
    assert failures == [] and warning.startswith("Not checked: the concurrency of functions, because no answer")
    assert warning.endswith("run this again, or look yourself.")


def test_whoever_runs_it_without_credentials_is_told_so_in_one_line() -> None:
    done = run("--stage", "dev", "--region", "us-east-1")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("fluxo: There are no AWS credentials in this shell: sign in")


def test_a_missing_region_or_stage_is_said_in_one_line() -> None:
    for words, says in (
        (["--stage", "dev"], "No region is chosen: give REGION="),
        (["--stage", "nope"], 'samconfig.toml has no stage "nope"'),
    ):
        done = run(*words)
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and done.stderr.startswith(f"fluxo: {says}")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, as make calls it."""
    command = [sys.executable, "-m", "deploy.preflight", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_parameters_are_written_for_sam_and_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "deploy" / "dev.yaml"
    parameters = {"ReconcileSchedule": "rate(1 day)", "ZoneA": "us-east-1a", "EntraClientSecret": "a 'quoted\" secret"}
    write(path, parameters)
    assert json.loads(path.read_text()) == parameters
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # As SAM reads it.
    (understood,) = as_sam.understood(("deploy", "--stack-name", "x", "--parameter-overrides", f"file://{path}"))
    assert understood.parameters == parameters
