"""The table of prices and its arithmetic, on AWS's own examples."""

from decimal import Decimal

import pytest
from cost import prices
from cost.prices import Price, Tier
from cost.problem import Problem

TABLE = prices.load()


def test_each_price_of_the_table_says_where_it_is_from() -> None:
    assert all(price.sources and price.page.startswith("https://aws.amazon.com/") for price in TABLE.of.values())


def test_tiers_are_charged_as_in_the_fourth_example_of_step_functions() -> None:
    """100 million EXPRESS executions of 10 s and 64 MB."""
    gb_hours = Decimal(100_000_000) * 10 * 64 / 1024 / 3600
    duration = TABLE.cost("step_functions_express_gb_hour", gb_hours)
    requests = TABLE.cost("step_functions_express_request_million", 100)
    assert round(duration, 2) == Decimal("382.97")
    assert round(duration + requests, 2) == Decimal("482.97")


@pytest.mark.parametrize(("quantity", "cost"), [("0", "0"), ("1000", "60"), ("1001", "60.03"), ("5000", "180"), ("5001", "180.01642")])
def test_a_tier_ends_where_it_says(quantity: str, cost: str) -> None:
    assert TABLE.cost("step_functions_express_gb_hour", Decimal(quantity)) == Decimal(cost)


def test_a_function_costs_what_the_first_example_of_lambda_says() -> None:
    """3 million invocations of 1 s with 512 MB, without the free tier that the example takes off."""
    assert round(TABLE.cost("lambda_gb_second_x86_64", 1_500_000), 2) == Decimal("25.00")
    assert round(TABLE.cost("lambda_request_million", 3), 2) == Decimal("0.60")


def test_a_price_without_a_source_is_none() -> None:
    with pytest.raises(Problem, match="does not say where it is from"):
        prices.read_price("rumour", {"value": "1", "unit": "guess", "page": "https://aws.amazon.com/", "sources": []})


def test_tiers_that_do_not_ascend_are_refused() -> None:
    tiers = [{"up_to": 5, "value": "1"}, {"up_to": 3, "value": "2"}, {"up_to": None, "value": "3"}]
    source = {"where": "a test", "date": "2026"}
    with pytest.raises(Problem, match="do not ascend"):
        prices.read_price("mixed", {"tiers": tiers, "unit": "-", "page": "https://aws.amazon.com/", "sources": [source]})


def test_a_negative_quantity_is_an_error() -> None:
    with pytest.raises(ValueError, match="-1"):
        Price((Tier(None, Decimal(1)),), "-", "-", ()).of(Decimal(-1))


def test_an_unknown_price_is_named() -> None:
    with pytest.raises(Problem, match="no price called moon"):
        TABLE.cost("moon", 1)
