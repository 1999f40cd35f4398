"""What no deployment may depend on, read from the template."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cost.template import CHECKOUT, TEMPLATE, Loader, Stack
from deploy import stage

ROOTS = CHECKOUT / "crates" / "aws-clients" / "certs" / "rds.pem"
ZONES = {"ZoneA": "us-east-1a", "ZoneB": "us-east-1b"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The template as it is written."""
    return yaml.load(TEMPLATE.read_text(), Loader)


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(inner)


def test_no_zone_is_taken_by_its_place_in_a_list(document: dict[str, Any]) -> None:
    # Names stand for other zones in other accounts, and not every zone has every service.
    assert not [mapping for mapping in inside(document) if "Fn::GetAZs" in mapping]
    subnets = [resource["Properties"] for resource in document["Resources"].values() if resource["Type"] == "AWS::EC2::Subnet"]
    assert [subnet["AvailabilityZone"] for subnet in subnets] == [{"Ref": "ZoneA"}, {"Ref": "ZoneB"}]


def test_a_network_is_made_in_two_zones_that_somebody_has_named() -> None:
    said = ["needs ZoneA and ZoneB" in refusal for refusal in Stack.load().refusals("us-east-1")]
    assert said == [True]
    assert Stack.load(parameters=ZONES).refusals("us-east-1") == []
    assert len(Stack.load(parameters=ZONES | {"ZoneB": "us-east-1a"}).refusals("us-east-1")) == 1
    in_a_network = {"VpcId": "vpc-1", "PrivateSubnetIds": "subnet-1,subnet-2"}
    assert Stack.load(parameters=in_a_network).refusals("us-east-1") == []


def test_zones_have_names_that_ec2_gives(document: dict[str, Any]) -> None:
    for parameter in ZONES:
        pattern = document["Parameters"][parameter]["AllowedPattern"]
        for name in ("us-east-1a", "ap-northeast-3c", "us-gov-west-1b", ""):
            assert re.search(pattern, name), name
        # An id, a local zone, two zones.
        for name in ("use1-az1", "us-west-2-lax-1a", "us-east-1a,us-east-1b", "us-east-1"):
            assert not re.search(pattern, name), name


def test_the_ledger_is_made_where_the_functions_know_its_authorities(document: dict[str, Any]) -> None:
    (assertion,) = document["Rules"]["TheLedgersAuthoritiesAreKnown"]["Assertions"]
    regions, _ = assertion["Assert"]["Fn::Contains"]
    assert set(regions) == set(re.findall(r"^# Amazon RDS (\S+) Root CA ", ROOTS.read_text(), re.MULTILINE))
    (refusal,) = Stack.load(parameters=ZONES).refusals("il-central-1")
    assert "certificates of RDS's authorities" in refusal
    given = {"LedgerHost": "db.example.com", "LedgerAuth": "password", "RedisUrl": "rediss://cache.example.com"}
    given |= {"LedgerPassword": "a", "LedgerLookupPassword": "b", "LedgerMaintenancePassword": "c"}
    assert Stack.load(parameters=given).refusals("il-central-1") == []


def reserved(**parameters: str) -> dict[str, int]:
    """What the functions reserve with these parameters."""
    functions = Stack.load(parameters=parameters).resources("AWS::Serverless::Function")
    name = "ReservedConcurrentExecutions"
    return {function: int(properties[name]) for function, properties in functions.items() if name in properties}


def test_no_concurrency_is_reserved_where_the_parameters_are_zero() -> None:
    without_proxy = {"LedgerProxyEnabled": "false", "AcceptingConcurrency": "0", "EventsConcurrency": "0"}
    assert sum(reserved(**without_proxy, LedgerConcurrency="5").values()) == 59
    assert reserved(**without_proxy, LedgerConcurrency="0") == {}
    assert reserved(LedgerProxyEnabled="true", AcceptingConcurrency="0", EventsConcurrency="0") == {}


def test_the_stage_dev_reserves_nothing() -> None:
    assert reserved(**stage.read("dev").parameters) == {}


def test_every_log_group_that_rds_would_make_is_made_before_and_expires() -> None:
    stack = Stack.load(parameters={"LedgerProxyEnabled": "true"})
    groups = {name: properties["LogGroupName"]["Fn::Sub"] for name, properties in stack.resources("AWS::Logs::LogGroup").items()}
    (proxy,) = stack.resources("AWS::RDS::DBProxy").values()
    (cluster,) = stack.resources("AWS::RDS::DBCluster").values()
    assert groups["LedgerProxyLog"] == ["/aws/rds/proxy/${Name}", {"Name": proxy["DBProxyName"]}]
    assert groups["LedgerLog"] == ["/aws/rds/cluster/${Name}/postgresql", {"Name": cluster["DBClusterIdentifier"]}]
    for name, properties in stack.resources("AWS::Logs::LogGroup").items():
        assert "RetentionInDays" in properties, name
    assert "LedgerProxyLog" not in Stack.load(parameters={"LedgerProxyEnabled": "false"}).resources("AWS::Logs::LogGroup")


def test_who_makes_a_log_group_waits_for_it(document: dict[str, Any]) -> None:
    resources = document["Resources"]
    assert resources["LedgerProxy"]["DependsOn"] == "LedgerProxyLog"
    assert resources["LedgerCluster"]["DependsOn"] == "LedgerLog"


def test_the_cache_has_a_limit_of_work_and_of_size() -> None:
    (cache,) = (
        Stack.load(parameters={"RedisEcpuMax": "2000", "RedisDataMaxGb": "3"}).resources("AWS::ElastiCache::ServerlessCache").values()
    )
    assert cache["CacheUsageLimits"] == {"DataStorage": {"Maximum": "3", "Unit": "GB"}, "ECPUPerSecond": {"Maximum": "2000"}}


def test_what_eventbridge_cannot_park_goes_to_the_dead_letter_queue() -> None:
    stack = Stack.load()
    rules = stack.resources("AWS::Events::Rule")
    assert set(rules) == {"StoppedExecutionsRule", "UnparkedFailuresRule"}
    for name, rule in rules.items():
        (target,) = rule["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}, name
    policies = {name: policy["PolicyDocument"]["Statement"] for name, policy in stack.resources("AWS::SQS::QueuePolicy").items()}
    (statement,) = policies["DeadLetterQueuePolicy"]
    assert statement["Resource"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == [{"Fn::GetAtt": [name, "Arn"]} for name in rules]


def test_every_failure_that_is_not_parked_is_counted(document: dict[str, Any]) -> None:
    (rule,) = [rule for name, rule in Stack.load().resources("AWS::Events::Rule").items() if name == "UnparkedFailuresRule"]
    (excluded,) = rule["EventPattern"]["detail"]["error"]
    pattern = document["Resources"]["ExecutionsNotParked"]["Properties"]["FilterPattern"]
    assert re.findall(r'\$\.details\.error != "(\w+)"', pattern) == excluded["anything-but"]
    # Both state machines log to the group that is filtered.
    group = {"Fn::GetAtt": ["RecordEntriesLog", "Arn"]}
    for machine in Stack.load().resources("AWS::Serverless::StateMachine").values():
        assert machine["Logging"]["Destinations"] == [{"CloudWatchLogsLogGroup": {"LogGroupArn": group}}]
        assert machine["Logging"]["Level"] != "OFF"
    assert document["Resources"]["ExecutionsNotParked"]["Properties"]["LogGroupName"] == {"Ref": "RecordEntriesLog"}
