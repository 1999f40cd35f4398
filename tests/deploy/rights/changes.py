"""Changes to a template that the check has to notice: each right, endpoint and rule taken away, or made wider than it is."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rights.policies import as_list

Path = tuple[Any, ...]
EVERYTHING = "*"
OPEN_TO_ALL = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}


@dataclass(frozen=True)
class Change:
    """One change of one resource."""

    resource: str
    what: str
    body: dict[str, Any] | None
    """What the resource is then; `None` if it is gone."""

    def __str__(self) -> str:
        return f"{self.resource}, {self.what}"


def changes(document: Mapping[str, Any]) -> Iterator[Change]:
    """All of them."""
    for name, body in document["Resources"].items():
        match body["Type"]:
            case "AWS::IAM::Role" | "AWS::SQS::QueuePolicy":
                yield from of_policies(name, body)
            case "AWS::KMS::Key":
                yield from of_policies(name, body)
                yield Change(name, "for everybody", put(body, ("Properties", "KeyPolicy", "Statement", 0, "Principal"), "*"))
            case "AWS::EC2::VPCEndpoint":
                yield Change(name, "gone", None)
                yield from of_policies(name, body)
                yield from of_endpoint(name, body)
            case "AWS::EC2::SecurityGroup":
                yield from of_group(name, body)
            case "AWS::EC2::SecurityGroupEgress" | "AWS::EC2::SecurityGroupIngress":
                yield Change(name, "gone", None)
                yield Change(name, "to all ports", put(body, ("Properties", "ToPort"), 65535))
            case "AWS::ElastiCache::ServerlessCache" | "AWS::RDS::DBProxy" | "AWS::RDS::DBSubnetGroup":
                subnets = "VpcSubnetIds" if body["Type"] == "AWS::RDS::DBProxy" else "SubnetIds"
                yield Change(name, "in another subnet", put(body, ("Properties", subnets), ["subnet-elsewhere"]))
            case "AWS::EC2::SubnetRouteTableAssociation":
                yield Change(name, "gone", None)
            case "AWS::EC2::VPC":
                for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
                    yield Change(name, f"{attribute} off", put(body, ("Properties", attribute), False))
            case "AWS::Lambda::Permission":
                yield Change(name, "gone", None)
                yield Change(name, "of any API", put(body, ("Properties", "SourceArn"), EVERYTHING))
            case "AWS::Lambda::Function":
                yield from of_function(name, body)
            case "Custom::LedgerSchema":
                for index in range(len(body["Properties"]["After"])):
                    yield Change(name, f"without After {index}", without(body, ("Properties", "After", index)))


def of_policies(name: str, body: dict[str, Any]) -> Iterator[Change]:
    """Each action and each resource of each statement, and each condition: taken away, or widened."""
    for path, statement in statements(body):
        place = ".".join(map(str, path))
        yield Change(name, f"without {place}", without(body, path))
        wider = {"Action": EVERYTHING, "Resource": EVERYTHING} if statement["Effect"] == "Allow" else {}
        for element in ("Action", "Resource", "Principal"):
            if isinstance(statement.get(element), list):
                for index in range(len(statement[element])):
                    yield Change(name, f"without {place}.{element}.{index}", without(body, (*path, element, index)))
            if element in statement and element in wider and statement[element] != wider[element]:
                yield Change(name, f"{place}.{element} for all", put(body, (*path, element), wider[element]))
        if "AssumeRolePolicyDocument" in path:
            yield Change(name, f"{place} for another service", put(body, (*path, "Principal"), {"Service": "ec2.amazonaws.com"}))


def of_endpoint(name: str, body: dict[str, Any]) -> Iterator[Change]:
    """What leads to an endpoint."""
    properties = body["Properties"]
    yield Change(name, "without its policy", without(body, ("Properties", "PolicyDocument")))
    yield Change(name, "of another service", put(body, ("Properties", "ServiceName"), "com.amazonaws.sa-east-1.sns"))
    if properties["VpcEndpointType"] == "Gateway":
        yield Change(name, "in no route table", put(body, ("Properties", "RouteTableIds"), []))
    else:
        yield Change(name, "without private names", put(body, ("Properties", "PrivateDnsEnabled"), False))
        yield Change(name, "in no subnet", put(body, ("Properties", "SubnetIds"), []))
        yield Change(name, "behind another group", put(body, ("Properties", "SecurityGroupIds"), [{"Ref": "FunctionsSecurityGroup"}]))


def of_group(name: str, body: dict[str, Any]) -> Iterator[Change]:
    """Each rule of a group, and one more."""
    yield Change(name, "in another VPC", put(body, ("Properties", "VpcId"), "vpc-elsewhere"))
    for direction in ("SecurityGroupIngress", "SecurityGroupEgress"):
        rules = body["Properties"].get(direction, [])
        for index, rule in enumerate(rules):
            path = ("Properties", direction, index)
            yield Change(name, f"without {direction} {index}", without(body, path))
            if "ToPort" in rule and rule["IpProtocol"] == "tcp":
                yield Change(name, f"{direction} {index} to all ports", put(body, (*path, "ToPort"), 65535))
            if "SourceSecurityGroupId" in rule:
                opened = {key: value for key, value in rule.items() if key != "SourceSecurityGroupId"}
                yield Change(name, f"{direction} {index} from anywhere", put(body, path, {**opened, "CidrIp": "0.0.0.0/0"}))
        yield Change(name, f"{direction} for one more", put(body, ("Properties", direction), [*as_list(rules), OPEN_TO_ALL]))


def of_function(name: str, body: dict[str, Any]) -> Iterator[Change]:
    """A function that is elsewhere, calls something else, or has another role's rights."""
    if "VpcConfig" in body["Properties"]:
        yield Change(name, "outside of the VPC", without(body, ("Properties", "VpcConfig")))
    else:
        network = {"SecurityGroupIds": [{"Ref": "FunctionsSecurityGroup"}], "SubnetIds": [{"Ref": "PrivateSubnetA"}]}
        yield Change(name, "in the VPC", put(body, ("Properties", "VpcConfig"), network))
    yield Change(name, "without tracing", without(body, ("Properties", "TracingConfig")))
    yield Change(name, "with another role", put(body, ("Properties", "Role"), {"Fn::GetAtt": ["RecordEntriesRole", "Arn"]}))
    failed = {"TargetArn": "arn:aws:sqs:sa-east-1:123456789012:failed"}
    yield Change(name, "with a queue of what failed", put(body, ("Properties", "DeadLetterConfig"), failed))


def statements(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The statements of policies in a value, and where they are."""
    if isinstance(value, Mapping) and {"Effect", "Action"} <= value.keys():
        yield path, dict(value)
        return
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from statements(one, (*path, key))


def put(body: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """The body with another value there."""
    changed = copy.deepcopy(body)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


def without(body: dict[str, Any], path: Path) -> dict[str, Any]:
    """The body without the value there."""
    changed = copy.deepcopy(body)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if path[-2:-1] == ("Fn::If",):
        holder[path[-1]] = {"Ref": "AWS::NoValue"}
    else:
        del holder[path[-1]]
    return changed
