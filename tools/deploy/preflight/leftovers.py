"""What an earlier stack of this name has left behind: what is in the way, and what a new one will not know."""

from collections.abc import Iterator

from deploy.preflight.deployment import CREATION, Deployment
from deploy.preflight.finding import Finding, failure, warning


def log_groups(deployment: Deployment) -> Iterator[Finding]:
    """Log groups stay when somebody logs to them while a stack is deleted."""
    # A name with a part of the stack's id is in nobody's way.
    wanted = {name for name in deployment.names("AWS::Logs::LogGroup", "LogGroupName") if CREATION not in name}
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
    ("sqs", "list_queues", "QueueUrls", ("ParkQueue", "DeadLetterQueue", "UndeliverableEvents")),
    ("dynamodb", "list_tables", "TableNames", ("BalancesTable", "WebhooksTable")),
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
                        "then delete it (docs/deploying.md, 'Removing a stack')."
                    )
