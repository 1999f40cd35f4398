"""`make destroy`: asks first whether the stack may be deleted, says what will stay, and lets SAM delete it (docs/adr/0025)."""

import argparse
import sys
from typing import Any

from deploy import stage
from deploy.account import Account, NotAnswered, NotThere
from deploy.deploy import Sam, ended, sam_in, say
from deploy.problem import Problem
from deploy.protection import PARAMETER
from deploy.stack import STANDING, DeployedStack, parameter

CLUSTER = "AWS::RDS::DBCluster"
KEPT = {"Retain", "RetainExceptOnCreate"}

# How that which stays is removed by hand, when nobody needs it any more.
REMOVAL = {
    "AWS::DynamoDB::Table": "aws dynamodb delete-table --table-name {id}",
    # It can be taken back for as many days; what it has encrypted is lost afterwards.
    "AWS::KMS::Key": "aws kms schedule-key-deletion --key-id {id} --pending-window-in-days 30",
    "AWS::Cognito::UserPool": "aws cognito-idp delete-user-pool --user-pool-id {id}",
    "AWS::S3::Bucket": "aws s3 rb s3://{id} --force",
    "AWS::SQS::Queue": "aws sqs delete-queue --queue-url {id}",
    # Nothing but a name: its Delete does nothing.
    "Custom::LedgerSchema": None,
}


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="destroy", description=__doc__)
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml")
    parser.add_argument("--region", help="another region than samconfig.toml, AWS_DEFAULT_REGION or the profile names")
    arguments = parser.parse_args()
    return ended(lambda: run(arguments.stage, arguments.region))


def run(name: str, region: str | None) -> None:
    """Destroys the stack of the stage of this name."""
    chosen = stage.read(name)
    account = Account.of_shell(region or chosen.region, chosen.profile)
    account.sign_in()
    refuse_beside_second_door(account, chosen.stack_name)
    destroy(chosen, account, sam_in(region))


def refuse_beside_second_door(account: Account, name: str) -> None:
    """The second door's cluster stands in the main stack's network, which would stay, with the rest of the stack gone."""
    cloudformation = account.client("cloudformation")
    there = [one for one in (f"{name}-services-api", f"{name}-services") if DeployedStack(cloudformation, one).describe()]
    if there:
        commands = " && ".join(f"aws cloudformation delete-stack --stack-name {one}" for one in there)
        raise Problem(
            f"The second door stands in the network of {name}, and nothing was touched. Once its log is empty (docs/deploying-services.md) "
            f"delete the cluster of Kafka, which stays otherwise and holds everything: aws kafka delete-cluster. When it is gone: "
            f"{commands}. Then run this again."
        )


def destroy(chosen: stage.Stage, account: Account, sam: Sam) -> None:
    """Deletes the stage's stack, unless a part of it would refuse."""
    stack = DeployedStack(account.client("cloudformation"), chosen.stack_name)
    described = stack.describe()
    if described is None:
        raise Problem(f"There is no stack {stack.name} in {account.region}.")
    resources = stack.resources()
    reasons = refusals(account, described, resources)
    if reasons:
        raise Problem(
            f"{stack.name} refuses to be deleted, and nothing was touched: {', '.join(reasons)}. To delete it all the same, set "
            f"{PARAMETER}=false for the stage in samconfig.toml, run make deploy STAGE={chosen.name}, then this again."
        )
    lines = left_behind(stack.template(), resources)
    if lines:
        print("What stays when the stack is deleted, and how to remove it:", *lines, sep="\n  ", flush=True)
    say("it can take half an hour and more: CloudFormation waits until Lambda has given back the network interfaces of the functions.")
    sam(["delete", "--config-env", chosen.name])


def refusals(account: Account, described: dict[str, Any], resources: dict[str, dict[str, Any]]) -> list[str]:
    """Why the stack would not be deleted whole.

    CloudFormation does not ask: it deletes all that depends on a protected resource, its instances too, before that refuses.
    """
    reasons = []
    if described.get("EnableTerminationProtection"):
        reasons.append("its termination protection is on")
    # One that cannot be updated cannot be told otherwise. Its cluster says for itself.
    if parameter(described, PARAMETER) == "true" and described["StackStatus"] in STANDING:
        reasons.append(f"it was deployed with {PARAMETER}=true")
    # Somebody may have protected a cluster by hand. The other resources with protection are kept, and need not be asked.
    for cluster in (resource for resource in resources.values() if resource["ResourceType"] == CLUSTER):
        if is_protected(account, cluster["PhysicalResourceId"]):
            reasons.append(f"the cluster {cluster['PhysicalResourceId']} is protected")
    return reasons


def is_protected(account: Account, cluster: str) -> bool:
    """Whether RDS would refuse to delete a cluster."""
    try:
        answer = account.ask("rds", "describe_db_clusters", ("DBClusterNotFoundFault",), DBClusterIdentifier=cluster)
    except NotThere:
        return False
    except NotAnswered as reason:
        raise Problem(f"Cannot find out whether the cluster {cluster} is protected, because {reason}: allow {reason.action}.") from None
    return answer["DBClusters"][0]["DeletionProtection"]


def left_behind(template: dict[str, Any], resources: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each thing that stays, with the command that removes it."""
    lines = []
    for name, resource in sorted(resources.items()):
        policy, kind, id_ = template["Resources"][name].get("DeletionPolicy"), resource["ResourceType"], resource["PhysicalResourceId"]
        if policy in KEPT:
            removal = REMOVAL.get(kind, f"by hand: {kind} {id_}")
            lines += [f"{name}: {removal.format(id=id_)}"] if removal else []
        if policy == "Snapshot":
            lines.append(
                f"a last snapshot of {name}: aws rds describe-db-cluster-snapshots --db-cluster-identifier {id_}, then aws rds"
                " delete-db-cluster-snapshot --db-cluster-snapshot-identifier …"
            )
    return lines


if __name__ == "__main__":
    sys.exit(main())
