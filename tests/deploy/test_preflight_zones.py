"""The zones that the preflight chooses, keeps and refuses."""

from typing import Any

from recorded import Recorded
from surveyed import DEV, PROD, found


def test_a_zone_without_rds_proxy_is_not_taken() -> None:
    assert found(Recorded("new-account"), PROD | {"AcceptingConcurrency": "0"})[2] == {"ZoneA": "us-east-1b", "ZoneB": "us-east-1c"}
    (failed,), _, _ = found(Recorded("new-account"), PROD | {"AcceptingConcurrency": "0", "ZoneA": "us-east-1a", "ZoneB": "us-east-1b"})
    assert failed.startswith("The stage's zone us-east-1a (use1-az3) lacks RDS Proxy")


def test_a_zone_whose_hints_are_missing_comes_last_and_is_no_failure() -> None:
    # Without the proxy nothing is documented of use1-az3; the endpoints of Lambda and ElastiCache are not there.
    named = DEV | {"ZoneA": "us-east-1a", "ZoneB": "us-east-1b"}
    failures, warnings, added = found(Recorded("new-account"), named)
    assert failures == [] and added == {"ZoneA": "us-east-1a", "ZoneB": "us-east-1b"}
    assert any(
        warning.startswith("The stage's zone us-east-1a (use1-az3) may lack functions in a VPC and ElastiCache Serverless")
        for warning in warnings
    )
    only_two = {
        "operation": "ec2.DescribeAvailabilityZones",
        "answer": {"AvailabilityZones": [zone("us-east-1a", "use1-az3"), zone("us-east-1b", "use1-az6")]},
    }
    _, warnings, added = found(Recorded("new-account", only_two), DEV)
    assert added == {"ZoneA": "us-east-1b", "ZoneB": "us-east-1a"}
    assert any(warning.startswith("The zone us-east-1a (use1-az3) was chosen for want of a better one") for warning in warnings)


def test_a_zone_without_rds_proxy_comes_last_even_while_there_is_no_proxy() -> None:
    # A stack keeps its zones. The first one has everything else.
    there = [zone("us-east-1a", "use1-az3"), zone("us-east-1b", "use1-az6"), zone("us-east-1c", "use1-az1")]
    three = {"operation": "ec2.DescribeAvailabilityZones", "answer": {"AvailabilityZones": there}}
    assert found(Recorded("known-account", three), DEV) == ([], [], {"ZoneA": "us-east-1b", "ZoneB": "us-east-1c"})
    two = {"operation": "ec2.DescribeAvailabilityZones", "answer": {"AvailabilityZones": there[:2]}}
    _, (told,), added = found(Recorded("known-account", two), DEV)
    assert told.startswith("The zone us-east-1a (use1-az3) was chosen for want of a better one, and has no RDS Proxy")
    assert added == {"ZoneA": "us-east-1b", "ZoneB": "us-east-1a"}


def zone(name: str, identifier: str) -> dict[str, Any]:
    """A zone as EC2 tells it."""
    return {"ZoneName": name, "ZoneId": identifier, "ZoneType": "availability-zone", "State": "available"}


def test_zones_lack_what_endpoints_and_aurora_do_not_offer() -> None:
    everywhere = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1e", "us-east-1f"]
    details = [
        {"ServiceName": f"com.amazonaws.us-east-1.{name}", "ServiceType": [{"ServiceType": "Interface"}], "AvailabilityZones": zones}
        for name, zones in (("states", everywhere[2:]), ("secretsmanager", everywhere))
    ]
    services = {"operation": "ec2.DescribeVpcEndpointServices", "answer": {"ServiceDetails": details}}
    options = [{"Engine": "aurora-postgresql", "AvailabilityZones": [{"Name": "us-east-1c"}]}]
    aurora = {"operation": "rds.DescribeOrderableDBInstanceOptions", "answer": {"OrderableDBInstanceOptions": options}}
    assert found(Recorded("known-account", services), DEV)[2] == {"ZoneA": "us-east-1c", "ZoneB": "us-east-1d"}
    (failed,), _, added = found(Recorded("known-account", services, aurora), DEV)
    assert failed.startswith("Two zones of us-east-1 with every service are needed, and 1 has them")
    assert "us-east-1a (use1-az6) lacks the endpoint of com.amazonaws.us-east-1.states, Aurora's db.serverless" in failed
    assert added == {}


def test_a_zone_that_the_account_does_not_have_is_refused() -> None:
    (failed,), _, _ = found(Recorded("known-account"), DEV | {"ZoneA": "us-east-1x", "ZoneB": "us-east-1b"})
    assert failed.startswith("The stage's zone us-east-1x is none of this account's")


def test_a_stack_keeps_its_zones() -> None:
    # It was made by a release without the parameters ZoneA and ZoneB: its subnets say where they are.
    recorded = Recorded("standing-stack")
    assert found(recorded, PROD) == ([], [], {"ZoneA": "us-east-1c", "ZoneB": "us-east-1d"})
    assert found(Recorded("standing-stack"), PROD | {"ZoneA": "us-east-1c", "ZoneB": "us-east-1d"})[0] == []
    (failed,), _, added = found(Recorded("standing-stack"), PROD | {"ZoneA": "us-east-1a", "ZoneB": "us-east-1d"})
    assert failed.startswith("The stage names the zones us-east-1a and us-east-1d, and the stack fluxo is in us-east-1c and us-east-1d")
    assert added == {}


def test_subnets_of_a_network_that_exists_are_in_two_zones() -> None:
    ids = "subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb"
    given = PROD | {"VpcId": "vpc-0fedcba9876543210", "PrivateSubnetIds": ids}

    def subnets(first: str, second: str) -> dict[str, Any]:
        members = [{"SubnetId": name, "AvailabilityZone": zone} for name, zone in zip(ids.split(","), (first, second), strict=True)]
        return {"operation": "ec2.DescribeSubnets", "answer": {"Subnets": members}}

    assert found(Recorded("known-account", subnets("us-east-1a", "us-east-1b")), given) == ([], [], {})
    (failed,), _, _ = found(Recorded("known-account", subnets("us-east-1a", "us-east-1a")), given)
    assert failed.startswith("The subnets of PrivateSubnetIds are all in us-east-1a")
    (failed,), _, _ = found(Recorded("known-account", subnets("us-east-1a", "us-east-1e")), given)
    assert failed.startswith("The subnets' zone us-east-1e (use1-az3) lacks RDS Proxy")
    missing = {"operation": "ec2.DescribeSubnets", "error": "InvalidSubnetID.NotFound"}
    (failed,), _, _ = found(Recorded("known-account", missing), given)
    assert failed.startswith("Not all of PrivateSubnetIds")


def test_without_the_zones_a_network_cannot_be_made_unless_they_are_named() -> None:
    denied = {"operation": "ec2.DescribeAvailabilityZones", "error": "UnauthorizedOperation"}
    (failed,), _, added = found(Recorded("known-account", denied), DEV)
    assert "allow ec2:DescribeAvailabilityZones, or name ZoneA and ZoneB" in failed and added == {}
    named = {"ZoneA": "us-east-1a", "ZoneB": "us-east-1b"}
    failures, (warning,), added = found(Recorded("known-account", denied), DEV | named)
    assert failures == [] and warning.startswith("Not checked: the zones us-east-1a and us-east-1b") and added == named
