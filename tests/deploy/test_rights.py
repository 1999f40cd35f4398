"""Every call in the code has its right and its way, and no right and no way is there for nothing (rights/).

The emulator enforces neither IAM nor networks: nothing else proves that a function in the private network reaches what it calls.
"""

from collections import defaultdict

import pytest
from rights.check import Check, combinations, not_understood
from rights.deployed import Template
from rights.needs import FUNCTION
from rights.reach import Reach, call_sites
from rights.rust import workspace


@pytest.fixture(scope="module")
def check(template: Template, reach: dict[str, Reach]) -> Check:
    """What the code needs of the template: each combination of parameters is worked out once."""
    return Check(template, reach)


def test_no_right_and_no_way_is_missing_or_in_vain(template: Template, check: Check) -> None:
    found = defaultdict(list)
    tried = combinations(template.document)
    assert len(tried) > 100, "Hardly any combination of parameters was tried."
    for parameters in tried:
        for finding in check.findings(parameters):
            found[finding].append({name: value for name, value in parameters.items() if value})
    assert not found, "\n".join(f"{finding}\n   in {len(where)} combinations, as with {where[0]}" for finding, where in found.items())


def test_everything_in_the_template_is_understood(template: Template) -> None:
    assert list(not_understood(template.document)) == []


def test_every_call_in_the_code_is_of_some_function(reach: dict[str, Reach]) -> None:
    reached = {place for one in reach.values() for places in [*one.operations.values(), *one.ways.values()] for place in places}
    unreached = {place: sorted(map(str, what)) for place, what in call_sites(workspace()).items() if place not in reached}
    assert unreached == {}, "Nobody calls them, or reach.py loses their trace."


def test_every_call_in_the_code_is_on_some_resource(template: Template, reach: dict[str, Reach], check: Check) -> None:
    called = set()
    for parameters in combinations(template.document):
        needs = check.needs(parameters)
        for function in needs.stack.of_type(FUNCTION):
            operations = needs.reached(function).operations
            called |= {(needs.program(function), one) for one in operations if needs.called_on(one, needs.environment(function))}
    functions = {name: one for name, one in reach.items() if workspace()[name].is_function}
    assert called == {(program, operation) for program, one in functions.items() for operation in one.operations}


def test_functions_call_stores_and_apis_at_all(reach: dict[str, Reach]) -> None:
    operations = {(program, operation.name) for program, one in reach.items() for operation in one.operations}
    ways = {(program, way) for program, one in reach.items() for way in one.ways}
    assert {
        ("register-entry", "StartExecution"),
        ("consolidate-day", "UpdateItem"),
        ("get-daily-balance", "Query"),
        ("replay-parked", "SendMessage"),
        ("migrate-ledger", "GetSecretValue"),
    } <= operations
    assert {("apply-to-ledger", "ledger"), ("get-entry", "memory"), ("migrate-ledger", "CloudFormation's answer")} <= ways
    # What others of its package can do is not asked for it.
    assert ("seal-day", "Scan") not in operations and ("consolidate-day", "IAM token for the ledger") not in ways
