"""What an earlier stack of this name has left behind: what is in the way, and what a new one will not know."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.account import NotThere
from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure, warning


@dataclass(frozen=True)
class Fixed:
    """A kind of resource whose name follows from the stack's, so that there can be one of it."""

    kind: str
    name_property: str
    what: str
    service: str
    operation: str
    parameter: str
    missing: str
    remedy: str

    def is_there(self, deployment: Deployment, name: str) -> bool:
        """Whether there is one of this name."""
        try:
            deployment.account.ask(self.service, self.operation, (self.missing,), **{self.parameter: name})
        except NotThere:
            return False
        return True


CLUSTER = Fixed(
    "AWS::RDS::DBCluster",
    "DBClusterIdentifier",
    "the cluster",
    "rds",
    "describe_db_clusters",
    "DBClusterIdentifier",
    "DBClusterNotFoundFault",
    "it may be a ledger: look into it, then delete it with a last snapshot, or deploy under another stack_name",
)
PROXY = Fixed(
    "AWS::RDS::DBProxy",
    "DBProxyName",
    "the RDS proxy",
    "rds",
    "describe_db_proxies",
    "DBProxyName",
    "DBProxyNotFoundFault",
    "delete it, or deploy under another stack_name",
)
CACHE = Fixed(
    "AWS::ElastiCache::ServerlessCache",
    "ServerlessCacheName",
    "the cache",
    "elasticache",
    "describe_serverless_caches",
    "ServerlessCacheName",
    "ServerlessCacheNotFoundFault",
    "delete it: nothing in it is lasting; or deploy under another stack_name",
)


def in_the_way(fixed: Fixed) -> Callable[[Deployment], Iterator[Finding]]:
    """A check of this kind of resource."""

    def check(deployment: Deployment) -> Iterator[Finding]:
        for name in deployment.names(fixed.kind, fixed.name_property):
            if not deployment.owns(name) and fixed.is_there(deployment, name):
                yield failure(
                    f"AWS would refuse {fixed.what} {name}, because there is one already, of no stack or another one: {fixed.remedy}."
                )

    return check


def log_groups(deployment: Deployment) -> Iterator[Finding]:
    """Log groups stay when somebody logs to them while a stack is deleted."""
    wanted = set(deployment.names("AWS::Logs::LogGroup", "LogGroupName"))
    there: set[str] = set()
    for prefix in sorted({prefix_of(name, deployment.stage.stack_name) for name in wanted}):
        for page in deployment.account.pages("logs", "describe_log_groups", logGroupNamePrefix=prefix):
            there |= {group["logGroupName"] for group in page["logGroups"]}
    for name in sorted(name for name in wanted & there if not deployment.owns(name)):
        yield failure(
            f"CloudWatch Logs would refuse the log group {name}, because there is one already: delete it, once nobody needs what is in it, "
            f"with `aws logs delete-log-group --log-group-name {name}`."
        )


def prefix_of(name: str, stack_name: str) -> str:
    """What to ask for, so that one question finds the groups of a kind and nobody else's."""
    parent, _, _ = name.rpartition("/")
    return f"{parent}/" if f"/{stack_name}" in parent else name


def hosted_domain(deployment: Deployment) -> Iterator[Finding]:
    """The prefix of the hosted pages is unique in the region, among all accounts."""
    for domain in (domain["Domain"] for domain in deployment.made("AWS::Cognito::UserPoolDomain").values()):
        description = deployment.account.ask("cognito-idp", "describe_user_pool_domain", Domain=domain)["DomainDescription"]
        if "UserPoolId" in description and not deployment.owns(description["UserPoolId"]):
            yield failure(f"Cognito would refuse HostedDomainPrefix={domain}, because another user pool has it: choose another prefix.")


# How CloudFormation begins the names of what outlives a stack.
RETAINED = (
    ("sqs", "list_queues", "QueueUrls", ("ParkQueue", "DeadLetterQueue")),
    ("dynamodb", "list_tables", "TableNames", ("BalancesTable",)),
)


def retained(deployment: Deployment) -> Iterator[Finding]:
    """Queues and tables that a stack of this name has kept. They are in nobody's way."""
    for service, operation, member, logical in RETAINED:
        # Queues can be asked for by their beginning, tables cannot.
        narrowed = {"QueueNamePrefix": f"{deployment.stage.stack_name}-"} if service == "sqs" else {}
        for page in deployment.account.pages(service, operation, **narrowed):
            for found in page.get(member, []):
                name = found.rpartition("/")[2]
                if any(name.startswith(f"{deployment.stage.stack_name}-{kept}-") for kept in logical) and not deployment.owns(found):
                    yield warning(
                        f"An earlier stack of this name has left {name}, which a new one does not use: see that nothing in it is needed, "
                        "then delete it (README, Removing it)."
                    )
