"""Whether this region has the ledger's engine."""

from collections.abc import Iterator

from deploy.preflight.deployment import Deployment
from deploy.preflight.finding import Finding, failure


def version(deployment: Deployment) -> Iterator[Finding]:
    """Whether RDS makes clusters of this version, of this capacity."""
    for cluster in deployment.made("AWS::RDS::DBCluster").values():
        engine, wanted = cluster["Engine"], deployment.template.parameter("LedgerEngineVersion")
        found = deployment.account.ask("rds", "describe_db_engine_versions", Engine=engine, EngineVersion=wanted)["DBEngineVersions"]
        if not found:
            offered = versions(deployment, engine, wanted.split(".")[0])
            yield failure(
                f"RDS makes no {engine} {wanted} in {deployment.region}: set LedgerEngineVersion to one of "
                f"{', '.join(offered) if offered else 'another major version'}."
            )
            continue
        if not serverless(deployment, engine, wanted):
            yield failure(f"RDS offers no db.serverless of {engine} {wanted} in {deployment.region}: set another LedgerEngineVersion.")
        yield from capacity(deployment, found[0].get("ServerlessV2FeaturesSupport", {}))


def versions(deployment: Deployment, engine: str, major: str) -> list[str]:
    """What there is of a major version."""
    pages = deployment.account.pages("rds", "describe_db_engine_versions", Engine=engine)
    every = (found["EngineVersion"] for page in pages for found in page["DBEngineVersions"])
    return sorted((version for version in every if version.startswith(f"{major}.")), key=lambda version: int(version.split(".")[1]))


def serverless(deployment: Deployment, engine: str, wanted: str) -> bool:
    """Whether there are serverless instances of it."""
    parameters = {"Engine": engine, "EngineVersion": wanted, "DBInstanceClass": "db.serverless"}
    pages = deployment.account.pages("rds", "describe_orderable_db_instance_options", **parameters)
    return any(page["OrderableDBInstanceOptions"] for page in pages)


def capacity(deployment: Deployment, supported: dict[str, float]) -> Iterator[Finding]:
    """Whether the version goes as low and as high as the parameters say. RDS tells it of some versions only."""
    low, high = (float(deployment.template.parameter(name)) for name in ("LedgerMinCapacity", "LedgerMaxCapacity"))
    if low > high:
        yield failure(f"LedgerMinCapacity={low:g} is more than LedgerMaxCapacity={high:g}, which RDS refuses: change one of them.")
    if low < supported.get("MinCapacity", 0):
        yield failure(f"This version of Aurora needs LedgerMinCapacity={supported['MinCapacity']:g} or more, and the stage says {low:g}.")
    if high > supported.get("MaxCapacity", high):
        yield failure(f"This version of Aurora takes LedgerMaxCapacity={supported['MaxCapacity']:g} at most, and the stage says {high:g}.")
