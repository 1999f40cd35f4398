"""The engine's version, as the preflight holds it against RDS: of a ledger that is made, and of one that is there."""

from typing import Any

import pytest
from recorded import Recorded
from surveyed import DEV, PROD, found

ENGINE = "aurora-postgresql"


def test_a_version_that_rds_does_not_have_is_answered_with_those_it_has() -> None:
    wanted = DEV | {"LedgerEngineVersion": "17.99"}
    none = {"operation": "rds.DescribeDBEngineVersions", "for": {"EngineVersion": "17.99"}, "answer": {"DBEngineVersions": []}}
    no_option = {
        "operation": "rds.DescribeOrderableDBInstanceOptions",
        "for": {"EngineVersion": "17.99"},
        "answer": {"OrderableDBInstanceOptions": []},
    }
    every = [{"Engine": "aurora-postgresql", "EngineVersion": version} for version in ("16.9", "17.10", "17.4-limitless", "17.5")]
    offered = {"operation": "rds.DescribeDBEngineVersions", "answer": {"DBEngineVersions": every}}
    failures, _, _ = found(Recorded("known-account", none, no_option, offered), wanted)
    assert failures == ["RDS makes no aurora-postgresql 17.99 in us-east-1: set LedgerEngineVersion to one of 17.5, 17.10."]


def test_capacity_that_the_version_does_not_have_is_refused() -> None:
    support = {"MinCapacity": 0.5, "MaxCapacity": 128.0}
    versions = [{"Engine": "aurora-postgresql", "EngineVersion": "17.5", "ServerlessV2FeaturesSupport": support}]
    recorded = Recorded("known-account", {"operation": "rds.DescribeDBEngineVersions", "answer": {"DBEngineVersions": versions}})
    failures, _, _ = found(recorded, DEV | {"LedgerMaxCapacity": "256"})
    assert [failed.split(",")[0] for failed in failures] == [
        "This version of Aurora needs LedgerMinCapacity=0.5 or more",
        "This version of Aurora takes LedgerMaxCapacity=128 at most",
    ]


def test_capacity_is_in_steps_of_a_half() -> None:
    failures, _, _ = found(Recorded("known-account"), DEV | {"LedgerMinCapacity": "0.7", "LedgerMaxCapacity": "2.25"})
    assert [failed.split(": ")[0].rpartition(" ")[2] for failed in failures] == ["LedgerMinCapacity=0.7", "LedgerMaxCapacity=2.25"]
    assert found(Recorded("known-account"), DEV | {"LedgerMinCapacity": "0.5", "LedgerMaxCapacity": "2.5"})[0] == []


def test_a_region_without_the_data_api_gets_no_ledger_that_switches_it_on() -> None:
    options = [
        {"Engine": ENGINE, "EngineVersion": "17.5", "DBInstanceClass": "db.serverless", "SupportsHttpEndpoint": False, **zones}
        for zones in ({"AvailabilityZones": [{"Name": f"us-east-1{letter}"} for letter in "abcd"]},)
    ]
    lacking = {"operation": "rds.DescribeOrderableDBInstanceOptions", "answer": {"OrderableDBInstanceOptions": options}}
    (failed,), _, _ = found(Recorded("known-account", lacking), DEV)
    assert failed.startswith("RDS has no Data API for aurora-postgresql 17.5 in us-east-1") and "EnableHttpEndpoint" in failed


def standing(before: str, runs: str, *instead: dict[str, Any], targets: tuple[str, ...] = (), offered: tuple[str, ...] = ()) -> Recorded:
    """A stack that was deployed with one version, whose cluster runs one that upgrades to those, in a region that offers others."""
    parameters = [{"ParameterKey": "LedgerEngineVersion", "ParameterValue": before}]
    stack = {"StackName": "fluxo", "StackStatus": "UPDATE_COMPLETE", "CreationTime": "2026-03-01T10:00:00Z", "Parameters": parameters}
    cluster = {"DBClusterIdentifier": "fluxo-ledger", "Engine": ENGINE, "EngineVersion": runs, "Status": "available"}
    upgrades = [{"Engine": ENGINE, "EngineVersion": target} for target in targets]
    options = [{"Engine": ENGINE, "DBInstanceClass": "db.serverless", "AvailabilityZones": [{"Name": f"us-east-1{zone}"} for zone in "cd"]}]
    return Recorded(
        "standing-stack",
        *instead,
        {"operation": "cloudformation.DescribeStacks", "answer": {"Stacks": [stack]}},
        {"operation": "rds.DescribeDBClusters", "for": {"DBClusterIdentifier": "fluxo-ledger"}, "answer": {"DBClusters": [cluster]}},
        versions(runs, {"ValidUpgradeTarget": upgrades}, IncludeAll=True),
        *(versions(version, {}) for version in offered),
        *(instances(version, options) for version in offered),
        {"operation": "rds.DescribeDBEngineVersions", "answer": {"DBEngineVersions": []}},
        {"operation": "rds.DescribeOrderableDBInstanceOptions", "answer": {"OrderableDBInstanceOptions": []}},
    )


def versions(version: str, more: dict[str, Any], **asked: bool) -> dict[str, Any]:
    """What RDS says of one version."""
    support = {"MinCapacity": 0.0, "MaxCapacity": 256.0}
    described = {"Engine": ENGINE, "EngineVersion": version, "ServerlessV2FeaturesSupport": support, **more}
    return {
        "operation": "rds.DescribeDBEngineVersions",
        "for": {"EngineVersion": version, **asked},
        "answer": {"DBEngineVersions": [described]},
    }


def instances(version: str, options: list[dict[str, Any]]) -> dict[str, Any]:
    """The instances that RDS offers of one version."""
    return {
        "operation": "rds.DescribeOrderableDBInstanceOptions",
        "for": {"EngineVersion": version},
        "answer": {"OrderableDBInstanceOptions": options},
    }


def said(recorded: Recorded, wanted: str) -> tuple[list[str], list[str]]:
    """The failures and warnings of a stage with this version."""
    return found(recorded, PROD | {"LedgerEngineVersion": wanted})[:2]


def test_a_ledger_keeps_a_version_that_rds_does_not_offer_any_more() -> None:
    assert said(standing("17.4", "17.4"), "17.4") == ([], [])
    # It runs that version already.
    assert said(standing("17.4", "17.7"), "17.7") == ([], [])


def test_a_ledger_that_rds_has_upgraded_is_a_warning() -> None:
    failures, (told,) = said(standing("17.4", "17.7"), "17.4")
    assert failures == []
    assert told.startswith("The ledger runs aurora-postgresql 17.7, to which RDS has upgraded it, and LedgerEngineVersion is still 17.4")


@pytest.mark.parametrize("wanted", ["17.10", "18.1"])
def test_a_ledger_goes_up_to_what_rds_upgrades_it_to(wanted: str) -> None:
    assert said(standing("17.5", "17.7", targets=("17.10", "18.1"), offered=(wanted,)), wanted) == ([], [])


def test_a_ledger_does_not_go_where_rds_does_not_take_it() -> None:
    (failed,), _ = said(standing("17.5", "17.7", targets=("18.1", "17.10"), offered=("17.9",)), "17.9")
    assert failed.startswith("RDS does not upgrade the ledger from aurora-postgresql 17.7 to 17.9")
    assert failed.endswith("set LedgerEngineVersion to 17.5, which changes nothing, or to one of 17.10, 18.1.")
    # Above what was deployed, and below what it runs.
    (failed,), _ = said(standing("17.5", "17.7", targets=("17.6",), offered=("17.6",)), "17.6")
    assert failed.startswith("RDS would refuse to take the ledger from aurora-postgresql 17.7 back to 17.6")


def test_an_upgrade_needs_the_capacity_and_the_instances_of_its_version() -> None:
    (failed,), _ = said(standing("17.5", "17.5", targets=("17.7",)), "17.7")
    assert failed.startswith("RDS offers no db.serverless of aurora-postgresql 17.7")


def test_the_capacity_is_held_against_the_version_that_the_ledger_runs() -> None:
    (failed,), _, _ = found(
        standing("17.4", "17.4"), PROD | {"LedgerEngineVersion": "17.4", "LedgerMinCapacity": "9", "LedgerMaxCapacity": "8"}
    )
    assert failed.startswith("LedgerMinCapacity=9 is more than LedgerMaxCapacity=8")
    small = versions("17.4", {"ServerlessV2FeaturesSupport": {"MinCapacity": 0.5, "MaxCapacity": 128.0}}, IncludeAll=True)
    (failed,), _, _ = found(standing("17.4", "17.4", small), PROD | {"LedgerEngineVersion": "17.4", "LedgerMaxCapacity": "256"})
    assert failed.startswith("This version of Aurora takes LedgerMaxCapacity=128 at most")


def test_a_cluster_that_rds_does_not_know_is_a_question_that_stays_open() -> None:
    gone = {"operation": "rds.DescribeDBClusters", "for": {"DBClusterIdentifier": "fluxo-ledger"}, "error": "DBClusterNotFoundFault"}
    failures, warnings = said(standing("17.4", "17.4", gone), "17.4")
    assert failures == []
    assert "Not checked: the engine's version, because rds:DescribeDBClusters was answered with DBClusterNotFoundFault" in warnings[0]
