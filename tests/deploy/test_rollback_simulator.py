"""The simulation of CloudFormation, on templates that fit in a hand."""

from typing import Any

import pytest
from rollback.graph import Graph, graph, references
from rollback.simulator import Update, create, delete

CLUSTER, TABLE, INSTANCE, GROUP = "AWS::RDS::DBCluster", "AWS::DynamoDB::Table", "AWS::RDS::DBInstance", "AWS::RDS::DBSubnetGroup"
FUNCTION, LOG = "AWS::Lambda::Function", "AWS::Logs::LogGroup"
SCHEMAS = {
    CLUSTER: {"createOnlyProperties": ["/properties/DatabaseName"], "primaryIdentifier": ["/properties/DBClusterIdentifier"]},
    LOG: {"createOnlyProperties": ["/properties/LogGroupName"], "primaryIdentifier": ["/properties/LogGroupName"]},
    TABLE: {"conditionalCreateOnlyProperties": ["/properties/KeySchema"], "primaryIdentifier": ["/properties/TableName"]},
    "AWS::SQS::Queue": {"primaryIdentifier": ["/properties/QueueUrl"], "readOnlyProperties": ["/properties/QueueUrl"]},
    "AWS::EC2::VPC": {"createOnlyProperties": ["/properties/CidrBlock"]},
    "AWS::EC2::Subnet": {"createOnlyProperties": ["/properties/VpcId"]},
}


def resource(kind: str, *, policy: str | None = None, after: str | None = None, **properties: Any) -> dict[str, Any]:
    """A resource of a template."""
    declared: dict[str, Any] = {"Type": kind, "Properties": properties}
    return declared | ({"DeletionPolicy": policy} if policy else {}) | ({"DependsOn": after} if after else {})


def made(parameters: dict[str, str] | None = None, **resources: dict[str, Any]) -> Graph:
    """The graph of a template with these resources."""
    declared = {name: {"Default": ""} for name in parameters or {}}
    return graph({"Parameters": declared, "Resources": resources}, parameters or {}, SCHEMAS)


def ref(name: str) -> dict[str, str]:
    """A reference to a resource or parameter."""
    return {"Ref": name}


# ---- Which needs which ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "A"},
        {"Fn::GetAtt": ["A", "Arn"]},
        {"Fn::GetAtt": "A.Arn"},
        {"Fn::Sub": "arn:${A.Arn}:x"},
        {"Fn::Sub": "${A}"},
        {"Fn::Sub": ["${Inner}", {"Inner": {"Ref": "A"}}]},
        [{"Fn::Join": ["", ["x", {"Ref": "A"}]]}],
    ],
)
def test_a_reference_in_any_form_is_one(value: Any) -> None:
    assert references(value) == {"A"}


def test_text_that_only_looks_like_a_reference_is_none() -> None:
    assert references({"Fn::Sub": "${!A} $A {A}"}) == set()
    assert references({"Fn::Sub": ["${A}", {"A": "given"}]}) == set()


def test_what_is_needed_comes_first_whether_it_is_referred_to_or_waited_for() -> None:
    stack = made(C=resource(FUNCTION, Role=ref("B")), A=resource(LOG), B=resource(FUNCTION, after="A"))
    assert list(stack) == ["A", "B", "C"]
    assert (stack.dependents("A"), stack.dependencies("C")) == ({"B", "C"}, {"A", "B"})


def test_a_condition_that_does_not_hold_takes_its_resource() -> None:
    """Who waits for the resource does not wait."""
    document = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"A": resource(LOG) | {"Condition": "Never"}, "B": resource(FUNCTION, after="A")},
    }
    stack = graph(document, {}, SCHEMAS)
    assert list(stack) == ["B"]
    assert stack["B"].needs == set()


# ---- Creation -------------------------------------------------------------------------------------------------------------


def test_a_creation_that_fails_leaves_nothing() -> None:
    stack = made(A=resource(LOG, LogGroupName="fixed"), B=resource(FUNCTION, Log=ref("A")))
    assert create(stack, "A") == create(stack, "B") == set()


def test_what_is_protected_cannot_be_rolled_back() -> None:
    stack = made(A=resource(TABLE, policy="RetainExceptOnCreate", DeletionProtectionEnabled=True), B=resource(FUNCTION))
    assert create(stack, "B") == {"A cannot be deleted: deletion protection"}


def test_what_needs_the_one_that_fails_is_never_made() -> None:
    stack = made(A=resource(FUNCTION), B=resource(TABLE, DeletionProtectionEnabled=True, Name=ref("A")))
    assert create(stack, "A") == set()


@pytest.mark.parametrize(
    ("policy", "left"),
    [("Retain", {"A stays"}), ("RetainExceptOnCreate", set()), ("Delete", set()), ("Snapshot", {"a snapshot of A stays"})],
)
def test_what_a_rollback_leaves_is_up_to_the_policy(policy: str, left: set[str]) -> None:
    assert create(made(A=resource(CLUSTER, policy=policy), B=resource(FUNCTION)), "B") == left


def test_a_cluster_whose_policy_nobody_gives_leaves_a_snapshot() -> None:
    assert create(made(A=resource(CLUSTER), B=resource(FUNCTION)), "B") == {"a snapshot of A stays"}
    assert create(made(A=resource(INSTANCE), B=resource(FUNCTION)), "B") == {"a snapshot of A stays"}
    assert create(made(A=resource(INSTANCE, DBClusterIdentifier="a"), B=resource(FUNCTION)), "B") == set()


def test_what_stays_under_a_fixed_name_is_in_the_way_of_the_next_try() -> None:
    collision = "A is in the way of the next stack of this name"
    assert collision in create(made(A=resource(TABLE, policy="Retain", TableName={"Fn::Sub": "${AWS::StackName}"})), "A")
    unique = {"Fn::Sub": ["${X}", {"X": {"Ref": "AWS::StackId"}}]}
    assert collision not in create(made(A=resource(TABLE, policy="Retain", TableName=unique)), "A")
    assert collision not in create(made(A=resource(TABLE, policy="Retain")), "A")
    assert collision not in create(made(A=resource("AWS::SQS::Queue", policy="Retain", QueueName="x")), "A")


def test_a_custom_resource_that_failed_fails_to_be_deleted_too() -> None:
    """Unless nobody asks it."""
    function = resource(FUNCTION)
    asked = made(F=function, C=resource("Custom::C", ServiceToken=ref("F")))
    assert create(asked, "C") == {"C cannot be deleted: it failed"}
    assert create(made(F=function, C=resource("Custom::C", policy="Retain", ServiceToken=ref("F"))), "C") == set()


def test_a_log_that_rds_makes_stays_unless_the_template_makes_it() -> None:
    proxy = resource("AWS::RDS::DBProxy", DBProxyName={"Fn::Sub": "${AWS::StackName}-x"})
    assert create(made(P=proxy), "P") == {"the log that RDS made for P stays"}
    same = resource(LOG, LogGroupName={"Fn::Sub": ["/aws/rds/proxy/${N}", {"N": {"Fn::Sub": "${AWS::StackName}-x"}}]})
    assert create(made(P=proxy, L=same), "P") == set()
    another = resource(LOG, LogGroupName={"Fn::Sub": "/aws/rds/proxy/${AWS::StackName}"})
    assert create(made(P=proxy, L=another), "P") == {"the log that RDS made for P stays"}


# ---- Deletion -------------------------------------------------------------------------------------------------------------


def test_a_protected_resource_refuses_when_what_needs_it_is_gone() -> None:
    stack = made(
        G=resource(GROUP),
        A=resource(CLUSTER, policy="Snapshot", DBSubnetGroupName=ref("G"), DeletionProtection=True),
        I=resource(INSTANCE, policy="Delete", DBClusterIdentifier=ref("A")),
    )
    assert delete(stack) == {
        "A cannot be deleted: deletion protection",
        "G cannot be deleted: A is still there",
        "all that can be deleted is, before A refuses",
    }


@pytest.mark.parametrize("rule", ["AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"])
def test_a_kept_rule_that_names_a_group_holds_it(rule: str) -> None:
    group = resource("AWS::EC2::SecurityGroup")
    assert delete(made(G=group, R=resource(rule, Of=ref("G")))) == set()
    assert delete(made(G=group, R=resource(rule, policy="Retain", Of=ref("G")))) == {"R stays", "G cannot be deleted: R is still there"}


def test_retain_except_on_create_keeps_a_resource_when_the_stack_goes() -> None:
    assert delete(made(A=resource(TABLE, policy="RetainExceptOnCreate", DeletionProtectionEnabled=True))) == {"A stays"}


def test_data_without_a_policy_is_lost() -> None:
    assert delete(made(A=resource(LOG), B=resource(TABLE))) == {"lost: logs", "lost: balances"}


def test_what_failed_once_goes_at_the_second_try() -> None:
    stack = made(A=resource(GROUP), B=resource(CLUSTER, policy="Delete", DBSubnetGroupName=ref("A")))
    assert delete(stack, {"B"}) == delete(stack) == {"lost: the ledger"}


def test_a_custom_resource_without_its_function_is_never_deleted() -> None:
    """It failed once, and its function is gone."""
    function = resource(FUNCTION)
    asked = made(F=function, C=resource("Custom::C", ServiceToken=ref("F")))
    assert delete(asked) == set()
    assert delete(asked, {"C"}) == {"C cannot be deleted: what its function needs is gone"}
    assert delete(made(F=function, C=resource("Custom::C", policy="Retain", ServiceToken=ref("F"))), {"C"}) == set()


# ---- Update ---------------------------------------------------------------------------------------------------------------


def test_a_property_that_cannot_be_changed_replaces_its_resource() -> None:
    """And the resources that refer to it."""

    def network(cidr: str) -> Graph:
        return made(V=resource("AWS::EC2::VPC", CidrBlock=cidr), S=resource("AWS::EC2::Subnet", VpcId=ref("V"), Tags=[]))

    assert Update(network("a"), network("a")).touched() == set()
    assert Update(network("a"), network("b")).succeeds() == {
        "V is replaced (CidrBlock): the network that the stores are in, which is lost",
        "S is replaced (VpcId): the network that the stores are in, which is lost",
    }


def test_a_resource_with_a_fixed_name_is_not_replaced_but_fails_the_update() -> None:
    def ledger(database: str, **name: Any) -> Graph:
        return made(A=resource(CLUSTER, DatabaseName=database, **name))

    said = {"the update fails at A: DatabaseName cannot be changed while its name stays"}
    assert Update(ledger("a", DBClusterIdentifier="x"), ledger("b", DBClusterIdentifier="x")).succeeds() == said
    assert Update(ledger("a"), ledger("b")).succeeds() == {"A is replaced (DatabaseName): the ledger, which is lost"}


def test_what_may_be_replaced_is_said() -> None:
    assert Update(made(A=resource(TABLE, KeySchema=[1])), made(A=resource(TABLE, KeySchema=[2]))).succeeds() == {
        "A may be replaced (KeySchema)"
    }


def test_a_change_that_a_computation_hides_is_none() -> None:
    def versioned(version: str) -> Graph:
        major = {"Fn::Sub": ["pg${M}", {"M": {"Fn::Select": [0, {"Fn::Split": [".", ref("Version")]}]}}]}
        return made({"Version": version}, A=resource(FUNCTION, Family=major))

    assert Update(versioned("17.5"), versioned("17.6")).touched() == set()
    assert Update(versioned("17.5"), versioned("18.1")).touched() == {"A"}


def test_what_an_update_removes_goes_by_its_policy_and_protection() -> None:
    nothing = made()
    assert Update(made(A=resource(TABLE, policy="RetainExceptOnCreate")), nothing).succeeds() == {"A stays"}
    assert Update(made(A=resource(LOG)), nothing).succeeds() == {"A goes: logs"}
    assert Update(made(A=resource(CLUSTER, DeletionProtection=True)), nothing).succeeds() == {"A cannot be deleted: deletion protection"}


def test_a_rollback_of_an_update_cannot_remove_what_it_made_protected() -> None:
    table = resource(TABLE, policy="RetainExceptOnCreate", DeletionProtectionEnabled=True)
    update = Update(made(), made(A=table, F=resource(FUNCTION)))
    assert update.fails("F") == {"A cannot be deleted: deletion protection"}
    assert Update(made(), made(A=resource(TABLE, policy="RetainExceptOnCreate"), F=resource(FUNCTION))).fails("F") == set()


def test_a_version_is_not_taken_back_and_a_custom_resource_is_called_again() -> None:
    def release(version: str) -> Graph:
        return made(
            A=resource(CLUSTER, EngineVersion=version),
            C=resource("Custom::C", Version=version),
            F=resource(FUNCTION, Code=version),
            G=resource(FUNCTION, Code=version, Schema=ref("C")),
        )

    update = Update(release("1"), release("2"))
    again, version = "C is called again, with what it was given before", "A keeps its new EngineVersion when the update is rolled back"
    assert update.fails("F") == update.fails("G") == {again, version}
    assert update.fails("A") == {again}
    assert update.succeeds() == set()
