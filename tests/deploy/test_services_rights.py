"""What the roles of services/deploy/eks.yaml allow is what each process calls, on what it calls it, and nothing else.

A process runs handlers of the functions, so it calls of AWS's APIs what they call (rights/), but for Step Functions, in whose place it has
the log. What it does to the log is the table below.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from rights.allowed import grants_of_role, missing_and_vain
from rights.deployed import Deployed, Template, arn
from rights.iam import action_of, prefix_of, reference, takes_a_resource
from rights.needs import LEDGER_TOKEN
from rights.policies import Grant, Need, grants_of
from rights.reach import Operation, Reach
from test_manifests import eks, of_kind

TABLE, SECRET, LEDGER = arn("dynamodb", "table/balances"), arn("secretsmanager", "secret:owner-AbCdEf"), "prx-0f1e2d3c"
GIVEN = {
    "VpcId": "vpc-0f1e2d3c",
    "ZoneA": "sa-east-1a",
    "ZoneB": "sa-east-1b",
    "ZoneC": "sa-east-1c",
    "BalancesTableArn": TABLE,
    "LedgerSecurityGroupId": "sg-0f1e2d3c",
    "LedgerDirectSecurityGroupId": "sg-1f1e2d3c",
    "MemorySecurityGroupId": "sg-2f1e2d3c",
    "LedgerResourceId": LEDGER,
    "LedgerOwnerSecretArn": SECRET,
    "MigrateHere": "true",
    "MaintainHere": "true",
}
# Where everybody signs in with a password.
WITH_PASSWORDS = GIVEN | {"LedgerResourceId": "", "LedgerOwnerSecretArn": ""}
# Where the main stack migrates and maintains, which is what a stage has that says nothing of it, and what is then not there.
BY_THE_MAIN_STACK = GIVEN | {"MigrateHere": "false", "MaintainHere": "false"}
MIGRATING, MAINTAINING = {"migrate-ledger"}, {"reconcile-balances", "seal-past-day"}
# Roles with which AWS works, in its own way.
OF_AWS = {"ClusterRole", "NodeRole"}
ENTRIES, TOTALS, SOON, LATER, DEAD = "EntriesTopic", "TotalsTopic", "RetrySoonTopic", "RetryLaterTopic", "DeadTopic"


@dataclass(frozen=True)
class Process:
    """What a process does."""

    runs: tuple[str, ...] = ()
    """The functions whose handlers it runs."""
    user: str = ""
    """The parameter that names the database user that it is."""
    appends: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


ASKING = ("register-entry", "reverse-entry", "get-entry", "list-entries", "export-entries", "get-balance-as-of", "seal-day", "list-seals")
PROCESSES = {
    "entries-serve": Process(ASKING, "LedgerUser", appends=(ENTRIES,)),
    "entries-record": Process(
        ("apply-to-ledger",), "LedgerUser", (TOTALS, SOON, LATER, DEAD), (ENTRIES, SOON, LATER), ("entries-record", "entries-retry")
    ),
    "entries-sweep": Process(("apply-to-ledger",), "LedgerUser", (TOTALS,), (ENTRIES,), ("entries-record",)),
    "consolidation-serve": Process(("get-daily-balance",)),
    "consolidation-consume": Process(("consolidate-day",), "", (SOON, LATER, DEAD), (TOTALS,), ("consolidation-consume",)),
    "worker": Process(("consolidate-day",), "", (SOON, LATER, DEAD), (SOON, LATER), ("worker",)),
    "worker-redrive": Process(appends=(SOON, DEAD), reads=(DEAD,), groups=("redrive",)),
    "reconcile-balances": Process(("reconcile-balances",), "LedgerMaintenanceUser"),
    "seal-past-day": Process(("seal-past-day",), "LedgerMaintenanceUser"),
    "migrate-ledger": Process(("migrate-ledger",)),
}
# In the place of the log, and of what it keeps until it can be recorded.
REPLACED = {"stepfunctions", "sqs"}


@pytest.fixture(scope="module")
def template() -> Template:
    """The add-on's."""
    return Template(eks())


def role_of(stack: Deployed, account: str) -> str:
    """The role of a service account."""
    (role,) = [
        stack.name_of(one["RoleArn"])
        for one in stack.of_type("AWS::EKS::PodIdentityAssociation").values()
        if one["ServiceAccount"] == account
    ]
    return role


def needs_of(process: Process, stack: Deployed, reach: dict[str, Reach]) -> Iterator[Need]:
    """What a process needs."""
    for function in process.runs:
        for operation in sorted(reach[function].operations):
            if operation.service not in REPLACED:
                yield from (Need(action_of(operation), resource, function) for resource in called_on(operation, stack))
        if process.user and LEDGER_TOKEN in reach[function].ways and stack.parameter("LedgerResourceId"):
            yield Need("rds-db:connect", arn("rds-db", f"dbuser:{LEDGER}/{stack.parameter(process.user)}"), function)
    yield from log_needs(process, stack)


def called_on(operation: Operation, stack: Deployed) -> list[str]:
    """What an operation is called on."""
    match prefix_of(operation.service):
        case "dynamodb":
            return [stack.parameter("BalancesTableArn")]
        case "secretsmanager":
            return [secret] if (secret := stack.parameter("LedgerOwnerSecretArn")) else []
        case service:
            raise AssertionError(f"Say in test_services_rights.py on what {operation} of {service} is called.")


def log_needs(process: Process, stack: Deployed) -> Iterator[Need]:
    """What it takes to use the log: "Common use cases for client authorization policy", Amazon MSK Developer Guide."""
    log = stack.identifier("Log")
    if process.appends or process.reads:
        yield Need("kafka-cluster:Connect", log, "signing in")
    if process.appends:
        yield Need("kafka-cluster:WriteDataIdempotently", log, "an idempotent producer")
    for topics, action in ((process.appends, "WriteData"), (process.reads, "ReadData")):
        for topic in topics:
            yield from (Need(f"kafka-cluster:{one}", stack.identifier(topic), topic) for one in ("DescribeTopic", action))
    for group in process.groups:
        yield from (Need(f"kafka-cluster:{one}", group_arn(log, group), group) for one in ("DescribeGroup", "AlterGroup"))


def group_arn(log: str, group: str) -> str:
    """The ARN of a consumer group ("Authorization policy resources")."""
    return f"{log.replace(':cluster/', ':group/')}/{group}"


@pytest.mark.parametrize("given", [GIVEN, WITH_PASSWORDS], ids=["iam", "passwords"])
@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_may_what_it_does_and_nothing_else(name: str, given: dict[str, str], template: Template, reach: dict[str, Reach]) -> None:
    stack = Deployed(template, given)
    role = role_of(stack, name)
    grants = grants_of_role(role, stack.of_type("AWS::IAM::Role")[role])
    assert missing_and_vain(role, tuple(grants), tuple(dict.fromkeys(needs_of(PROCESSES[name], stack, reach)))) == []


def test_every_role_is_of_a_process_or_of_aws(template: Template) -> None:
    stack = Deployed(template, GIVEN)
    roles = {role_of(stack, account) for account in [*PROCESSES, "keda-operator"]}
    assert roles | OF_AWS == stack.of_type("AWS::IAM::Role").keys()


@pytest.mark.parametrize(
    ("switch", "processes"),
    [("MigrateHere", MIGRATING), ("MaintainHere", MAINTAINING)],
)
def test_what_is_not_switched_on_has_no_role_and_no_way(switch: str, processes: set[str], template: Template) -> None:
    on, off = Deployed(template, BY_THE_MAIN_STACK | {switch: "true"}), Deployed(template, BY_THE_MAIN_STACK)
    made = on.all.keys() - off.all.keys()
    ways = {"PodsToLedgerDirectly"} if switch == "MigrateHere" else set()
    roles = {role_of(on, name) for name in processes}
    assert made == ways | roles | {f"{role.removesuffix('Role')}Identity" for role in roles}
    assert all(template.document["Parameters"][one]["Default"] == "false" for one in ("MigrateHere", "MaintainHere"))
    without_proxy = Deployed(template, GIVEN | {"LedgerDirectSecurityGroupId": ""})
    assert "PodsToLedgerDirectly" not in without_proxy.all


def test_only_who_answers_requests_may_append_accepted_entries(template: Template) -> None:
    stack = Deployed(template, GIVEN)
    topic = stack.identifier(ENTRIES)
    writing = {
        role
        for role, properties in stack.of_type("AWS::IAM::Role").items()
        if role not in OF_AWS
        for grant in grants_of_role(role, properties)
        if grant.covers(Need("kafka-cluster:WriteData", topic, ""))
    }
    assert writing == {role_of(stack, "entries-serve")}


def test_a_right_on_the_log_comes_with_those_that_aws_requires_for_it(template: Template) -> None:
    stack = Deployed(template, GIVEN)
    for role, properties in stack.of_type("AWS::IAM::Role").items():
        if role not in OF_AWS:
            actions = {
                grant.action.removeprefix("kafka-cluster:") for grant in grants_of_role(role, properties) if ":kafka:" in grant.resource
            }
            for action in actions:
                kinds = reference()["kafka-cluster"]["privileges"][action]["resource_types"].values()
                required = {one.removeprefix("kafka-cluster:") for kind in kinds for one in kind["dependent_actions"]}
                assert required <= actions, f"{role}: {action}"


def test_keda_sees_how_far_each_scaled_consumer_is_behind_and_nothing_else(template: Template) -> None:
    stack = Deployed(template, GIVEN)
    log, topics = stack.identifier("Log"), {}
    for name, one in stack.of_type("AWS::MSK::Topic").items():
        topics[one["TopicName"]] = stack.identifier(name)
    watched = [trigger["metadata"] for resource in of_kind("ScaledObject") for trigger in resource["spec"]["triggers"]]
    needs = [Need("kafka-cluster:Connect", log, "KEDA")]
    needs += [Need("kafka-cluster:DescribeTopic", topics[one["topic"]], "KEDA") for one in watched]
    needs += [Need("kafka-cluster:DescribeGroup", group_arn(log, one["consumerGroup"]), "KEDA") for one in watched]
    role = role_of(stack, "keda-operator")
    grants = grants_of_role(role, stack.of_type("AWS::IAM::Role")[role])
    assert missing_and_vain(role, tuple(grants), tuple(dict.fromkeys(needs))) == []


def test_a_role_can_be_had_by_its_own_service_account_in_this_cluster_only(template: Template) -> None:
    stack = Deployed(template, GIVEN)
    for name, one in stack.of_type("AWS::EKS::PodIdentityAssociation").items():
        role = stack.of_type("AWS::IAM::Role")[stack.name_of(one["RoleArn"])]
        grants = grants_of(role["AssumeRolePolicyDocument"], name)
        assert {grant.action for grant in grants} == {"sts:AssumeRole", "sts:TagSession"}
        assert all(is_for(grant, one) for grant in grants), name


def is_for(grant: Grant, association: dict[str, str]) -> bool:
    """Whether only Pod Identity acts, and for this service account."""
    tags = {key.rsplit("/", 1)[-1]: values for _, key, values in grant.conditions}
    wanted = {"kubernetes-namespace": (association["Namespace"],), "kubernetes-service-account": (association["ServiceAccount"],)}
    return grant.principals == {"pods.eks.amazonaws.com"} and tags == wanted | {"eks-cluster-name": ("fluxo",)}


@pytest.mark.parametrize("given", [GIVEN, BY_THE_MAIN_STACK], ids=["here", "by-the-main-stack"])
def test_the_gateway_of_dynamodb_lets_through_what_processes_call(
    given: dict[str, str], template: Template, reach: dict[str, Reach]
) -> None:
    stack = Deployed(template, given)
    processes = [process for name, process in PROCESSES.items() if given is GIVEN or name not in MIGRATING | MAINTAINING]
    grants = grants_of(stack.of_type("AWS::EC2::VPCEndpoint")["DynamoDbEndpoint"]["PolicyDocument"], "DynamoDbEndpoint")
    needs = {need for process in processes for need in needs_of(process, stack, reach) if need.action.startswith("dynamodb:")}
    assert missing_and_vain("DynamoDbEndpoint", tuple(grants), tuple(needs)) == []


@pytest.mark.parametrize("program", ["entries", "consolidation", "worker"])
def test_the_table_says_what_the_programs_call(program: str, reach: dict[str, Reach]) -> None:
    """Each runs the handlers that the table names, and calls nothing else of AWS."""
    told = {
        operation
        for name, process in PROCESSES.items()
        if name.split("-")[0] == program
        for function in process.runs
        for operation in reach[function].operations
        if operation.service not in REPLACED
    }
    # `intake` starts executions or appends, and which of both is decided by a type, which is not known here.
    assert {operation for operation in reach[program].operations if operation.service not in REPLACED} == told


def test_each_action_takes_a_resource(template: Template) -> None:
    stack = Deployed(template, GIVEN)
    for role, properties in stack.of_type("AWS::IAM::Role").items():
        if role not in OF_AWS:
            assert all(grant.resource != "*" and takes_a_resource(grant.action) for grant in grants_of_role(role, properties)), role
