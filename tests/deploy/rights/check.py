"""The whole check: a template, held against the code, with every combination of parameters that matters."""

from collections.abc import Iterator, Mapping
from typing import Any

from rights.allowed import check_invocations, check_keys, check_queues, check_roles
from rights.combinations import Combinations
from rights.deployed import APART, Deployed, Template
from rights.needs import FUNCTION, NeedsOf
from rights.network import Network
from rights.reach import Reach

# Parameters that an operator changes while the stack runs, and no resource may depend on in what it can do: functions and roles
# are not replaced at one moment (docs/adr/0014).
CHANGED_WHILE_RUNNING = "WorkflowType"

# What is looked at of a function, of its environment all but what only the stores know: whether TLS is used, and passwords.
LOOKED_AT = ("Environment", "LoggingConfig", "Role", "TracingConfig", "VpcConfig")
NOT_LOOKED_AT = ("EDGE_KEY", "LEDGER_TLS", "LEDGER_OWNER_USER", "REDIS_CLUSTER")
# Of these, all properties; of others only whether they are there.
LOOKED_INTO = (
    "AWS::EC2::",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::RDS::DBProxy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
    "AWS::StepFunctions::StateMachine",
)

# Types whose resources need no right that a role of the template gives, and are given none.
WITHOUT_RIGHTS = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    # What may be read of the bucket is in its policy, which tests/deploy/test_console.py looks at.
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::Function",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::DynamoDB::Table",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::ElastiCache::User",
    "AWS::ElastiCache::UserGroup",
    # Without a policy of its own a bus is open to its account, whose roles say who may put events on it ("Permissions for event buses").
    "AWS::Events::Archive",
    "AWS::Events::EventBus",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBSubnetGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::WAFv2::WebACL",
}
# Types whose rights and ways are looked at.
UNDERSTOOD = {
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::RDS::DBProxy",
    "AWS::RDS::DBProxyTargetGroup",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
    "AWS::StepFunctions::StateMachine",
}


def combinations(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """The parameters to check a template with."""
    # A cluster's second instance is on the way of the first. No function reaches the console, and nothing that it needs is a role's.
    without = (*APART, "AWS::RDS::DBInstance", "AWS::CloudFront::", "AWS::S3::", "AWS::WAFv2::")
    bodies = (resource for resource in document["Resources"].values() if not resource["Type"].startswith(without))
    return list(Combinations(document, map(looked_at, bodies)))


def looked_at(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What of a resource the check depends on."""
    properties = resource.get("Properties", {})
    if resource["Type"] == FUNCTION:
        properties = {name: value for name, value in properties.items() if name in LOOKED_AT}
        variables = properties.get("Environment", {}).get("Variables", {})
        read = {name: value for name, value in variables.items() if name not in NOT_LOOKED_AT and not name.endswith("_PASSWORD")}
        properties["Environment"] = read
    elif not resource["Type"].startswith(LOOKED_INTO):
        properties = {}
    return {"Condition": resource.get("Condition"), "Properties": properties}


def not_understood(document: Mapping[str, Any]) -> Iterator[str]:
    """What of the template the check says nothing about, though it may need rights."""
    for name, resource in document["Resources"].items():
        kind = resource["Type"]
        if kind not in UNDERSTOOD | WITHOUT_RIGHTS and not kind.startswith((*APART, "Custom::")):
            yield f"{name} is of the type {kind}: say in check.py whether it needs rights or gives some"
        for key in keys_of_ones_own(resource.get("Properties", {})):
            yield f"{name} has {key}: who may use a key of one's own is not checked yet"


def keys_of_ones_own(value: Any) -> Iterator[str]:
    """Properties that name a key of KMS."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if "kms" in str(name).lower():
                yield str(name)
            yield from keys_of_ones_own(inner)


class Check:
    """A template, held against what the code reaches."""

    def __init__(self, template: Template, reach: dict[str, Reach]) -> None:
        self.template = template
        self._reach = reach
        self._needs: dict[Any, NeedsOf] = {}

    def findings(self, parameters: Mapping[str, str]) -> Iterator[str]:
        """What is wrong with the template in one combination."""
        needs = self.needs(parameters)
        allowed = self.template.document["Parameters"][CHANGED_WHILE_RUNNING]["AllowedValues"]
        others = [value for value in allowed if value != needs.stack.parameter(CHANGED_WHILE_RUNNING)]
        neighbours = [self.needs({**parameters, CHANGED_WHILE_RUNNING: value}) for value in others]
        yield from check_roles(needs, neighbours)
        yield from check_queues(needs.stack)
        yield from check_invocations(needs.stack)
        yield from check_keys(needs.stack)
        yield from Network(needs, neighbours).check()

    def needs(self, parameters: Mapping[str, str]) -> NeedsOf:
        """What is needed in one combination."""
        key = frozenset(parameters.items())
        if key not in self._needs:
            self._needs[key] = NeedsOf(Deployed(self.template, parameters), self._reach)
        return self._needs[key]
