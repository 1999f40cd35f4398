"""The limits, by hand where that is easy."""

from decimal import Decimal
from functools import cache

import pytest
from capacity import document, limits, quotas
from capacity.limits import Limit
from cost import quantities
from cost.problem import Problem
from cost.template import Stack

QUOTAS, USED = quotas.load(), quantities.load()
IN_PROD = {"LedgerMinCapacity": "1", "LedgerMaxCapacity": "16", "LedgerProxyEnabled": "true"}


@cache
def found(entries: int = 1, *, new: bool = False, large: bool = False, **parameters: str) -> dict[str, Limit]:
    """The limits of the template with parameters, by name."""
    stack = Stack.load(parameters=IN_PROD | parameters)
    return {limit.name: limit for limit in limits.of_entries(limits.situation(stack, QUOTAS, USED, new, large), entries)}


def bound(**parameters: str) -> str:
    """What binds first."""
    return limits.binding(list(found(**parameters).values())).name


def test_an_entry_takes_four_transitions() -> None:
    assert found()["state transitions"].default == Decimal(800) / 4


def test_a_batch_takes_as_many_and_posts_more() -> None:
    assert found(500)["state transitions"].default == 500 * Decimal(800) / 4


def test_large_regions_start_more() -> None:
    assert found()["StartExecution, STANDARD"].default == 150
    assert found(large=True)["StartExecution, STANDARD"].default == 300


def test_a_new_account_shares_ten_among_three_functions() -> None:
    """10 concurrent executions make 100 invocations a second, and an entry takes three."""
    shared = found(new=True, AcceptingConcurrency="0", EventsConcurrency="0")["the account's concurrency, shared"]
    assert int(shared.default) == 33
    assert int(shared.raised) == 3333


def test_what_is_reserved_is_not_shared() -> None:
    """Of 1,000 there are 850 left for two functions, each below 100 ms: accepting has 100, and who waits for events 50."""
    assert found()["the account's concurrency, shared"].default == 850 * 10 / 2


def test_more_reserved_than_there_is_is_an_error() -> None:
    with pytest.raises(Problem, match="reserve more"):
        found(new=True)


def test_a_long_function_needs_more_than_ten_a_second_allow() -> None:
    at = limits.situation(Stack.load(parameters=IN_PROD), QUOTAS, USED, is_new_account=False)
    assert limits.invocations(at, Decimal(100), [Decimal("0.2")]) == 500
    assert limits.invocations(at, Decimal(100), [Decimal("0.02")]) == 1000


def test_a_parameter_that_is_lower_than_the_quota_binds() -> None:
    assert bound(WritesPerSecond="20") == "`WritesPerSecond`, a route"
    assert bound(WorkflowType="EXPRESS", WritesPerSecond="5000", AcceptingConcurrency="90") == "`AcceptingConcurrency`"


def test_raising_the_gateway_alone_leaves_step_functions() -> None:
    assert bound(WritesPerSecond="5000") == "StartExecution, STANDARD"


def test_the_cache_binds_nobody() -> None:
    assert found(RedisEcpuMax="1000", WritesPerSecond="5000", WorkflowType="EXPRESS")["`RedisEcpuMax`"].default < 350
    assert bound(RedisEcpuMax="1000", WritesPerSecond="5000", WorkflowType="EXPRESS") == "`AcceptingConcurrency`"


def test_the_writer_is_not_extrapolated() -> None:
    name = "the writer, as measured"
    assert found(LedgerMaxCapacity="2")[name].default == found()[name].default / 4
    assert found(LedgerMaxCapacity="256")[name].default == found()[name].default


@pytest.mark.parametrize(("most", "least", "connections"), [("16", "1", 3360), ("16", "0.5", 2000), ("7", "1", 823), ("256", "1", 5000)])
def test_connections_follow_the_capacity(most: str, least: str, connections: int) -> None:
    parameters = {"LedgerMaxCapacity": most, "LedgerMinCapacity": least, "LedgerProxyEnabled": "false"}
    stack = Stack.load(parameters=parameters)
    at = limits.situation(stack, QUOTAS, USED, is_new_account=False)
    assert limits.connections(at, stack) == connections - int(stack.parameter("LedgerLookupConnections"))


def test_without_a_proxy_reserved_concurrency_bounds_posting() -> None:
    assert found(LedgerProxyEnabled="false", LedgerConcurrency="5")["`LedgerConcurrency`"].default == 50


def test_a_merchant_is_bounded_by_two_items_and_then_by_one() -> None:
    partition = found()["DynamoDB, one merchant's partition"]
    assert (partition.default, partition.raised) == (500, 1000)
    assert partition.of_one_merchant


def test_steps_rise_to_the_limit_that_stays() -> None:
    steps = limits.steps(list(found(WorkflowType="EXPRESS").values()))
    assert [step.default for step in steps[:-1]] == sorted(step.default for step in steps[:-1])
    assert steps[-1].name == "the writer, as measured"
    assert all(step.raised >= steps[-1].raised for step in steps)


def test_every_limit_says_what_to_do_and_belongs_to_the_way() -> None:
    for kind in ("STANDARD", "EXPRESS"):
        for entries in (1, 500):
            each = found(entries, WorkflowType=kind).values()
            assert all(limit.next and limit.stage in document.WAY and limit.raised >= limit.default > 0 for limit in each)


@pytest.mark.parametrize(("value", "shown"), [("33.9", "33"), ("4475.1", "4,470"), ("110900", "110,000"), ("0.5", "0")])
def test_numbers_are_rounded_down_to_three_digits(value: str, shown: str) -> None:
    assert document.number(Decimal(value)) == shown
