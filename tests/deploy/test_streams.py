"""The stream of the balance table: it is added to a table that is there, and read so that no entry wakes nobody."""

import copy
import json
from typing import Any

import yaml
from cost.template import TEMPLATE, Loader
from rollback.graph import graph
from rollback.scenarios import built, stacks
from rollback.simulator import Update
from sam_transform import processed, schemas

TABLE = "BalancesTable"


def relay() -> dict[str, Any]:
    """How relay-events is woken by the table."""
    functions = yaml.load(TEMPLATE.read_text(), Loader)["Resources"]
    (event,) = [event["Properties"] for event in functions["RelayEvents"]["Properties"]["Events"].values() if event["Type"] == "DynamoDB"]
    return event


def test_a_table_that_stands_gets_its_stream_where_it_is() -> None:
    """As of a stack of the release before: CloudFormation's schema of the type names no reason to replace it."""
    before = copy.deepcopy(processed())
    del before["Resources"][TABLE]["Properties"]["StreamSpecification"]
    for parameters in stacks().values():
        update = Update(graph(before, parameters, schemas()), built(parameters))
        assert TABLE in update.touched() and update.replaced() == set()


def test_a_mapping_begins_where_the_stream_does_and_no_batch_holds_it_up() -> None:
    event = relay()
    assert event["StartingPosition"] == "TRIM_HORIZON"
    assert event["BisectBatchOnFunctionError"] is True
    assert event["MaximumRetryAttempts"] == 3 and event["MaximumRecordAgeInSeconds"] == 300
    assert event["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["EventWakesFailed", "Arn"]}


def test_an_entry_is_one_record_by_the_key_of_its_day() -> None:
    (only,) = relay()["FilterCriteria"]["Filters"]
    pattern = json.loads(only["Pattern"])
    assert pattern == {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "day#"}]}}}}
    # As crates/balances writes it.
    assert 'format!("day#{date}")' in (TEMPLATE.parent / "crates" / "balances" / "src" / "item.rs").read_text()
