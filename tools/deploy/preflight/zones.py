"""Availability zones: which have every service that a stage uses, and which two its network gets.

In the oldest regions names stand for other zones in each account of before November 2025, ids for the same (AWS: "AZ IDs"). Interface
endpoints and Aurora tell where they are. RDS Proxy is documented. For functions in a VPC and ElastiCache Serverless there is neither a
call nor a list; the zones of their own endpoints are taken for a hint: a zone without those comes last.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from deploy.account import NotAnswered, NotThere
from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure, unchecked, warning

PARAMETERS = ("ZoneA", "ZoneB")
SUBNETS = ("PrivateSubnetA", "PrivateSubnetB")
# AWS: "Quotas and limitations for RDS Proxy", of Aurora.
WITHOUT_PROXY = {"use1-az3", "usw1-az2"}
HINTS = {"AWS::Serverless::Function": "lambda", "AWS::ElastiCache::ServerlessCache": "elasticache"}
HINTED = {"lambda": "functions in a VPC", "elasticache": "ElastiCache Serverless"}


@dataclass
class Zone:
    """One zone of the region, as this account calls it."""

    name: str
    id: str
    lacks: list[str] = field(default_factory=list)
    """Services that the stage uses and that are not there."""
    may_lack: list[str] = field(default_factory=list)
    """Services that nobody tells of, and whose hint is missing."""

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


@dataclass(frozen=True)
class Choice:
    """The zones of the stage's network, if it makes one, and what is to be said about them."""

    findings: Sequence[Finding]
    parameters: dict[str, str]


def choose(deployment: Deployment) -> Choice:
    """The zones that the stack keeps or the stage names, or else two that have everything."""
    if not deployment.is_made("AWS::EC2::Subnet"):
        return Choice(list(given_subnets(deployment)), {})
    findings: list[Finding] = []
    named = [deployment.stage.parameters.get(name, "") for name in PARAMETERS]
    kept = zones_of_stack(deployment, findings)
    if kept and any(named) and named != kept:
        findings.append(
            failure(
                f"The stage names the zones {' and '.join(named)}, and the stack {deployment.stage.stack_name} is in {' and '.join(kept)}: "
                "CloudFormation would replace its subnets, and the ledger cannot follow. Take ZoneA and ZoneB out of the stage, or "
                "deploy under another stack_name."
            )
        )
        return Choice(findings, {})
    wanted = kept or (named if all(named) else [])
    try:
        zones = list(zones_of(deployment))
    except NotAnswered as reason:
        return Choice([*findings, unknown(wanted, reason)], dict(zip(PARAMETERS, wanted, strict=False)))
    findings += survey(deployment, zones)
    if wanted:
        findings += judge(wanted, zones, "The stack's" if kept else "The stage's")
        return Choice(findings, dict(zip(PARAMETERS, wanted, strict=True)))
    return best(deployment, zones, findings)


def unknown(wanted: Sequence[str], reason: NotAnswered) -> Finding:
    """What to say when the account's zones cannot be asked for."""
    if wanted:
        return unchecked(f"the zones {' and '.join(wanted)}", reason)
    return failure(
        f"Which zones there are is not known, because {reason}, and the network needs two: allow {reason.action}, or name ZoneA and ZoneB "
        "in samconfig.toml."
    )


def best(deployment: Deployment, zones: list[Zone], findings: list[Finding]) -> Choice:
    """Two zones that have everything."""
    # A stack keeps its zones, and may get a proxy later. That zones are without is documented, what they may lack is not.
    fit = sorted((zone for zone in zones if not zone.lacks), key=lambda zone: (zone.id in WITHOUT_PROXY, len(zone.may_lack), zone.name))
    if len(fit) < len(PARAMETERS):
        told = "; ".join(f"{zone} lacks {', '.join(zone.lacks)}" for zone in zones if zone.lacks)
        findings.append(
            failure(
                f"Two zones of {deployment.region} with every service are needed, and {len(fit)} "
                f"{'has' if len(fit) == 1 else 'have'} them ({told}): deploy to another region."
            )
        )
        return Choice(findings, {})
    chosen = fit[: len(PARAMETERS)]
    findings += [
        warning(
            f"The zone {zone} was chosen for want of a better one, and may lack {' and '.join(zone.may_lack)}: if AWS refuses a subnet, "
            "name other zones as ZoneA and ZoneB in samconfig.toml."
        )
        for zone in chosen
        if zone.may_lack
    ]
    findings += [
        warning(
            f"The zone {zone} was chosen for want of a better one, and has no RDS Proxy: a stack keeps its zones, so this one cannot get "
            "LedgerProxyEnabled=true later."
        )
        for zone in chosen
        if zone.id in WITHOUT_PROXY
    ]
    return Choice(findings, {name: zone.name for name, zone in zip(PARAMETERS, chosen, strict=True)})


def judge(names: Sequence[str], zones: Sequence[Zone], whose: str) -> Iterator[Finding]:
    """What is wrong with zones that somebody else has chosen."""
    known = {zone.name: zone for zone in zones}
    for name in names:
        if name not in known:
            yield failure(
                f"{whose} zone {name} is none of this account's in which subnets can be made: take of {', '.join(sorted(known))}."
            )
        elif known[name].lacks:
            yield failure(
                f"{whose} zone {known[name]} lacks {', '.join(known[name].lacks)}, which AWS would refuse there: do without, or use two "
                "other zones in a new stack."
            )
        elif known[name].may_lack:
            yield warning(f"{whose} zone {known[name]} may lack {' and '.join(known[name].may_lack)}; AWS tells of it nowhere.")


def zones_of(deployment: Deployment) -> Iterator[Zone]:
    """The zones of the region in which this account may make something."""
    wanted = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    for zone in deployment.account.ask("ec2", "describe_availability_zones", Filters=wanted)["AvailabilityZones"]:
        yield Zone(zone["ZoneName"], zone["ZoneId"])


def zones_of_stack(deployment: Deployment, findings: list[Finding]) -> list[str]:
    """Where the stack's subnets are, if it has any."""
    existing = deployment.existing
    if existing is None or any(name not in existing.resources for name in SUBNETS):
        return []
    ids = [existing.resources[name].physical_id for name in SUBNETS]
    try:
        subnets = deployment.account.ask("ec2", "describe_subnets", SubnetIds=ids)["Subnets"]
    except NotAnswered as reason:
        # Its parameters say the same, if it is of a release that has them.
        findings.append(unchecked("in which zones the stack's subnets are", reason))
        return [zone for name in PARAMETERS if (zone := existing.parameters.get(name))]
    where = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets}
    return [where[identifier] for identifier in ids]


def survey(deployment: Deployment, zones: Sequence[Zone]) -> Iterator[Finding]:
    """Notes at each zone what it lacks."""
    if deployment.is_made("AWS::RDS::DBProxy"):
        for zone in zones:
            if zone.id in WITHOUT_PROXY:
                zone.lacks.append("RDS Proxy")
    for note in (endpoints, aurora):
        try:
            note(deployment, zones)
        except NotAnswered as reason:
            yield unchecked("which zones have every service", reason)


def endpoints(deployment: Deployment, zones: Sequence[Zone]) -> None:
    """Interface endpoints, and the hints."""
    interfaces = [made for made in deployment.made("AWS::EC2::VPCEndpoint").values() if made["VpcEndpointType"] == "Interface"]
    needed = {
        deployment.named(endpoint["ServiceName"]): f"the endpoint of {deployment.named(endpoint['ServiceName'])}" for endpoint in interfaces
    }
    hints = {f"com.amazonaws.{deployment.region}.{hint}": HINTED[hint] for kind, hint in HINTS.items() if deployment.is_made(kind)}
    offers: dict[str, set[str]] = {}
    filters = [{"Name": "service-name", "Values": sorted({*needed, *hints})}]
    for page in deployment.account.pages("ec2", "describe_vpc_endpoint_services", Filters=filters):
        for service in page["ServiceDetails"]:
            # A service can have two entries, of which the gateway is everywhere.
            if any(kind["ServiceType"] == "Interface" for kind in service["ServiceType"]):
                offers.setdefault(service["ServiceName"], set()).update(service["AvailabilityZones"])
    mark(zones, needed, offers, lambda zone: zone.lacks)
    mark(zones, {name: what for name, what in hints.items() if name in offers}, offers, lambda zone: zone.may_lack)


def mark(zones: Sequence[Zone], services: dict[str, str], offers: dict[str, set[str]], where: Callable[[Zone], list[str]]) -> None:
    """Notes at each zone which of the services are not offered there."""
    for zone in zones:
        where(zone).extend(what for name, what in services.items() if zone.name not in offers.get(name, ()))


def aurora(deployment: Deployment, zones: Sequence[Zone]) -> None:
    """Aurora's instances."""
    for instance in list(deployment.made("AWS::RDS::DBInstance").values())[:1]:
        offered: set[str] = set()
        wanted = {
            "Engine": instance["Engine"],
            "EngineVersion": deployment.template.parameter("LedgerEngineVersion"),
            "DBInstanceClass": instance["DBInstanceClass"],
        }
        for page in deployment.account.pages("rds", "describe_orderable_db_instance_options", **wanted):
            for option in page["OrderableDBInstanceOptions"]:
                offered |= {zone["Name"] for zone in option["AvailabilityZones"]}
        if not offered:
            # Nowhere at all: whether that matters is for the check of the version.
            return
        mark(zones, {"": f"Aurora's {instance['DBInstanceClass']}"}, {"": offered}, lambda zone: zone.lacks)


def given_subnets(deployment: Deployment) -> Iterator[Finding]:
    """Subnets of a VPC that exists have to be in two zones that have everything."""
    ids = [identifier for identifier in deployment.template.parameter("PrivateSubnetIds").split(",") if identifier]
    if not ids:
        return
    try:
        zones = list(zones_of(deployment))
        subnets = deployment.account.ask("ec2", "describe_subnets", missing=("InvalidSubnetID.NotFound",), SubnetIds=ids)["Subnets"]
    except NotThere:
        yield failure(f"Not all of PrivateSubnetIds, {', '.join(ids)}, are subnets of this account in {deployment.region}: correct them.")
        return
    except NotAnswered as reason:
        yield unchecked("the zones of PrivateSubnetIds", reason)
        return
    names = sorted({subnet["AvailabilityZone"] for subnet in subnets})
    if len(names) < len(PARAMETERS):
        yield failure(
            f"The subnets of PrivateSubnetIds are all in {names[0]}, and Aurora and RDS Proxy need two zones: name one in another."
        )
    yield from survey(deployment, zones)
    yield from judge(names, zones, "The subnets'")
