"""The check of rights and ways notices each right, endpoint and rule that is taken away, or made wider than it is.

And what the code calls beyond today's, wherever that is written.
"""

import copy
from pathlib import Path

import pytest
from rights import Problem
from rights.changes import changes, put
from rights.check import Check, combinations, not_understood
from rights.deployed import Deployed, Template
from rights.reach import Operation, Reach, reach_of
from rights.rust import workspace


def test_each_change_for_the_worse_is_noticed(template: Template, reach: dict[str, Reach]) -> None:
    tried = [(parameters, Deployed(template, parameters).all.keys()) for parameters in combinations(template.document)]
    unnoticed, noticed = [], 0
    for change in changes(template.document):
        check = Check(template.changed(change.resource, change.body), reach)
        affected = (parameters for parameters, deployed in tried if change.resource in deployed)
        if any(next(check.findings(parameters), None) for parameters in affected):
            noticed += 1
        else:
            unnoticed.append(str(change))
    assert unnoticed == []
    assert noticed > 500, "Hardly anything was changed."


def test_a_call_that_the_code_did_not_make_before_needs_its_right_and_its_way(template: Template, reach: dict[str, Reach]) -> None:
    more = copy.deepcopy(reach)
    more["seal-day"].operations[Operation("dynamodb", "BatchWriteItem")] = {"crates/balances/src/new.rs:1"}
    found = set(Check(template, more).findings({}))
    table = "dynamodb:BatchWriteItem on arn:aws:dynamodb:sa-east-1:123456789012:table/BalancesTable"
    where = "(SealDay: BatchWriteItem at crates/balances/src/new.rs:1)"
    assert found == {f"SealDayRole lacks {table} {where}", f"DynamoDbEndpoint does not let {table} {where} through"}


def test_a_call_that_the_code_makes_no_more_leaves_its_right_in_vain(template: Template, reach: dict[str, Reach]) -> None:
    less = copy.deepcopy(reach)
    del less["reconcile-balances"].operations[Operation("dynamodb", "Scan")]
    table = "dynamodb:Scan on arn:aws:dynamodb:sa-east-1:123456789012:table/BalancesTable"
    assert set(Check(template, less).findings({})) == {
        f"ReconcileBalancesRole, RepairBalances: {table} is needed by nobody",
        f"DynamoDbEndpoint: {table} is needed by nobody",
    }


def test_a_function_that_calls_a_service_without_an_endpoint_does_not_reach_it(template: Template, reach: dict[str, Reach]) -> None:
    more = copy.deepcopy(reach)
    more["get-entry"].operations[Operation("sqs", "SendMessage")] = {"functions/get-entry/src/lib.rs:1"}
    path = ("Properties", "Environment", "Variables", "PARK_QUEUE_URL")
    changed = template.changed("GetEntry", put(template.document["Resources"]["GetEntry"], path, {"Ref": "ParkQueue"}))
    assert "GetEntry calls sqs, and the VPC has no endpoint for it" in set(Check(changed, more).findings({}))
    given = {"VpcId": "vpc-1", "PrivateSubnetIds": "subnet-1,subnet-2"}
    said = "GetEntry calls sqs, and PrivateSubnetIds does not say that a VPC needs a way to it"
    assert said in set(Check(changed, more).findings(given))


def test_operations_that_no_action_is_named_after_are_asked_about(template: Template, reach: dict[str, Reach]) -> None:
    more = copy.deepcopy(reach)
    more["consolidate-day"].operations[Operation("dynamodb", "TransactWriteItems")] = {"here"}
    with pytest.raises(Problem, match=r"TransactWriteItems.*say in iam\.py"):
        list(Check(template, more).findings({}))


def test_what_is_not_understood_is_asked_about(template: Template, reach: dict[str, Reach]) -> None:
    """Managed policies, types and keys."""
    role = template.document["Resources"]["GetEntryRole"]
    managed = put(role, ("Properties", "ManagedPolicyArns"), ["arn:aws:iam::aws:policy/ReadOnlyAccess"])
    with pytest.raises(Problem, match="GetEntryRole has managed policies"):
        list(Check(template.changed("GetEntryRole", managed), reach).findings({}))
    pipe = template.changed("Pipe", {"Type": "AWS::Pipes::Pipe", "Properties": {"KmsKeyIdentifier": "key"}})
    assert [finding.split(":")[0] for finding in not_understood(pipe.document)] == ["Pipe is of the type AWS", "Pipe has KmsKeyIdentifier"]


MANIFEST = '[package]\nname = "{name}"\n[dependencies]\n{dependencies}\n[dev-dependencies]\naws-sdk-sqs.workspace = true\n'
STORE = """
use aws_sdk_dynamodb::Client;
pub struct Store { client: Client }
impl Store {
    pub async fn read(&self) { self.page(|| unavailable).await }
    pub async fn page<T>(&self, otherwise: T) { self.client.query().table_name("t").send().await; }
    pub async fn unused(&self) { self.client.scan().send().await; }
    pub async fn scan(&self) {}
}
pub fn at_once(store: &Store) { tokio::join!(store.write(), helper(store)) }
fn helper(store: &Store) { store.client.delete_item().send(); }
impl Store { async fn write(&self) { self.client.update_item().send(); self.scan() } }
#[cfg(test)]
mod tests { fn read() { client.put_item().send() } }
"""
MAIN = """
use store::{Store, at_once};
fn main() { let store = Store::new(); run(async || { store.read().await?; [store].map(at_once) }) }
"""


def test_calls_are_followed_from_main(tmp_path: Path) -> None:
    """Through packages, macros and functions that are handed on."""
    write(tmp_path, "crates/store", "aws-sdk-dynamodb.workspace = true", "lib.rs", STORE)
    write(tmp_path, "functions/reader", "store.workspace = true", "main.rs", MAIN)
    found = reach_of(workspace(tmp_path))["reader"].operations
    assert sorted(operation.name for operation in found) == ["DeleteItem", "Query", "UpdateItem"]
    assert found[Operation("dynamodb", "Query")] == {"crates/store/src/lib.rs:6"}


def test_a_library_that_nobody_has_looked_at_is_asked_about(tmp_path: Path) -> None:
    write(tmp_path, "functions/reader", 'reqwest = "1"', "main.rs", "fn main() {}")
    with pytest.raises(Problem, match="reach out of a function, and how: reqwest"):
        reach_of(workspace(tmp_path))


def test_a_socket_that_nobody_has_looked_at_is_asked_about(tmp_path: Path) -> None:
    write(tmp_path, "functions/reader", "", "main.rs", 'fn main() { std::net::TcpStream::connect("192.0.2.1:80"); }')
    with pytest.raises(Problem, match=r"functions/reader/src/main.rs:1: a socket"):
        reach_of(workspace(tmp_path))


def write(root: Path, folder: str, dependencies: str, file: str, source: str) -> None:
    """One package of a small workspace."""
    for place in ("crates", "functions"):
        (root / place).mkdir(exist_ok=True)
    (root / folder / "src").mkdir(parents=True)
    (root / folder / "Cargo.toml").write_text(MANIFEST.format(name=folder.split("/")[1], dependencies=dependencies))
    (root / folder / "src" / file).write_text(source)
