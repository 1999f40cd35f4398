"""Whether Lambda reserves what the template asks for."""

from collections.abc import Iterator

from deploy.account import NotThere
from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure, warning

# AWS: "Configuring reserved concurrency for a function": what stays for functions without a reservation.
UNRESERVED_MIN = 100
# Below this a burst of requests is refused; an account that AWS has known for a while has 1,000.
LOW = 100
QUOTA = "Service Quotas (AWS Lambda, Concurrent executions, L-B99A9384)"


def reserved(deployment: Deployment) -> dict[str, int]:
    """How much each function that there will be reserves."""
    name = "ReservedConcurrentExecutions"
    return {function: int(properties[name]) for function, properties in deployment.functions().items() if name in properties}


def held(deployment: Deployment) -> int:
    """How much the stack's functions hold already."""
    if deployment.existing is None:
        return 0
    functions = [resource.physical_id for resource in deployment.existing.resources.values() if resource.kind == "AWS::Lambda::Function"]
    return sum(reservation(deployment, function) for function in functions)


def reservation(deployment: Deployment, function: str) -> int:
    """What one function holds."""
    try:
        answer = deployment.account.ask("lambda", "get_function_concurrency", ("ResourceNotFoundException",), FunctionName=function)
    except NotThere:
        return 0
    return answer.get("ReservedConcurrentExecutions", 0)


def check(deployment: Deployment) -> Iterator[Finding]:
    """Whether what is reserved leaves enough, and whether there is enough at all."""
    limit = deployment.account.ask("lambda", "get_account_settings")["AccountLimit"]
    wanted = reserved(deployment)
    total = sum(wanted.values())
    if total:
        left = limit["UnreservedConcurrentExecutions"] + held(deployment) - total
        if left < UNRESERVED_MIN:
            yield failure(
                f"Lambda would refuse to reserve {total} concurrent executions ({listed(wanted)}): this account may run "
                f"{limit['ConcurrentExecutions']} at once in {deployment.region}, and {UNRESERVED_MIN} stay for functions without a "
                f"reservation. Set LedgerConcurrency=0, AcceptingConcurrency=0 and EventsConcurrency=0 in the stage, or ask for at least "
                f"{limit['ConcurrentExecutions'] + UNRESERVED_MIN - left} in {QUOTA}."
            )
    if limit["ConcurrentExecutions"] < LOW:
        yield warning(
            f"This account runs at most {limit['ConcurrentExecutions']} calls of functions at once in {deployment.region}: enough to try "
            f"things out; a burst of requests is answered with 503. Ask for 1,000 in {QUOTA}."
        )


def listed(wanted: dict[str, int]) -> str:
    """Who reserves how much."""
    return ", ".join(f"{function} {number}" for function, number in sorted(wanted.items()))
