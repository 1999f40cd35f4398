"""What the account may do in a second, and how many of a thing it may have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cost import quantities, workflow

from deploy.account import NotAnswered, NotThere
from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure, unchecked, warning

# The codes under which Service Quotas knows them. AWS: "Step Functions service quotas".
START_RATE = {"STANDARD": "L-1B55A735", "EXPRESS": "L-7B8A8E4B"}
START_BUCKET = {"STANDARD": "L-CE9F8059", "EXPRESS": "L-CFF7B006"}
TRANSITION_RATE = "L-AD9B4E93"


def quota(deployment: Deployment, service: str, code: str) -> float:
    """What Service Quotas says of this account, or else of every one in this region."""
    for operation in ("get_service_quota", "get_aws_default_service_quota"):
        try:
            answer = deployment.account.ask("service-quotas", operation, ("NoSuchResourceException",), ServiceCode=service, QuotaCode=code)
        except NotThere:
            continue
        return answer["Quota"]["Value"]
    raise NotAnswered("servicequotas:GetAWSDefaultServiceQuota", f"Service Quotas does not know {code} of {service} in {deployment.region}")


def starts(deployment: Deployment) -> Iterator[Finding]:
    """Whether Step Functions starts as many executions as the API lets requests in."""
    kind = deployment.template.parameter("WorkflowType")
    for parameter, codes, of in (("WritesPerSecond", START_RATE, "a second"), ("WriteBurst", START_BUCKET, "at once")):
        wanted = float(deployment.template.parameter(parameter))
        allowed = quota(deployment, "states", codes[kind])
        if wanted > allowed:
            yield warning(
                f"{parameter}={wanted:g} lets in more than Step Functions starts in this account: {allowed:g} {kind} executions {of} in "
                f"{deployment.region}, for all stacks and routes; what is above is answered with 503. Lower it, or ask for more in "
                f"Service Quotas (AWS Step Functions, {codes[kind]})."
            )


def transitions(deployment: Deployment) -> Iterator[Finding]:
    """Whether Step Functions goes on with what it has started. EXPRESS has no such quota."""
    if deployment.template.parameter("WorkflowType") != "STANDARD":
        return
    _, definition = workflow.load(deployment.template)
    each = len(workflow.happy_path(definition)) + int(quantities.load().assume("transitions_beside_states"))
    wanted = each * float(deployment.template.parameter("WritesPerSecond"))
    allowed = quota(deployment, "states", TRANSITION_RATE)
    if wanted > allowed:
        yield warning(
            f"Above {allowed / each:.0f} requests a second that write, entries are recorded late: Step Functions takes {allowed:g} state "
            f"transitions a second in this account (new accounts start low), and an execution takes {each}. Ask for more in Service Quotas "
            f"(AWS Step Functions, {TRANSITION_RATE}), or set WorkflowType=EXPRESS."
        )


def gateway(deployment: Deployment) -> Iterator[Finding]:
    """Whether the API may take as many requests as its routes let in."""
    allowed = deployment.account.ask("apigateway", "get_account")["throttleSettings"]
    rates, bursts = ("ReadsPerSecond", "WritesPerSecond"), ("ReadBurst", "WriteBurst")
    for parameter, most in [(rate, allowed["rateLimit"]) for rate in rates] + [(burst, allowed["burstLimit"]) for burst in bursts]:
        wanted = float(deployment.template.parameter(parameter))
        if wanted > most:
            yield warning(
                f"{parameter}={wanted:g} is more than API Gateway takes of this account in {deployment.region}, {most:g} for all of its "
                "APIs: what is above is answered with 429. Lower it, or ask for more in Service Quotas (Amazon API Gateway, Throttle rate, "
                "L-8A5B8E43)."
            )


@dataclass(frozen=True)
class Number:
    """Of how many things an account may have only so many."""

    kind: str
    what: str
    service: str
    code: str
    count: Callable[[Deployment], int]


def counted(service: str, operation: str, member: str, **parameters: object) -> Callable[[Deployment], int]:
    """How many members an answer has on all of its pages."""
    return lambda deployment: sum(len(page[member]) for page in deployment.account.pages(service, operation, **parameters))


GATEWAYS = [{"Name": "vpc-endpoint-type", "Values": ["Gateway"]}]
NUMBERS = (
    Number("AWS::EC2::VPC", "VPCs", "vpc", "L-F678F1CE", counted("ec2", "describe_vpcs", "Vpcs")),
    Number(
        "AWS::EC2::VPCEndpoint",
        "gateway VPC endpoints",
        "vpc",
        "L-1B52E74A",
        counted("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=GATEWAYS),
    ),
    Number("AWS::RDS::DBCluster", "DB clusters", "rds", "L-952B80B8", counted("rds", "describe_db_clusters", "DBClusters")),
    Number("AWS::RDS::DBProxy", "RDS proxies", "rds", "L-D94C7EA3", counted("rds", "describe_db_proxies", "DBProxies")),
)


def numbers(deployment: Deployment) -> Iterator[Finding]:
    """Whether there is room for what a new stack makes."""
    if deployment.existing is not None:
        return
    for number in NUMBERS:
        made = [properties for properties in deployment.made(number.kind).values() if properties.get("VpcEndpointType") != "Interface"]
        if not made:
            continue
        try:
            allowed = quota(deployment, number.service, number.code)
            there = number.count(deployment)
        except NotAnswered as reason:
            yield unchecked(f"whether there is room for {number.what}", reason)
            continue
        if there + len(made) > allowed:
            yield failure(
                f"AWS would refuse {number.what}: this account has {there} of {allowed:g} in {deployment.region}, and the stack makes "
                f"{len(made)} more. Delete what is not used, or ask for more in Service Quotas ({number.service}, {number.code})."
            )
