"""What the console's distribution costs, reckoned by hand."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from cost import edge, idle
from cost.prices import Prices
from cost.problem import Problem
from cost.quantities import Quantities
from cost.requests import READ
from cost.template import Stack

CONSOLE = {"ConsoleEnabled": "true"}
GUARDED = {**CONSOLE, "EdgeRateLimit": "2000"}
# A read of the small template: 800 bytes go to the API, and 400 with 700 of headers come back.
MILLION_READS = Decimal("1.00") + Decimal("0.10") + (Decimal(1100) * (Decimal("0.085") - Decimal("0.09")) + 800 * Decimal("0.02")) / 1000


def test_a_request_through_the_console_costs_cloudfront_and_its_function_more(
    stack: Callable[..., Stack], table: Prices, used: Quantities
) -> None:
    assert edge.per_million(READ, stack(**CONSOLE), table, used) == pytest.approx(MILLION_READS, rel=Decimal("0.001"))


def test_a_web_acl_costs_itself_its_rule_and_each_request(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    assert idle.idle(stack(**GUARDED), table, used)["Web ACL of the console"] == 6
    assert idle.idle(stack(**CONSOLE), table, used)["Web ACL of the console"] == 0
    more = edge.per_million(READ, stack(**GUARDED), table, used) - edge.per_million(READ, stack(**CONSOLE), table, used)
    assert more == Decimal("0.60")


def test_a_stack_without_a_console_has_no_such_cost(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    with pytest.raises(Problem, match="no distribution"):
        edge.per_million(READ, stack(), table, used)
