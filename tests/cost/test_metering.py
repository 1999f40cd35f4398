"""What AWS rounds up, counts as one, or charges at least."""

from decimal import Decimal

import pytest
from cost import metering
from cost.problem import Problem


@pytest.mark.parametrize(("milliseconds", "seconds"), [("1", "0.00025"), ("1.0001", "0.0005"), ("100", "0.025")])
def test_lambda_bills_started_milliseconds_times_memory(milliseconds: str, seconds: str) -> None:
    assert metering.lambda_gb_seconds(256, Decimal(milliseconds)) == Decimal(seconds)


@pytest.mark.parametrize(
    ("milliseconds", "megabytes", "billed"),
    [
        ("1", "1", Decimal("0.1") * 64 / 1024),
        ("100", "64", Decimal("0.1") * 64 / 1024),
        ("100.1", "64", Decimal("0.2") * 64 / 1024),
        # The third example of Step Functions' page: 62.85 MB are billed as 64.
        ("10000", "62.85", Decimal(10) * 64 / 1024),
        ("10000", "64.1", Decimal(10) * 128 / 1024),
    ],
)
def test_express_bills_started_100_ms_times_started_64_mb(milliseconds: str, megabytes: str, billed: Decimal) -> None:
    assert metering.express_gb_hours(Decimal(milliseconds), Decimal(megabytes)) == billed / 3600


@pytest.mark.parametrize(("size", "units"), [(1, 1), (1024, 1), (1025, 2), (3072, 3)])
def test_a_write_takes_a_unit_for_each_started_kb(size: int, units: int) -> None:
    assert metering.write_units(size) == units


@pytest.mark.parametrize(("size", "units"), [(0, "0.5"), (4096, "0.5"), (4097, "1"), (8192, "1")])
def test_an_eventually_consistent_query_takes_half_a_unit_for_each_started_4_kb(size: int, units: str) -> None:
    assert metering.query_units(size) == Decimal(units)


def test_an_item_is_as_large_as_its_names_and_values() -> None:
    # Names: 2 + 2 + 7 + 5. Texts: 8, and 4 with an é. Numbers: five digits in 3 bytes and 1; one digit in 1 byte and 1.
    item = {"pk": {"S": "acme#BRL"}, "sk": {"S": "diá"}, "credits": {"N": "15075"}, "epoch": {"N": "100"}}
    assert metering.item_bytes(item) == 16 + 8 + 4 + 4 + 2


def test_an_item_with_a_value_of_an_unknown_type_has_no_size() -> None:
    with pytest.raises(Problem, match="type M"):
        metering.item_bytes({"map": {"M": {}}})


@pytest.mark.parametrize(("sizes", "units"), [([50], "1"), ([1024], "1"), ([50, 1536], "2.5")])
def test_a_command_takes_a_processing_unit_for_each_kb_and_at_least_one(sizes: list[int], units: str) -> None:
    assert metering.ecpus(sizes) == Decimal(units)


def test_a_command_of_3_2_kb_takes_3_2_units_as_on_the_page_of_elasticache() -> None:
    assert metering.ecpus([int(Decimal("3.2") * 1024)]) == pytest.approx(Decimal("3.2"), abs=Decimal("0.001"))


@pytest.mark.parametrize(("per_second", "traced"), [("0.4", "1000"), ("1", "1000"), ("50", "69")])
def test_the_first_request_of_a_second_is_traced_and_a_share_of_the_others(per_second: str, traced: str) -> None:
    assert metering.traces(1000, Decimal(per_second), Decimal(1), Decimal("0.05")) == Decimal(traced)


@pytest.mark.parametrize(
    ("expression", "runs"),
    [("rate(15 minutes)", 2920), ("rate(1 hour)", 730), ("rate(1 day)", Decimal(730) / 24), ("cron(0 2 * * ? *)", Decimal(730) / 24)],
)
def test_a_schedule_comes_due_so_often_in_a_month(expression: str, runs: Decimal | int) -> None:
    assert round(metering.runs_per_month(expression, Decimal(730)), 6) == round(Decimal(runs), 6)


def test_a_schedule_that_is_not_understood_is_named() -> None:
    with pytest.raises(Problem, match="MON-FRI"):
        metering.runs_per_month("cron(0 2 ? * MON-FRI *)", Decimal(730))


@pytest.mark.parametrize(("size", "counted"), [(0, 1), (512 * 1024, 1), (512 * 1024 + 1, 2)])
def test_the_gateway_counts_started_512_kb(size: int, counted: int) -> None:
    assert metering.started(size, metering.HTTP_API_UNIT_BYTES) == counted
