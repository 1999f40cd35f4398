"""What the second door costs, on round numbers."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from cost import requests, services
from cost.prices import Prices
from cost.quantities import Quantities
from cost.template import Stack


def test_each_part_of_a_month_is_charged_by_what_the_template_has(table: Prices, used: Quantities) -> None:
    found = services.month("prod", table, used)
    assert found["EKS, control plane"] == Decimal("73.000")
    # AWS: three brokers and their disks, each by itself.
    assert found["MSK, brokers"] == 3 * 730 * Decimal("0.204")
    assert found["MSK, storage"] == 3 * 100 * Decimal("0.10")
    assert found["NAT gateways"] == 3 * 730 * (Decimal("0.045") + Decimal("0.005"))
    assert found["Auto Mode"] == 3 * 730 * Decimal("0.0765") * Decimal("0.12")


def test_one_gateway_less_standby_costs_a_third(table: Prices, used: Quantities) -> None:
    dev, prod = services.month("dev", table, used), services.month("prod", table, used)
    assert dev["NAT gateways"] * 3 == prod["NAT gateways"]


def test_an_entry_through_the_second_door_pays_no_function_and_no_workflow(
    stack: Callable[..., Stack], table: Prices, used: Quantities
) -> None:
    found = services.million(requests.ENTRY, stack(), table, used)
    first = requests.per_million(requests.ENTRY, stack(), table, used)
    assert not found.keys() & {requests.LAMBDA, requests.STEPS, requests.TRACES}
    assert all(found[service] == first[service] for service in services.SHARED)
    assert 0 < found[requests.LOGS] < first[requests.LOGS] and 0 < found[requests.NETWORK] < first[requests.NETWORK]


@pytest.mark.parametrize("case", [requests.ENTRY, requests.BATCH])
def test_at_the_break_even_both_doors_cost_the_same(
    case: requests.Case, stack: Callable[..., Stack], table: Prices, used: Quantities
) -> None:
    monthly = {"all": Decimal(600)}
    millions = services.break_even(monthly, case, stack(), table, used)
    assert millions is not None
    through_first = millions * sum(requests.per_million(case, stack(), table, used).values())
    through_second = 600 + millions * sum(services.million(case, stack(), table, used).values())
    assert round(through_first, 6) == round(through_second, 6)
