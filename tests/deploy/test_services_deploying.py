"""What `make deploy DOOR=services` reads from the main stack, and what it writes for the cluster."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_double import ScriptedAccount, described
from cost.template import TEMPLATE, Loader
from deploy.destroy import refuse_beside_second_door
from deploy.problem import Problem
from deploy.services import __main__ as command
from deploy.services import installation
from deploy.services.main_stack import LEDGER_PORT, MEMORY_PORTS, OF_PARAMETERS, SETTINGS, MainStack
from test_manifests import container, eks, of_kind, pods

OUTPUTS = {
    "ClusterName": "fluxo-services",
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
    **{name: f"fluxo-{name}" for name in SETTINGS},
}
ZONES = [("us-east-1a", "use1-az1"), ("us-east-1b", "use1-az2"), ("us-east-1c", "use1-az3"), ("us-east-1d", "use1-az4")]


@pytest.fixture
def account() -> ScriptedAccount:
    """An account of which nothing is expected yet."""
    return ScriptedAccount()


def main_stack(account: ScriptedAccount, **resources: str) -> MainStack:
    """A main stack with these resources."""
    given = {"ZoneA": "us-east-1b", "ZoneB": "us-east-1a", "LedgerEpoch": "1", "LedgerLookupConnections": "20", "VpcId": ""}
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
    assert RESOURCES.keys() | {"EntraClient", "LedgerCluster"} <= document["Resources"].keys()
    read = {*OF_PARAMETERS, "VpcId", "ZoneA", "ZoneB", "LedgerResourceId", "LedgerOwnerSecretArn", "AlarmTopicArn"}
    assert read <= document["Parameters"].keys()


def settings(account: ScriptedAccount, auth: str = "iam") -> dict[str, str]:
    """What an installation has."""
    expect_functions(account, auth)
    brokers = {"BootstrapBrokerStringSaslIam": "b-1.example.com:9098,b-2.example.com:9098"}
    account.expect("kafka", "get_bootstrap_brokers", {"ClusterArn": OUTPUTS["LogArn"]}, brokers)
    return main_stack(account).settings | command.log_settings(account, OUTPUTS)


@pytest.mark.parametrize("auth", ["iam", "password"])
def test_every_setting_that_a_manifest_names_is_written_where_it_names_it(account: ScriptedAccount, auth: str) -> None:
    written = settings(account, auth).keys()
    for name, pod in pods().items():
        for variable in container(pod)["env"]:
            for kind, is_secret in (("configMapKeyRef", False), ("secretKeyRef", True)):
                reference = variable.get("valueFrom", {}).get(kind)
                if reference:
                    assert reference["name"] == "installation"
                    assert (reference["key"] in installation.SECRET) == is_secret, f"{name}: {variable}"
                    assert reference.get("optional") or reference["key"] in written, f"{name}: {variable}"


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
    command.apply(tmp_path, "fluxo-services", "us-east-1")
    assert f"kubectl --kubeconfig {tmp_path}/kubeconfig apply --kustomize {tmp_path}" in capsys.readouterr().out


@pytest.mark.parametrize("has_keda", [True, False])
def test_without_keda_everything_else_is_applied(has_keda: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[list[str], str | None]] = []
    rendered = yaml.safe_dump_all(
        [{"apiVersion": "apps/v1", "kind": "Deployment"}, {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"}]
    )

    def run(words: list[str], *, input: str | None = None, **_: object) -> subprocess.CompletedProcess[str]:
        ran.append((words, input))
        answers = {"get": "customresourcedefinition/scaledobjects.keda.sh" if has_keda else "", "kustomize": rendered}
        return subprocess.CompletedProcess(words, 0, next((text for word, text in answers.items() if word in words), ""), "")

    monkeypatch.setattr(command.shutil, "which", lambda name: name)
    monkeypatch.setattr(command.subprocess, "run", run)
    command.apply(tmp_path, "fluxo-services", "us-east-1")
    ((applied, given),) = [(words, given) for words, given in ran if "apply" in words]
    if has_keda:
        assert applied[-2:] == ["--kustomize", str(tmp_path)] and given is None
    else:
        assert given is not None and [one["kind"] for one in yaml.safe_load_all(given)] == ["Deployment"]
    assert "rollout" in ran[-1][0]


def test_a_cluster_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, int("get" in words), "", "Unable to connect to the server: i/o timeout\n")

    monkeypatch.setattr(command.shutil, "which", lambda name: name)
    monkeypatch.setattr(command.subprocess, "run", run)
    with pytest.raises(Problem, match=r"does not answer kubectl: Unable to connect.*ApiAccessCidrs"):
        command.apply(tmp_path, "fluxo-services", "us-east-1")


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
    if not command.API_TEMPLATE.exists():
        pytest.skip("services/template.yaml is not here yet.")
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
