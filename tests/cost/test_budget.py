"""What the real stack may cost: the figures that were worked for. A change that costs more has to raise them here, and say why."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from cost import document, prices, quantities, requests
from cost.template import Stack

PER_MILLION = {
    "entries, `EXPRESS`": Decimal(8),
    "in batches of 100, `EXPRESS`": Decimal("1.5"),
    "balances read": Decimal("2.3"),
}


@pytest.fixture(scope="module")
def tables() -> tuple[list[Mapping[str, Decimal]], list[Mapping[str, Decimal]]]:
    """Both tables of the page."""
    return document.figures(prices.load(), quantities.load())


@pytest.mark.parametrize("title", PER_MILLION)
def test_a_million_costs_no_more_than_it_may(tables: tuple[list, list], title: str) -> None:
    titles = [column.title for column in document.PER_MILLION]
    total = sum(tables[1][titles.index(title)].values(), Decimal(0))
    assert total <= PER_MILLION[title]


def test_the_smallest_stack_costs_no_more_than_it_may_a_month(tables: tuple[list, list]) -> None:
    # $0.40 of it are the secret that tells the console's requests from direct ones. $2 are events out: the key that webhooks' secrets
    # are encrypted under, and a look each minute at what is due.
    assert sum(tables[0][-1].values(), Decimal(0)) <= Decimal("24.7")


def test_requests_that_are_not_traced_cost_nothing_with_x_ray() -> None:
    def traces(**parameters: str) -> Decimal:
        return requests.per_million(requests.ENTRY, Stack.load(parameters=parameters), prices.load(), quantities.load())["X-Ray"]

    assert traces() > 0
    assert traces(TracingEnabled="false") == 0
