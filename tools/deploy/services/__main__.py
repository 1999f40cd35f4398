"""`make deploy DOOR=services`: the cluster and the log beside the main stack, the image, and what runs in the cluster."""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from cost.template import Loader
from fluxo_local.processes import shown
from fluxo_local.profile import CHECKOUT, LOCAL

from deploy import stage
from deploy.account import Account
from deploy.deploy import Sam, ended, parameters_file, sam_in, say
from deploy.image import __main__ as image
from deploy.image.ecr import push
from deploy.parameters import text_of, violations
from deploy.problem import Problem
from deploy.services import installation, quotas
from deploy.services.main_stack import MainStack
from deploy.stack import STANDING, DeployedStack

TEMPLATE = CHECKOUT / "services" / "deploy" / "eks.yaml"
STAGES = TEMPLATE.with_name("stages.toml")
# What the names of topics and groups begin with, in the rights of eks.yaml and in what KEDA asks as well.
TOPIC_PREFIX = "fluxo"
# The HTTP API in front, which has the same routes as the main stack's.
API_TEMPLATE = CHECKOUT / "services" / "template.yaml"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="deploy.services", description=__doc__)
    parser.add_argument("--door", choices=["services"], default="services", help="the door beside the main stack's own")
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml and services/deploy/stages.toml")
    parser.add_argument("--region", help="another region than samconfig.toml, AWS_DEFAULT_REGION or the profile names")
    arguments = parser.parse_args()
    return ended(lambda: run(arguments))


def run(arguments: argparse.Namespace) -> None:
    """Deploys the second door of a stage."""
    require_processor(platform.machine())
    chosen = stage.read(arguments.stage)
    account = Account.of_shell(arguments.region or chosen.region, chosen.profile)
    account.sign_in()
    for finding in quotas.findings(account, chosen.name):
        say(finding)
    main_stack = MainStack.find(account, chosen.stack_name)
    given = parameters_of(chosen.name) | main_stack.parameters()
    components = installation.components(given)
    owner = main_stack.owner_settings(given.get("LedgerOwnerSecretArn", "")) if "migrate" in components else {}
    given["LedgerOwnerSecretArn"] = owner.get("LEDGER_OWNER_SECRET_ARN", "")
    outputs = deploy_stack(account, f"{chosen.stack_name}-services", chosen.name, given, sam_in(arguments.region))
    digest = push(account.client("ecr"), outputs["ImagesUri"].split("/", 1)[1], image.build())
    settings = main_stack.settings | owner | log_settings(account, outputs)
    folder = installation.write(chosen.name, settings, outputs, digest, on=components)
    to_api = api_parameters(main_stack, outputs)
    api = deploy_stack(account, f"{chosen.stack_name}-services-api", chosen.name, to_api, sam_in(arguments.region), API_TEMPLATE)
    # Last: kubectl may not reach the cluster from here, and says so.
    apply(folder, outputs["ClusterName"], account.region, components)
    say(f"the second door is at {api['ApiUrl']}")


def require_processor(machine: str) -> None:
    """Whether programs that are built here run on the cluster's nodes ("Enable or Disable Built-in NodePools": `general-purpose`)."""
    if machine != "x86_64":
        raise Problem(
            f"The cluster's nodes are x86-64 and this machine is {machine}: deploy from another, or give the cluster a node pool."
        )


def api_parameters(main_stack: MainStack, outputs: Mapping[str, str]) -> dict[str, str]:
    """What services/template.yaml is told of both stacks."""
    return {
        "UserPoolId": main_stack.id_of("UserPool"),
        "UserPoolClientIds": main_stack.settings["JWT_AUDIENCE"],
        "VpcLinkId": outputs["VpcLinkId"],
        "EntriesTarget": outputs["EntriesListenerArn"],
        "ConsolidationTarget": outputs["ConsolidationListenerArn"],
        "WebhookEndpointsFunction": main_stack.id_of("WebhookEndpoints"),
        "CorsOrigins": main_stack.parameter("CorsOrigins"),
        "AlarmTopicArn": main_stack.parameter("AlarmTopicArn"),
    }


def parameters_of(name: str, path: Path = STAGES) -> dict[str, str]:
    """The parameters of a stage."""
    stages = tomllib.loads(path.read_text())
    if name not in stages:
        raise Problem(f"services/deploy/{path.name} has no stage {name}.")
    return stages[name]


def deploy_stack(
    account: Account, name: str, stage_name: str, given: Mapping[str, str], sam: Sam, source: Path = TEMPLATE
) -> dict[str, str]:
    """Deploys a template; what it says of itself then."""
    template = LOCAL / "deploy" / f"{name}.json"
    template.parent.mkdir(parents=True, exist_ok=True)
    document = yaml.load(source.read_text(), Loader)
    template.write_text(json.dumps(document, indent=1))
    stack = DeployedStack(account.client("cloudformation"), name)
    before = stack.describe()
    if before and before["StackStatus"] == "ROLLBACK_COMPLETE":
        say(f"{name} was never completed, and what is left of it is deleted.")
        stack.remove_rolled_back()
    with parameters_file(complete(document["Parameters"], given)) as file:
        options = ["--config-env", stage_name, "--template-file", str(template), "--stack-name", name]
        sam(["deploy", *options, "--parameter-overrides", f"file://{file}"])
    described = stack.describe()
    if described is None or described["StackStatus"] not in STANDING:
        raise Problem(f"The stack {name} was not deployed.")
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def complete(declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, str]) -> dict[str, str]:
    """What is given, and the default of every other parameter: SAM would keep what the stack has (its merge_parameters)."""
    defaults = {name: text_of(one["Default"]) for name, one in declared.items() if "Default" in one}
    chosen = {name: value for name, value in given.items() if value or name not in defaults or not any(violations(declared[name], value))}
    return defaults | chosen


def log_settings(account: Account, outputs: Mapping[str, str]) -> dict[str, str]:
    """Where the log is. CloudFormation does not know its brokers."""
    answer: dict[str, Any] = account.client("kafka").get_bootstrap_brokers(ClusterArn=outputs["LogArn"])
    return {"KAFKA_BROKERS": answer["BootstrapBrokerStringSaslIam"], "KAFKA_TOPIC_PREFIX": TOPIC_PREFIX}


def apply(folder: Path, cluster: str, region: str, components: list[str]) -> None:
    """Applies the manifests, or says how, where kubectl or the AWS CLI, which signs it in, is not here."""
    kubectl = ["kubectl", "--kubeconfig", str(folder / "kubeconfig")]
    sign_in = ["aws", "eks", "update-kubeconfig", "--name", cluster, "--region", region, *kubectl[1:]]
    clear = [*kubectl, "--namespace", "fluxo", "delete", "--ignore-not-found", *installation.outdated(components)]
    take = [*kubectl, "apply", "--kustomize", str(folder)]
    migrated = [*kubectl, "--namespace", "fluxo", "wait", "--for=condition=complete", "--timeout=960s", "job/migrate-ledger"]
    follow = [*kubectl, "--namespace", "fluxo", "rollout", "status", "deployment", "--timeout=1200s"]
    waits = [migrated, follow] if "migrate" in components else [follow]
    if missing := [program for program in ("aws", "kubectl") if not shutil.which(program)]:
        say(f"{' and '.join(missing)} is not here. Where it is, run:")
        print("\n".join(" ".join(command) for command in (sign_in, clear, take, *waits)))
        say("Where KEDA is not in the cluster yet, kubectl says so, and applies all else: install KEDA, and run the third line again.")
        return
    must_succeed(sign_in, folder)
    has_keda = knows_keda(kubectl)
    must_succeed(clear, folder)
    if has_keda:
        must_succeed(take, folder)
    else:
        say("KEDA is not in the cluster: consumers run, one of each, and nobody scales them. Install it and deploy again.")
        must_succeed([*kubectl, "apply", "--filename", "-"], folder, without_keda(folder))
    for wait in waits:
        must_succeed(wait, folder)


def must_succeed(command: list[str], folder: Path, given: str | None = None) -> None:
    """Runs a command."""
    if subprocess.run(command, check=False, input=given, text=True).returncode != 0:
        raise Problem(f"`{' '.join(command)}` failed. What it is about is in {shown(folder)}.")


def knows_keda(kubectl: list[str]) -> bool:
    """Whether the cluster has KEDA's kinds. It makes a cluster refuse what it does not know, and this very command makes the cluster."""
    asked = subprocess.run([*kubectl, "get", "crd", "--output", "name"], check=False, capture_output=True, text=True)
    if asked.returncode != 0:
        said = asked.stderr.strip().splitlines()[-1]
        raise Problem(
            f"The cluster does not answer kubectl: {said}. It lets in addresses of ApiAccessCidrs, and whoever made the cluster or is "
            "ClusterAdminArn; give them in services/deploy/stages.toml."
        )
    return "scaledobjects.keda.sh" in asked.stdout


def without_keda(folder: Path) -> str:
    """The manifests but for what is KEDA's."""
    rendered = subprocess.run(["kubectl", "kustomize", str(folder)], check=True, capture_output=True, text=True).stdout
    return yaml.safe_dump_all(one for one in yaml.safe_load_all(rendered) if not one["apiVersion"].startswith("keda.sh/"))


if __name__ == "__main__":
    sys.exit(main())
