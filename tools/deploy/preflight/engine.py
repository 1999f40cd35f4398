"""Whether RDS makes the ledger's cluster, or takes the one that there is to the version that the stage says."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure, warning

PARAMETER = "LedgerEngineVersion"


def version(deployment: Deployment) -> Iterator[Finding]:
    """Whether RDS has this version, of this capacity."""
    for name, cluster in deployment.made("AWS::RDS::DBCluster").items():
        if runs := live(deployment, name):
            yield from update(deployment, cluster["Engine"], runs)
        else:
            yield from creation(deployment, cluster)


def live(deployment: Deployment, name: str) -> str | None:
    """The version that the stack's cluster runs, if it has one. RDS upgrades minor versions by itself."""
    if (identifier := deployment.standing(name)) is None:
        return None
    (cluster,) = deployment.account.ask("rds", "describe_db_clusters", DBClusterIdentifier=identifier)["DBClusters"]
    return cluster["EngineVersion"]


def creation(deployment: Deployment, cluster: dict[str, Any]) -> Iterator[Finding]:
    """What RDS refuses of a cluster that is not there yet."""
    engine, wanted = cluster["Engine"], deployment.template.parameter(PARAMETER)
    found = described(deployment, engine, wanted)
    if found is None:
        offered = versions(deployment, engine, wanted.split(".")[0])
        yield failure(
            f"RDS makes no {engine} {wanted} in {deployment.region}: set {PARAMETER} to one of "
            f"{', '.join(offered) if offered else 'another major version'}."
        )
        return
    yield from orderable(deployment, engine, wanted, needs_data_api=cluster.get("EnableHttpEndpoint", False))
    yield from capacity(deployment, found)


def update(deployment: Deployment, engine: str, runs: str) -> Iterator[Finding]:
    """What RDS refuses of a cluster that is there.

    CloudFormation sends it the version when the template's has changed, whether RDS still offers the old one or not
    (aws-cloudformation/aws-cloudformation-resource-providers-rds, Translator.modifyDbClusterRequest).
    """
    wanted = deployment.template.parameter(PARAMETER)
    before = deployment.existing.parameters.get(PARAMETER, runs) if deployment.existing else runs
    # What it runs can be out of RDS's list already.
    found = described(deployment, engine, runs, IncludeAll=True) or {}
    if wanted in (before, runs):
        yield from capacity(deployment, found)
        if order(runs) > order(wanted):
            yield warning(
                f"The ledger runs {engine} {runs}, to which RDS has upgraded it, and {PARAMETER} is still {wanted}: nothing changes, but "
                f"the next version that you set has to be above {runs}."
            )
        return
    targets = [target["EngineVersion"] for target in found.get("ValidUpgradeTarget", [])]
    if order(wanted) < order(runs):
        yield failure(
            f"RDS would refuse to take the ledger from {engine} {runs} back to {wanted}: set {PARAMETER} to {before}, which changes "
            f"nothing, or above {runs}."
        )
    elif wanted not in targets:
        offered = ", ".join(numbered(targets))
        yield failure(
            f"RDS does not upgrade the ledger from {engine} {runs} to {wanted} in {deployment.region}: set {PARAMETER} to {before}, which "
            f"changes nothing{f', or to one of {offered}' if offered else ''}."
        )
    else:
        yield from orderable(deployment, engine, wanted, needs_data_api=False)
        yield from capacity(deployment, described(deployment, engine, wanted) or {})


def order(plain: str) -> tuple[int, ...]:
    """By which versions are compared."""
    return tuple(int(part) for part in plain.split("."))


def numbered(every: Iterable[str]) -> list[str]:
    """Versions that the parameter takes, in their order. Others are of other products, such as 16.4-limitless."""
    return sorted((plain for plain in every if re.fullmatch(r"\d+(\.\d+)+", plain)), key=order)


def described(deployment: Deployment, engine: str, wanted: str, **more: bool) -> dict[str, Any] | None:
    """What RDS says of a version."""
    asked = {"Engine": engine, "EngineVersion": wanted, **more}
    return next(iter(deployment.account.ask("rds", "describe_db_engine_versions", **asked)["DBEngineVersions"]), None)


def versions(deployment: Deployment, engine: str, major: str) -> list[str]:
    """What there is of a major version."""
    pages = deployment.account.pages("rds", "describe_db_engine_versions", Engine=engine)
    every = (found["EngineVersion"] for page in pages for found in page["DBEngineVersions"])
    return numbered(found for found in every if found.startswith(f"{major}."))


def orderable(deployment: Deployment, engine: str, wanted: str, *, needs_data_api: bool) -> Iterator[Finding]:
    """Whether there are serverless instances of it, and RDS's Data API for them."""
    parameters = {"Engine": engine, "EngineVersion": wanted, "DBInstanceClass": "db.serverless"}
    pages = deployment.account.pages("rds", "describe_orderable_db_instance_options", **parameters)
    options = [option for page in pages for option in page["OrderableDBInstanceOptions"]]
    if not options:
        yield failure(f"RDS offers no db.serverless of {engine} {wanted} in {deployment.region}: set another {PARAMETER}.")
    # AWS: "Supported Regions and Aurora DB engines for RDS Data API".
    elif needs_data_api and not any(option.get("SupportsHttpEndpoint", True) for option in options):
        yield failure(
            f"RDS has no Data API for {engine} {wanted} in {deployment.region}, and the template switches it on, because the runbooks "
            "reach the ledger by it: deploy to another region, or take EnableHttpEndpoint out of LedgerCluster in template.yaml and bring "
            "a way into the VPC of your own."
        )


def capacity(deployment: Deployment, found: dict[str, Any]) -> Iterator[Finding]:
    """Whether the version goes as low and as high as the parameters say. RDS tells it of some versions only."""
    supported = found.get("ServerlessV2FeaturesSupport", {})
    low, high = (float(deployment.template.parameter(name)) for name in ("LedgerMinCapacity", "LedgerMaxCapacity"))
    for name, units in (("LedgerMinCapacity", low), ("LedgerMaxCapacity", high)):
        # AWS: "ServerlessV2ScalingConfiguration": "in half-step increments". A parameter of the type Number has no pattern to say so.
        if not (2 * units).is_integer():
            yield failure(f"Aurora takes capacity in steps of 0.5, and the stage says {name}={units:g}: round it.")
    if low > high:
        yield failure(f"LedgerMinCapacity={low:g} is more than LedgerMaxCapacity={high:g}, which RDS refuses: change one of them.")
    if low < supported.get("MinCapacity", 0):
        yield failure(f"This version of Aurora needs LedgerMinCapacity={supported['MinCapacity']:g} or more, and the stage says {low:g}.")
    if high > supported.get("MaxCapacity", high):
        yield failure(f"This version of Aurora takes LedgerMaxCapacity={supported['MaxCapacity']:g} at most, and the stage says {high:g}.")
