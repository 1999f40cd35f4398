"""What `make deploy DOOR=services` reads from the main stack, and what it writes for the cluster."""

import os
import re
import shutil
import subprocess
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import yaml
from aws_double import ScriptedAccount, described
from cost.template import TEMPLATE, Loader
from deploy.destroy import refuse_beside_second_door
from deploy.parameters import violations
from deploy.problem import Problem
from deploy.services import __main__ as command
from deploy.services import installation
from deploy.services.main_stack import LEDGER_PORT, MEMORY_PORTS, OF_OWNER, OF_PARAMETERS, OWNER_FUNCTION, SETTINGS, MainStack
from fluxo_local.profile import LOCAL
from test_manifests import container, eks, of_kind, of_type, pods

OUTPUTS = {
    "ClusterName": "fluxo-services",
    "ClusterSecurityGroupId": "sg-0d",
    "LogArn": "arn:aws:kafka:us-east-1:123456789012:cluster/fluxo-services/0f1e2d3c-1",
    "ImagesUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/fluxo-services-images",
    "EntriesTargetsArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/entries/1",
    "ConsolidationTargetsArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/consolidation/2",
    "VpcLinkId": "0f1e2d",
    "EntriesListenerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/fluxo/1/2",
    "ConsolidationListenerArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/net/fluxo/1/3",
}
RESOURCES = {
    "Vpc": "vpc-0f1e2d3c",
    "LedgerSecurityGroup": "sg-0a",
    "LedgerProxySecurityGroup": "sg-0b",
    "MemorySecurityGroup": "sg-0c",
    "LedgerProxy": "fluxo-proxy",
    "BalancesTable": "fluxo-balances",
    "UserPool": "us-east-1_pool",
    "UserPoolClient": "tools",
    "WebClient": "pages",
    "WebhookEndpoints": "fluxo-WebhookEndpoints",
    **{name: f"fluxo-{name}" for name in (*SETTINGS, OWNER_FUNCTION)},
}
ZONES = [("us-east-1a", "use1-az1"), ("us-east-1b", "use1-az2"), ("us-east-1c", "use1-az3"), ("us-east-1d", "use1-az4")]


@pytest.fixture
def account() -> ScriptedAccount:
    """An account of which nothing is expected yet."""
    return ScriptedAccount()


def main_stack(account: ScriptedAccount, vpc: str = "", **resources: str) -> MainStack:
    """A main stack with these resources."""
    given = {"ZoneA": "us-east-1b", "ZoneB": "us-east-1a", "LedgerEpoch": "1", "LedgerLookupConnections": "20", "VpcId": vpc}
    stack = {"Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]}
    found = {name: {"PhysicalResourceId": value} for name, value in (RESOURCES | resources).items() if value}
    return MainStack(account, stack, found)


PORTS = {"LEDGER_PORT": "5432", "REDIS_URL": "rediss://memory.example.com:6379"}


def expect_functions(account: ScriptedAccount, auth: str = "iam", **ports: str) -> None:
    """Each function says what the template gives it."""
    for function, names in SETTINGS.items():
        variables = {name: f"{name.lower()} of {function}" for name in names if auth == "password" or "PASSWORD" not in name}
        variables |= {name: value for name, value in (PORTS | ports | {"LEDGER_AUTH": auth}).items() if name in names}
        answer = {"Environment": {"Variables": variables}}
        account.expect("lambda", "get_function_configuration", {"FunctionName": RESOURCES[function]}, answer)


def expect_table_and_zones(account: ScriptedAccount, zones: list[tuple[str, str]]) -> None:
    """The answers about the table and the zones."""
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/fluxo-balances"
    account.expect("dynamodb", "describe_table", {"TableName": "fluxo-balances"}, {"Table": {"TableArn": arn}})
    filters = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    listed = [{"ZoneName": name, "ZoneId": zone} for name, zone in zones]
    account.expect("ec2", "describe_availability_zones", {"Filters": filters}, {"AvailabilityZones": listed})


def test_the_cluster_is_told_of_the_stores_and_of_a_third_zone_with_eks(account: ScriptedAccount) -> None:
    expect_functions(account)
    expect_table_and_zones(account, ZONES)
    proxy = {"DBProxies": [{"DBProxyArn": "arn:aws:rds:us-east-1:123456789012:db-proxy:prx-0f1e"}]}
    account.expect("rds", "describe_db_proxies", {"DBProxyName": "fluxo-proxy"}, proxy)
    found = main_stack(account).parameters()
    account.assert_all_asked()
    assert (found["ZoneA"], found["ZoneB"], found["ZoneC"]) == ("us-east-1b", "us-east-1a", "us-east-1d")
    assert (found["LedgerSecurityGroupId"], found["LedgerDirectSecurityGroupId"]) == ("sg-0b", "sg-0a")
    assert found["LedgerResourceId"] == "prx-0f1e"
    assert found["LedgerMaintenanceUser"] == "ledger_user of ReconcileBalances"
    assert found.keys() | command.parameters_of("prod").keys() <= eks()["Parameters"].keys()
    needed = {name for name, one in eks()["Parameters"].items() if "Default" not in one}
    assert needed <= {name for name, value in found.items() if value}


def test_a_ledger_without_a_proxy_is_reached_and_signed_in_to_directly(account: ScriptedAccount) -> None:
    expect_functions(account)
    expect_table_and_zones(account, ZONES)
    clusters = {"DBClusters": [{"DbClusterResourceId": "cluster-0f1e"}]}
    account.expect("rds", "describe_db_clusters", {"DBClusterIdentifier": "fluxo-ledger"}, clusters)
    found = main_stack(account, LedgerProxy="", LedgerProxySecurityGroup="", LedgerCluster="fluxo-ledger").parameters()
    assert (found["LedgerSecurityGroupId"], found["LedgerDirectSecurityGroupId"], found["LedgerResourceId"]) == (
        "sg-0a",
        "",
        "cluster-0f1e",
    )


def test_a_region_with_two_zones_for_eks_is_refused(account: ScriptedAccount) -> None:
    expect_functions(account)
    expect_table_and_zones(account, ZONES[:3])
    with pytest.raises(Problem, match="has 2 zones for EKS and VPC links"):
        main_stack(account).parameters()


@pytest.mark.parametrize(
    ("support", "hostnames", "missing"),
    [
        (True, True, ""),
        (True, False, "vpc-9f has no enableDnsHostnames, and"),
        (False, False, "vpc-9f has no enableDnsSupport and enableDnsHostnames"),
    ],
)
def test_a_vpc_of_ones_own_without_dns_is_refused(account: ScriptedAccount, support: bool, hostnames: bool, missing: str) -> None:
    expect_functions(account, "password")
    for name, value in (("EnableDnsSupport", support), ("EnableDnsHostnames", hostnames)):
        asked = {"VpcId": "vpc-9f", "Attribute": f"e{name[1:]}"}
        account.expect("ec2", "describe_vpc_attribute", asked, {"VpcId": "vpc-9f", name: {"Value": value}})
    expect_table_and_zones(account, ZONES)
    stack = main_stack(account, "vpc-9f", Vpc="")
    if missing:
        with pytest.raises(Problem, match=missing):
            stack.parameters()
    else:
        assert stack.parameters()["VpcId"] == "vpc-9f"
        account.assert_all_asked()


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ({"LEDGER_PORT": "6432"}, "The ledger is at port 6432"),
        ({"REDIS_URL": "rediss://memory.example.com:6390"}, "Redis is at port 6390"),
    ],
)
def test_a_store_at_a_port_that_is_closed_to_the_pods_is_refused(account: ScriptedAccount, ports: dict[str, str], said: str) -> None:
    expect_functions(account, **ports)
    expect_table_and_zones(account, ZONES)
    with pytest.raises(Problem, match=said):
        main_stack(account).parameters()


def test_the_ports_that_are_known_are_those_of_the_policies() -> None:
    opened = {
        one["metadata"]["name"]: {port["port"] for rule in one["spec"].get("egress", []) for port in rule.get("ports", [])}
        for one in of_kind("NetworkPolicy")
    }
    assert opened["ledger"] == {int(LEDGER_PORT)} and opened["memory"] == set(MEMORY_PORTS)


def test_a_main_stack_that_is_not_there_is_named(account: ScriptedAccount) -> None:
    account.expect_error("cloudformation", "describe_stacks", "ValidationError", "Stack with id fluxo does not exist")
    with pytest.raises(Problem, match="The main stack fluxo is not there"):
        MainStack.find(account, "fluxo")


def test_names_in_the_template_are_those_of_the_main_stack() -> None:
    """Functions, resources, parameters and variables that are read are there."""
    document = yaml.load(TEMPLATE.read_text(), Loader)
    for function, names in SETTINGS.items():
        variables = document["Resources"][function]["Properties"]["Environment"]["Variables"]
        assert names.keys() <= variables.keys() | document["Globals"]["Function"]["Environment"]["Variables"].keys(), function
    assert OF_OWNER.keys() <= document["Resources"][OWNER_FUNCTION]["Properties"]["Environment"]["Variables"].keys()
    assert RESOURCES.keys() | {"EntraClient", "LedgerCluster"} <= document["Resources"].keys()
    read = {*OF_PARAMETERS, "VpcId", "ZoneA", "ZoneB", "LedgerResourceId", "AlarmTopicArn"}
    assert read <= document["Parameters"].keys()


OWNER = {"LEDGER_HOST": "ledger.example.com", "LEDGER_OWNER_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:owner-Ab"}


def expect_owner(account: ScriptedAccount, **variables: str) -> None:
    """The function that migrates says what the template gives it."""
    answer = {"Environment": {"Variables": variables}}
    account.expect("lambda", "get_function_configuration", {"FunctionName": RESOURCES[OWNER_FUNCTION]}, answer)


def test_the_job_that_migrates_has_what_the_function_has_that_migrates(account: ScriptedAccount) -> None:
    expect_owner(account, **OWNER, LEDGER_USER="fluxo")
    found = main_stack(account).owner_settings("")
    assert found == {"LEDGER_DIRECT_HOST": "ledger.example.com", "LEDGER_OWNER_SECRET_ARN": OWNER["LEDGER_OWNER_SECRET_ARN"]}
    expect_owner(account, LEDGER_HOST="ledger.example.com", LEDGER_OWNER_USER="owner", LEDGER_OWNER_PASSWORD="secret")
    assert main_stack(account).owner_settings("").keys() == {"LEDGER_DIRECT_HOST", "LEDGER_OWNER_USER", "LEDGER_OWNER_PASSWORD"}


def test_a_ledger_in_the_main_stacks_own_network_is_not_migrated_here(account: ScriptedAccount) -> None:
    expect_functions(account)
    with pytest.raises(Problem, match="leave MigrateHere out"):
        main_stack(account, SecretsEndpoint="vpce-0f1e2d3c").owner_settings("")


def test_an_owner_whom_the_main_stack_does_not_know_is_given_by_the_stage(account: ScriptedAccount) -> None:
    expect_functions(account)
    given = main_stack(account, MigrateLedger="").owner_settings("arn:aws:secretsmanager:us-east-1:123456789012:secret:given-Ab")
    assert given == {
        "LEDGER_DIRECT_HOST": "ledger_host of ReverseEntry",
        "LEDGER_OWNER_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:given-Ab",
    }
    with pytest.raises(Problem, match="nobody said who owns the ledger: give LedgerOwnerSecretArn"):
        main_stack(account, MigrateLedger="").owner_settings("")


@pytest.mark.parametrize("switch", [{}, {"MigrateHere": "true", "LedgerOwnerSecretArn": "arn:aws:secretsmanager:one"}])
def test_the_owner_is_read_where_the_ledger_is_migrated_here_alone(switch: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Standing:
        settings: ClassVar = {"JWT_AUDIENCE": "tools"}

        @classmethod
        def find(cls, *_: object) -> "Standing":
            return cls()

        def parameters(self) -> dict[str, str]:
            return {"VpcId": "vpc-9f"}

        def owner_settings(self, secret: str) -> dict[str, str]:
            return {"LEDGER_OWNER_SECRET_ARN": secret, "LEDGER_DIRECT_HOST": "ledger.example.com"}

    class Asked(Exception):
        """What the template was given."""

    def deploy_stack(account: object, name: str, stage: str, given: dict[str, str], sam: object) -> None:
        raise Asked(given)

    monkeypatch.setattr(command, "require_processor", lambda machine: None)
    monkeypatch.setattr(command.Account, "of_shell", lambda *_: SimpleNamespace(sign_in=lambda: None))
    monkeypatch.setattr(command.quotas, "findings", lambda account, stage: ())
    monkeypatch.setattr(command, "MainStack", Standing)
    monkeypatch.setattr(command, "parameters_of", lambda name: {"LedgerOwnerSecretArn": "arn:aws:secretsmanager:two"} | switch)
    monkeypatch.setattr(command, "deploy_stack", deploy_stack)
    with pytest.raises(Asked) as asked:
        command.run(Namespace(stage="dev", region="us-east-1"))
    (given,) = asked.value.args
    assert given["LedgerOwnerSecretArn"] == ("arn:aws:secretsmanager:one" if switch else "")


def settings(account: ScriptedAccount, auth: str = "iam") -> dict[str, str]:
    """What an installation has."""
    expect_functions(account, auth)
    brokers = {"BootstrapBrokerStringSaslIam": "b-1.example.com:9098,b-2.example.com:9098"}
    account.expect("kafka", "get_bootstrap_brokers", {"ClusterArn": OUTPUTS["LogArn"]}, brokers)
    return main_stack(account).settings | command.log_settings(account, OUTPUTS)


@pytest.mark.parametrize("auth", ["iam", "password"])
def test_every_setting_that_a_manifest_names_is_written_where_it_names_it(account: ScriptedAccount, auth: str) -> None:
    written = settings(account, auth).keys()
    expect_owner(account, **OWNER)
    owner = main_stack(account).owner_settings("").keys()
    for name, pod in pods().items():
        for variable in container(pod)["env"]:
            for kind, is_secret in (("configMapKeyRef", False), ("secretKeyRef", True)):
                reference = variable.get("valueFrom", {}).get(kind)
                if reference:
                    assert reference["name"] == "installation"
                    assert (reference["key"] in installation.SECRET) == is_secret, f"{name}: {variable}"
                    there = written | owner if name == "migrate-ledger" else written
                    assert reference.get("optional") or reference["key"] in there, f"{name}: {variable}"
                    assert name == "migrate-ledger" or reference["key"] not in OF_OWNER.values(), f"{name}: {variable}"


def rendered(folder: Path) -> list[dict[str, Any]]:
    """What kubectl makes of it."""
    ran = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(ran.stdout))


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here")
def test_an_installation_has_its_names_image_and_secrets(account: ScriptedAccount, tmp_path: Path) -> None:
    folder = installation.write("prod", settings(account), OUTPUTS, f"sha256:{'0' * 64}", tmp_path / "installation")
    resources = rendered(folder)
    assert "set-by-make-deploy" not in str(resources)
    (secret,) = [one for one in resources if one["kind"] == "Secret"]
    assert set(secret["data"]) <= installation.SECRET and secret["metadata"]["name"].startswith("installation-")
    names = {one["metadata"]["name"] for one in resources if one["kind"] in ("Secret", "ConfigMap")}
    for one in resources:
        if one["kind"] == "Deployment":
            (only,) = one["spec"]["template"]["spec"]["containers"]
            assert only["image"] == f"{OUTPUTS['ImagesUri']}@sha256:{'0' * 64}"
            references = [reference for variable in only["env"] for reference in variable.get("valueFrom", {}).values()]
            assert {reference["name"] for reference in references} <= names
    bindings = {one["metadata"]["name"]: one["spec"]["targetGroupARN"] for one in resources if one["kind"] == "TargetGroupBinding"}
    assert bindings == {name: OUTPUTS[output] for name, output in installation.TARGETS.items()}


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here")
@pytest.mark.parametrize("on", [[], ["migrate"], ["maintenance"], ["migrate", "maintenance"]], ids=" ".join)
def test_a_component_is_in_an_installation_where_it_is_on(on: list[str], account: ScriptedAccount, tmp_path: Path) -> None:
    owner = {}
    if "migrate" in on:
        expect_owner(account, **OWNER)
        owner = main_stack(account).owner_settings("")
    folder = installation.write("dev", settings(account) | owner, OUTPUTS, f"sha256:{'0' * 64}", tmp_path / "installation", on)
    resources = rendered(folder)
    names = {one["metadata"]["name"] for one in resources}
    of = {"migrate": {"migrate-ledger"}, "maintenance": {"reconcile-balances", "seal-past-day"}}
    for component, processes in of.items():
        assert processes & names == (processes if component in on else set())
    for one in resources:
        if one["kind"] == "Job":
            (only,) = one["spec"]["template"]["spec"]["containers"]
            assert only["image"] == f"{OUTPUTS['ImagesUri']}@sha256:{'0' * 64}"
            assert all(reference["name"] in names for variable in only["env"] for reference in variable.get("valueFrom", {}).values())


def test_components_are_found_from_where_an_installation_is_written() -> None:
    folder = LOCAL / "deploy" / "services-dev"
    assert {path.name for path in installation.COMPONENTS.iterdir()} == installation.SWITCHES.keys()
    assert all(eks()["Parameters"][parameter]["AllowedValues"] == ["true", "false"] for parameter in installation.SWITCHES.values())
    assert installation.components({"MigrateHere": "true", "MaintainHere": "false"}) == ["migrate"]
    assert (folder / os.path.relpath(installation.COMPONENTS / "migrate", folder)).resolve() == installation.COMPONENTS / "migrate"


def test_jobs_and_what_is_off_are_deleted_before_the_rest_is_applied() -> None:
    assert set(installation.outdated(["migrate", "maintenance"])) == {"job/migrate-ledger"}
    off = {"cronjob/reconcile-balances", "cronjob/seal-past-day", "serviceaccount/reconcile-balances", "serviceaccount/seal-past-day"}
    assert set(installation.outdated(["migrate"])) == {"job/migrate-ledger"} | off
    assert set(installation.outdated([])) == {"job/migrate-ledger", "serviceaccount/migrate-ledger"} | off


@pytest.mark.parametrize("name", ["migrate-ledger", "reconcile-balances", "seal-past-day"])
def test_a_job_of_a_component_is_not_stopped_to_give_up_its_node(name: str) -> None:
    assert pods()[name]["metadata"]["annotations"] == {"karpenter.sh/do-not-disrupt": "true"}


def test_an_alarm_that_missing_data_sets_off_is_made_after_the_log() -> None:
    missed = {
        name: one
        for name, one in eks()["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm" and one["Properties"].get("TreatMissingData") == "breaching"
    }
    assert missed and all(one.get("DependsOn") in of_type("AWS::MSK::Topic") for one in missed.values())


def test_a_named_admin_may_use_kubectl_besides_who_made_the_cluster() -> None:
    ((name, entry),) = of_type("AWS::EKS::AccessEntry").items()
    (policy,) = entry["AccessPolicies"]
    assert entry["PrincipalArn"] == {"Ref": "ClusterAdminArn"} and policy["AccessScope"] == {"Type": "cluster"}
    assert policy["PolicyArn"] == {"Fn::Sub": "arn:${AWS::Partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"}
    condition = eks()["Resources"][name]["Condition"]
    assert eks()["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ClusterAdminArn"}, ""]}]}
    declared = eks()["Parameters"]["ClusterAdminArn"]
    assert declared["Default"] == ""
    for arn in ("", "arn:aws:iam::123456789012:role/team/operators", "arn:aws-us-gov:iam::123456789012:user/ana@example.com"):
        assert not [*violations(declared, arn)]
    for arn in ("arn:aws:sts::123456789012:assumed-role/operators/ana", "arn:aws:iam::123456789012:root", "operators"):
        assert [*violations(declared, arn)]


def test_the_group_that_a_store_of_ones_own_lets_in_is_an_output() -> None:
    group = eks()["Outputs"]["ClusterSecurityGroupId"]["Value"]
    rules = of_type("AWS::EC2::SecurityGroupIngress")
    assert all(rules[name]["SourceSecurityGroupId"] == group for name in ("PodsToLedger", "PodsToLedgerDirectly", "PodsToMemory"))


def test_nobody_else_can_read_what_is_written(account: ScriptedAccount, tmp_path: Path) -> None:
    folder = installation.write("dev", settings(account, "password"), OUTPUTS, f"sha256:{'0' * 64}", tmp_path / "installation")
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])
    assert "ledger_password" in (folder / "secrets.env").read_text() and "ledger_password" not in (folder / "settings.env").read_text()


def test_each_consumer_and_load_balancer_gets_its_names() -> None:
    triggers = {one["metadata"]["name"]: len(one["spec"]["triggers"]) for one in of_kind("ScaledObject")}
    assert triggers == installation.CONSUMERS
    assert {one["metadata"]["name"] for one in of_kind("TargetGroupBinding")} == installation.TARGETS.keys()
    assert OUTPUTS.keys() <= eks()["Outputs"].keys()


def test_without_kubectl_the_commands_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.shutil, "which", lambda name: None)
    command.apply(tmp_path, "fluxo-services", "us-east-1", [])
    printed = capsys.readouterr().out
    assert f"kubectl --kubeconfig {tmp_path}/kubeconfig apply --kustomize {tmp_path}" in printed and "wait --for" not in printed


@pytest.mark.parametrize("has_keda", [True, False])
def test_without_keda_everything_else_is_applied(has_keda: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[list[str], str | None]] = []
    components = ["migrate"] if has_keda else []
    rendered = yaml.safe_dump_all(
        [{"apiVersion": "apps/v1", "kind": "Deployment"}, {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"}]
    )

    def run(words: list[str], *, input: str | None = None, **_: object) -> subprocess.CompletedProcess[str]:
        ran.append((words, input))
        answers = {"get": "customresourcedefinition/scaledobjects.keda.sh" if has_keda else "", "kustomize": rendered}
        return subprocess.CompletedProcess(words, 0, next((text for word, text in answers.items() if word in words), ""), "")

    monkeypatch.setattr(command.shutil, "which", lambda name: name)
    monkeypatch.setattr(command.subprocess, "run", run)
    command.apply(tmp_path, "fluxo-services", "us-east-1", components)
    ((applied, given),) = [(words, given) for words, given in ran if "apply" in words]
    if has_keda:
        assert applied[-2:] == ["--kustomize", str(tmp_path)] and given is None
    else:
        assert given is not None and [one["kind"] for one in yaml.safe_load_all(given)] == ["Deployment"]
    assert "rollout" in ran[-1][0] and ("job/migrate-ledger" in ran[-2][0] and "wait" in ran[-2][0]) == has_keda
    verbs = [next(word for word in ("delete", "apply", "") if word in [*words, ""]) for words, _ in ran]
    assert 0 < verbs.index("delete") < verbs.index("apply")


def test_a_cluster_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, int("get" in words), "", "Unable to connect to the server: i/o timeout\n")

    monkeypatch.setattr(command.shutil, "which", lambda name: name)
    monkeypatch.setattr(command.subprocess, "run", run)
    with pytest.raises(Problem, match=r"does not answer kubectl: Unable to connect.*ApiAccessCidrs.*ClusterAdminArn"):
        command.apply(tmp_path, "fluxo-services", "us-east-1", [])


def test_a_parameter_that_is_not_given_or_empty_does_not_stay_as_it_was() -> None:
    """SAM keeps what the stack has of a parameter that it is not given."""
    declared = {
        "Cidrs": {"Type": "String", "Default": "", "AllowedPattern": "^$|^10\\."},
        "Hours": {"Type": "Number", "Default": 72},
        "Version": {"Type": "String", "Default": "4.0", "AllowedPattern": "^4"},
        "VpcId": {"Type": "String"},
    }
    assert command.complete(declared, {"VpcId": "vpc-0f1e2d3c", "Version": ""}) == {
        "Cidrs": "",
        "Hours": "72",
        "Version": "4.0",
        "VpcId": "vpc-0f1e2d3c",
    }
    assert command.complete(declared, {"Cidrs": "", "Hours": "3", "Version": "4.1"})["Hours"] == "3"
    document = yaml.load(command.TEMPLATE.read_text(), Loader)
    assert command.complete(document["Parameters"], {"AlarmTopicArn": ""})["AlarmTopicArn"] == ""


def test_the_stack_is_deployed_as_json_with_a_value_for_each_parameter(account: ScriptedAccount) -> None:
    ran: list[str] = []
    deployed = {
        "StackName": "fluxo-services",
        "CreationTime": "2026-01-01",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in OUTPUTS.items()],
    }
    never_completed = {**deployed, "StackStatus": "ROLLBACK_COMPLETE"}
    account.expect("cloudformation", "describe_stacks", {"StackName": "fluxo-services"}, {"Stacks": [never_completed]})
    account.expect("cloudformation", "delete_stack", {"StackName": "fluxo-services"}, {})
    gone = "Stack with id fluxo-services does not exist"
    account.expect_error("cloudformation", "describe_stacks", "ValidationError", gone)
    account.expect("cloudformation", "describe_stacks", {"StackName": "fluxo-services"}, {"Stacks": [deployed]})
    given = {"VpcId": "vpc-0f1e2d3c", "AlarmTopicArn": ""}
    assert command.deploy_stack(account, "fluxo-services", "prod", given, lambda words: ran.extend(words)) == OUTPUTS
    assert ran[:3] == ["deploy", "--config-env", "prod"] and "fluxo-services" in ran


def test_the_api_in_front_is_told_of_users_and_listeners(account: ScriptedAccount) -> None:
    expect_functions(account)
    given = {name: value for name, value in command.api_parameters(main_stack(account), OUTPUTS).items() if value}
    declared = yaml.load(command.API_TEMPLATE.read_text(), Loader)["Parameters"]
    assert given.keys() <= declared.keys()
    assert {name for name, one in declared.items() if "Default" not in one} <= given.keys()
    assert all(re.search(one["AllowedPattern"], given[name]) for name, one in declared.items() if name in given and "AllowedPattern" in one)


def test_the_main_stack_is_not_destroyed_while_the_second_door_stands(account: ScriptedAccount) -> None:
    account.expect_error("cloudformation", "describe_stacks", "ValidationError", "Stack with id fluxo-services-api does not exist")
    account.expect("cloudformation", "describe_stacks", {"StackName": "fluxo-services"}, described("CREATE_COMPLETE"))
    with pytest.raises(Problem, match=r"aws kafka delete-cluster\. .* delete-stack --stack-name fluxo-services\. Then run this again"):
        refuse_beside_second_door(account, "fluxo")
    for name in ("fluxo-services-api", "fluxo-services"):
        account.expect_error("cloudformation", "describe_stacks", "ValidationError", f"Stack with id {name} does not exist")
    refuse_beside_second_door(account, "fluxo")
    account.assert_all_asked()


def test_an_image_for_another_processor_than_the_nodes_is_refused() -> None:
    command.require_processor("x86_64")
    with pytest.raises(Problem, match="nodes are x86-64 and this machine is aarch64"):
        command.require_processor("aarch64")
