"""The stack that is there: whether CloudFormation can go on with it, and whether AWS takes its name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure, warning

# What has to be done before CloudFormation takes the next change ("Understand CloudFormation stack creation events" and "Troubleshooting
# CloudFormation" in AWS's documentation). What is left in ROLLBACK_COMPLETE is removed by `make deploy`.
DELETE_IT = (
    "its creation failed, and CloudFormation takes no change of it: delete it with `aws cloudformation delete-stack --stack-name {}`"
)
REMEDIES = {
    "CREATE_FAILED": DELETE_IT,
    "ROLLBACK_FAILED": DELETE_IT + ", with --retain-resources for what cannot be deleted",
    "DELETE_FAILED": "its deletion has not ended: delete it again, with --retain-resources for what cannot be deleted",
    "UPDATE_ROLLBACK_FAILED": "an update failed, and so did taking it back: mend what its events name, then `aws cloudformation "
    "continue-update-rollback --stack-name {}`",
}


@dataclass(frozen=True)
class Naming:
    """What a service takes for a name."""

    service: str
    longest: int
    pattern: re.Pattern[str] = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")
    """As CloudFormation takes a stack's, unless the service asks for more."""


# AWS: "CreateDBCluster", "CreateDBProxy": "First character must be a letter. Can't end with a hyphen or contain two consecutive hyphens."
RDS = Naming("RDS", 63, re.compile(r"[a-zA-Z](-?[a-zA-Z0-9]+)*"))
NAMED = {
    ("AWS::RDS::DBProxy", "DBProxyName"): RDS,
    ("AWS::RDS::DBCluster", "DBClusterIdentifier"): RDS,
    # The console says so and the API reference does not (github.com/aws/aws-cdk, pull request 36459).
    ("AWS::ElastiCache::ServerlessCache", "ServerlessCacheName"): Naming("ElastiCache", 40),
    # AWS: "CreateFunction" of CloudFront, "FunctionName".
    ("AWS::CloudFront::Function", "Name"): Naming("CloudFront", 64),
}


def state(deployment: Deployment) -> Iterator[Finding]:
    """Whether CloudFormation takes a change of the stack."""
    if deployment.existing is None:
        return
    name, status = deployment.stage.stack_name, deployment.existing.status
    if status in REMEDIES:
        yield failure(f"The stack {name} is in the state {status}: {REMEDIES[status].format(name)}.")
    elif status.endswith("_IN_PROGRESS"):
        yield failure(f"The stack {name} is in the state {status}, and CloudFormation takes one change at a time: wait until it has ended.")


def rules(deployment: Deployment) -> Iterator[Finding]:
    """Whether the template takes the parameters, and the region. The zones are not chosen yet."""
    for refusal in deployment.template.refusals(deployment.region, without=("TheNetworkHasTwoZones",)):
        yield failure(f"The template refuses the stage's parameters in {deployment.region}: {refusal}")


def names(deployment: Deployment) -> Iterator[Finding]:
    """Whether services take the names that follow from the stack's, and keep them as they are."""
    for (kind, name_property), naming in NAMED.items():
        for name in deployment.names(kind, name_property):
            if len(name) > naming.longest or not naming.pattern.fullmatch(name):
                most = naming.longest - len(name) + len(deployment.stage.stack_name)
                yield failure(
                    f"{naming.service} would refuse the name {name}, which follows from the stack's: give the stage a stack_name of "
                    f"letters, digits and single hyphens, and of at most {most} characters."
                )
            elif naming is RDS and name != name.lower():
                yield warning(
                    f"RDS lowers the name {name} and logs under the lower one, to a group that never expires: give the stage a stack_name "
                    "in lower case."
                )
