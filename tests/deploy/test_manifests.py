"""The manifests of the second door: valid, as strict as can be, and in agreement with the programs that they run."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cost import quantities
from cost.template import Loader
from deploy.services.__main__ import TOPIC_PREFIX
from kustomization import KUBERNETES, render
from rights.reach import variables_of
from rights.rust import workspace

OVERLAYS = ("dev", "prod")
EKS = KUBERNETES.parent / "eks.yaml"
# Of Auto Mode and of KEDA, whose schemas are in the cluster.
CUSTOM = {"TargetGroupBinding", "ScaledObject", "TriggerAuthentication"}
# A service's program is called as its package.
PROGRAMS = {"entries", "consolidation", "worker", "reconcile-balances", "seal-past-day", "migrate-ledger"}
# Read, and set by nobody here: what certificates to trust instead of those in the program, what follows from the issuer, and what Lambda
# alone sets.
LEFT_OUT = {
    "AWS_CA_BUNDLE",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_XRAY_DAEMON_ADDRESS",
    "JWKS_TLS_ROOTS",
    "JWKS_URL",
    "KAFKA_TLS_ROOTS",
    "LEDGER_TLS_ROOTS",
    "REDIS_TLS_ROOTS",
}
# Set, and read by AWS's SDK.
OF_THE_SDK = {"AWS_REGION"}
# A way out of the pod, by the variable that says where it leads.
WAYS = {
    "KAFKA_BROKERS": {9098},
    "LEDGER_HOST": {5432},
    "REDIS_URL": {6379, 6380},
    "BALANCES_TABLE": {443},
    "JWT_ISSUER": {443},
    "LEDGER_OWNER_SECRET_ARN": {443},
}
ALWAYS_OUT = {53, 80}


@cache
def everything() -> list[dict[str, Any]]:
    """What any installation may have."""
    parts = [KUBERNETES / "base", KUBERNETES / "components" / "maintenance", KUBERNETES / "components" / "migrate"]
    return [resource for part in parts for resource in render(part)]


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    """The resources of these kinds."""
    return [resource for resource in everything() if resource["kind"] in kinds]


def name_of(resource: dict[str, Any]) -> str:
    """Its name."""
    return resource["metadata"]["name"]


@cache
def pods() -> dict[str, dict[str, Any]]:
    """What pods are made from, by the name of what makes them."""

    def template(resource: dict[str, Any]) -> dict[str, Any]:
        spec = resource["spec"]
        return (spec["jobTemplate"]["spec"] if resource["kind"] == "CronJob" else spec)["template"]

    return {name_of(resource): template(resource) for resource in of_kind("Deployment", "CronJob", "Job")}


def container(pod: dict[str, Any]) -> dict[str, Any]:
    """The only one of a pod."""
    (only,) = pod["spec"]["containers"]
    return only


def variables(pod: dict[str, Any]) -> set[str]:
    """The environment variables that are set."""
    return {variable["name"] for variable in container(pod)["env"]}


@cache
def eks() -> dict[str, Any]:
    """The template of the cluster."""
    return yaml.load(EKS.read_text(), Loader)


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of its resources of a type."""
    return {name: one["Properties"] for name, one in eks()["Resources"].items() if one["Type"] == kind}


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here; what the tests read is rendered by kustomization.py")
def test_kubectl_renders_what_the_tests_read(overlay: str) -> None:
    folder = KUBERNETES / "overlays" / overlay
    ran = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=True)

    def by_name(resources: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
        return {(resource["kind"], name_of(resource)): resource for resource in resources}

    assert by_name(list(yaml.safe_load_all(ran.stdout))) == by_name(render(folder))


@pytest.mark.parametrize("resource", everything(), ids=lambda one: f"{one['kind']}-{name_of(one)}")
def test_each_resource_is_valid(resource: dict[str, Any]) -> None:
    if resource["kind"] in CUSTOM:
        assert resource["spec"]
        return
    version = eks()["Parameters"]["KubernetesVersion"]["Default"]
    kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_change_only_how_many_there_are(overlay: str) -> None:
    def without_numbers(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without_numbers(inner) for name, inner in value.items() if "replica" not in name.lower()}
        return [without_numbers(inner) for inner in value] if isinstance(value, list) else value

    assert without_numbers(render(KUBERNETES / "overlays" / overlay)) == without_numbers(render(KUBERNETES / "base"))


@pytest.mark.parametrize("name", pods())
def test_a_pod_keeps_to_the_restricted_standard(name: str) -> None:
    """Kubernetes: "Pod Security Standards", Restricted; and a root file system that nobody writes."""
    pod = pods()[name]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "volumes"}
    own = container(pods()[name])["securityContext"]
    assert own == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False


def test_the_namespace_enforces_the_restricted_standard() -> None:
    (namespace,) = of_kind("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {resource["metadata"].get("namespace") for resource in everything()} == {None, "fluxo", "kube-system"}


@pytest.mark.parametrize("name", pods())
def test_a_process_has_a_limit_of_memory_and_none_of_cpu(name: str) -> None:
    assert container(pods()[name])["resources"] == {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}


@pytest.mark.parametrize("resource", of_kind("Deployment"), ids=name_of)
def test_what_stays_is_probed_spread_and_disrupted_one_by_one(resource: dict[str, Any]) -> None:
    name, pod = name_of(resource), resource["spec"]["template"]["spec"]
    selector = {"matchLabels": {"app.kubernetes.io/name": name}}
    probes = container(resource["spec"]["template"])
    paths = {probe: probes[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {one["path"] for one in paths.values()} == {"/livez", "/readyz"} and paths["readinessProbe"]["path"] == "/readyz"
    assert {"name": "internal", "containerPort": 9090} in probes["ports"]
    assert {one["topologyKey"] for one in pod["topologySpreadConstraints"]} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    assert all(one["labelSelector"] == selector for one in pod["topologySpreadConstraints"])
    assert {one["whenUnsatisfiable"] for one in pod["topologySpreadConstraints"]} == {"ScheduleAnyway"}, "a lost zone's work goes to others"
    (budget,) = [one for one in of_kind("PodDisruptionBudget") if name_of(one) == name]
    assert budget["spec"] == {"maxUnavailable": 1, "selector": selector}
    assert resource["spec"]["selector"] == selector
    assert resource["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] == name


def test_a_pod_counts_once_the_load_balancer_sends_it_requests() -> None:
    """Otherwise all old ones may be leaving while it has not found any new one healthy."""
    bound = {one["spec"]["serviceRef"]["name"] for one in of_kind("TargetGroupBinding")}
    assert bound == {"entries-serve", "consolidation-serve"}
    (namespace,) = of_kind("Namespace")
    assert namespace["metadata"]["labels"]["eks.amazonaws.com/pod-readiness-gate-inject"] == "enabled"
    for resource in of_kind("Deployment"):
        spec = resource["spec"]
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert (spec.get("minReadySeconds", 0) >= 120) == (name_of(resource) in bound)


def test_each_deployment_is_scaled_by_one_autoscaler_and_says_no_number_itself() -> None:
    """A number in the manifest would undo, with each `kubectl apply`, what the autoscaler has made of it."""
    scaled = [resource["spec"]["scaleTargetRef"]["name"] for resource in of_kind("HorizontalPodAutoscaler", "ScaledObject")]
    deployments = of_kind("Deployment")
    assert sorted(scaled) == sorted(map(name_of, deployments))
    assert all("replicas" not in resource["spec"] for resource in deployments)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_nodes_that_the_cost_page_counts_have_room_for_all_pods(overlay: str) -> None:
    """At their fewest; a node of two processors leaves 1.93 to pods, half of one goes to KEDA and others of the cluster."""
    scalers = [one for one in render(KUBERNETES / "overlays" / overlay) if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
    fewest = sum(one["spec"].get("minReplicas", one["spec"].get("minReplicaCount")) for one in scalers)
    assert len(scalers) == 5 and fewest * 0.25 + 0.5 <= quantities.load().assume("services_nodes")[overlay] * 1.93


def test_no_more_consumers_than_partitions_read_topics_that_there_are() -> None:
    topics = {properties["TopicName"] for properties in of_type("AWS::MSK::Topic").values()}
    assert all(topic.startswith(f"{TOPIC_PREFIX}.") for topic in topics)
    for resource in of_kind("ScaledObject"):
        assert resource["spec"]["maxReplicaCount"] <= eks()["Parameters"]["PartitionCount"]["Default"]
        assert {trigger["metadata"]["topic"] for trigger in resource["spec"]["triggers"]} <= topics


def test_what_a_group_has_handled_is_remembered_for_longer_than_its_records() -> None:
    (settings,) = of_type("AWS::MSK::Configuration").values()
    properties = dict(line.split("=") for line in settings["ServerProperties"]["Fn::Sub"].split())
    assert int(properties["offsets.retention.minutes"]) > eks()["Parameters"]["RetentionHours"]["MaxValue"] * 60


def test_draining_ends_before_the_process_is_killed() -> None:
    for name, pod in pods().items():
        set_here = {variable["name"]: variable.get("value") for variable in container(pod)["env"]}
        if "DRAIN_SECONDS" in set_here:
            # The load balancer goes on for two minutes (issue 2366 of aws-load-balancer-controller).
            assert int(set_here["DRAIN_SECONDS"]) > 120, name
            # API Gateway waits 30 s for an answer ("Quotas for configuring and running an HTTP API").
            assert pod["spec"]["terminationGracePeriodSeconds"] >= int(set_here["DRAIN_SECONDS"]) + 30, name


def test_requests_in_work_at_a_pod_that_ends_are_not_cut() -> None:
    for name, group in of_type("AWS::ElasticLoadBalancingV2::TargetGroup").items():
        attributes = {one["Key"]: one["Value"] for one in group["TargetGroupAttributes"]}
        assert attributes["target_health_state.unhealthy.connection_termination.enabled"] == "false", name
        # API Gateway waits 30 s for an answer.
        for wait in ("target_health_state.unhealthy.draining_interval_seconds", "deregistration_delay.timeout_seconds"):
            assert int(attributes[wait]) > 30, name


def test_each_process_has_a_service_account_and_a_role_of_its_own() -> None:
    accounts = [name_of(resource) for resource in of_kind("ServiceAccount")]
    assert sorted(accounts) == sorted(pod["spec"]["serviceAccountName"] for pod in pods().values())
    assert all(name == pod["spec"]["serviceAccountName"] for name, pod in pods().items())
    associated = {(one["Namespace"], one["ServiceAccount"]) for one in of_type("AWS::EKS::PodIdentityAssociation").values()}
    assert associated == {("fluxo", name) for name in accounts} | {("keda", "keda-operator")}


def selects(policy: dict[str, Any], name: str) -> bool:
    """Whether a policy of the network is about the pods of a process."""
    selector = policy["spec"]["podSelector"]
    labels = {"app.kubernetes.io/name": name}
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", [])
    )


def ports(name: str, direction: str) -> Iterator[int]:
    """The ports that policies let through, to or from a process."""
    for policy in of_kind("NetworkPolicy"):
        if selects(policy, name):
            for rule in policy["spec"].get(direction, []):
                yield from (port["port"] for port in rule["ports"])


@pytest.mark.parametrize("name", pods())
def test_a_process_gets_where_its_settings_lead_and_nowhere_else(name: str) -> None:
    needed = set().union(*(way for variable, way in WAYS.items() if variable in variables(pods()[name])))
    assert set(ports(name, "egress")) == needed | ALWAYS_OUT


@pytest.mark.parametrize("name", pods())
def test_a_process_is_reached_where_it_listens_and_nowhere_else(name: str) -> None:
    listening = {port["containerPort"] for port in container(pods()[name]).get("ports", [])}
    assert set(ports(name, "ingress")) == listening


def test_what_no_policy_names_is_denied() -> None:
    (deny,) = [policy for policy in of_kind("NetworkPolicy") if name_of(policy) == "default-deny"]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    named = {value for policy in of_kind("NetworkPolicy") for value in values_of(policy["spec"]["podSelector"])}
    assert named == set(pods()), "A policy names what is not there, or a process is in none."


def values_of(selector: dict[str, Any]) -> set[str]:
    """The processes that a selector names."""
    listed = {value for one in selector.get("matchExpressions", []) for value in one["values"]}
    return listed | set(selector.get("matchLabels", {}).values())


def program(pod: dict[str, Any]) -> str:
    """The program that a pod runs."""
    return Path(container(pod)["command"][0]).name


def test_each_process_runs_a_program_that_the_image_has() -> None:
    assert {program(pod) for pod in pods().values()} == PROGRAMS
    services = {crate.name for crate in workspace().values() if crate.is_service}
    assert not services or services < PROGRAMS <= workspace().keys()


@pytest.mark.parametrize("name", sorted(PROGRAMS & workspace().keys()))
def test_processes_get_every_variable_that_their_program_reads_and_no_other(name: str) -> None:
    run = [pod for pod in pods().values() if program(pod) == name]
    given = set().union(*map(variables, run))
    # Read together with the address of probes and metrics, and of no use to who answers no requests.
    of_no_use = set() if any(port["name"] == "http" for pod in run for port in container(pod).get("ports", [])) else {"LISTEN"}
    assert given - OF_THE_SDK == variables_of(workspace(), name) - LEFT_OUT - of_no_use


def test_a_sweep_that_has_failed_or_was_killed_is_not_run_again_by_itself() -> None:
    """What it has found and posted it finds no more, and nobody would be told."""
    sweep = next(resource for resource in of_kind("CronJob") if name_of(resource) == "entries-sweep")
    assert sweep["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pods()["entries-sweep"]["spec"]["restartPolicy"] == "Never"
