"""The ledger's resources, in every combination of the parameters that decide about them: what waits for what, who may sign in as whom."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
import yaml
from cost.template import TEMPLATE, Loader, Stack

DOCUMENT: dict[str, Any] = yaml.load(TEMPLATE.read_text(), Loader)
SECRET = "arn:aws:secretsmanager:sa-east-1:123456789012:secret:owner"
EXISTING = {"LedgerHost": "ledger.example.com", "RedisUrl": "rediss://memory.example.com", "LedgerResourceId": "cluster-ABC"}
COMBINATIONS = [
    *({"LedgerStandby": standby, "LedgerProxyEnabled": proxy} for standby, proxy in product(("true", "false"), repeat=2)),
    EXISTING,
    EXISTING | {"LedgerOwnerSecretArn": SECRET},
    EXISTING | {"LedgerOwnerUser": "owner", "LedgerOwnerPassword": "p"},
    {"VpcId": "vpc-1", "PrivateSubnetIds": "subnet-1,subnet-2"},
]
EVERY_COMBINATION = pytest.mark.parametrize("parameters", COMBINATIONS, ids=str)


def deployed(stack: Stack) -> dict[str, dict[str, Any]]:
    """The properties of all resources that there are, by name."""
    kinds = {resource["Type"] for resource in DOCUMENT["Resources"].values()}
    return {name: properties for kind in kinds for name, properties in stack.resources(kind).items()}


def depends_on(name: str) -> list[str]:
    """What a resource names in its attribute DependsOn."""
    value = DOCUMENT["Resources"][name].get("DependsOn", [])
    return [value] if isinstance(value, str) else value


def references(value: Any) -> Iterator[str]:
    """The resources that a value refers to by Ref or GetAtt."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, Mapping):
        if value.keys() == {"Ref"}:
            yield value["Ref"]
        elif value.keys() == {"Fn::GetAtt"}:
            yield value["Fn::GetAtt"][0]
        else:
            yield from references(list(value.values()))


@EVERY_COMBINATION
def test_nothing_depends_on_what_is_not_there(parameters: dict[str, str]) -> None:
    # CloudFormation's template reference, "Condition attribute": "If a resource with a condition isn't created, any resources that
    # depend on that resource aren't created either, regardless of their own conditions."
    there = deployed(Stack(DOCUMENT, parameters))
    for name, properties in there.items():
        assert set(depends_on(name)) <= there.keys(), name
        missing = {other for other in references(properties) if other in DOCUMENT["Resources"]} - there.keys()
        assert not missing, name


@EVERY_COMBINATION
def test_targets_of_the_proxy_are_registered_when_each_instance_is_ready(parameters: dict[str, str]) -> None:
    # RDS refuses a cluster with an instance in most other states than "available"; see the error in
    # https://github.com/aws/aws-cdk/issues/31304.
    stack = Stack(DOCUMENT, parameters)
    instances = set(stack.resources("AWS::RDS::DBInstance"))
    for logical_id, group in stack.resources("AWS::RDS::DBProxyTargetGroup").items():
        assert instances <= {*depends_on(logical_id), *references(group)}
        name = group["TargetGroupName"]
        assert (name["Fn::Select"][1][name["Fn::Select"][0]] if isinstance(name, Mapping) else name) == "default"


def owners_right(parameters: dict[str, str]) -> list[Any]:
    """As whom `migrate-ledger` may sign in with a token: cluster and user."""
    role = Stack(DOCUMENT, parameters).resources("AWS::IAM::Role")["MigrateLedgerRole"]
    statements = [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
    resources = [statement["Resource"]["Fn::Sub"] for statement in statements if statement["Action"] == "rds-db:connect"]
    assert all(text.endswith(":dbuser:${Resource}/${Owner}") for text, _ in resources)
    return [[values["Resource"], values["Owner"]] for _, values in resources]


def test_migrate_ledger_may_sign_in_as_the_owner_and_nobody_else() -> None:
    """It signs in with a token."""
    cluster = {"Fn::GetAtt": ["LedgerCluster", "DBClusterResourceId"]}
    (master,) = {properties["MasterUsername"] for properties in Stack(DOCUMENT).resources("AWS::RDS::DBCluster").values()}
    assert owners_right({}) == [[cluster, master]]
    assert owners_right(EXISTING | {"LedgerOwnerUser": "owner", "LedgerOwnerPassword": "p"}) == [["cluster-ABC", "owner"]]
    ((resource, owner),) = owners_right(EXISTING | {"LedgerOwnerSecretArn": SECRET})
    assert resource == "cluster-ABC"
    assert owner == {"Fn::Sub": "{{resolve:secretsmanager:${LedgerOwnerSecretArn}:SecretString:username}}"}
    passwords = {"LedgerAuth": "password", "LedgerResourceId": "", "LedgerOwnerUser": "owner", "LedgerOwnerPassword": "p"}
    assert owners_right(EXISTING | passwords) == []
