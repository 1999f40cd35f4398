"""What requests cost, reckoned by hand with round quantities."""

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from cost import requests
from cost.prices import Prices
from cost.problem import Problem
from cost.quantities import Quantities
from cost.requests import BATCH, ENTRY, READ
from cost.template import Stack

# CPU time of 1 ms with its margin, at 256 of 1,769 MB.
CPU_MS = Decimal("1.5") * 1769 / 256


def test_a_standard_execution_is_three_states_and_its_start(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    assert requests.per_million(ENTRY, stack(), table, used)["Step Functions"] == 4 * 25
    assert requests.per_million(BATCH, stack(), table, used)["Step Functions"] == 1


def test_an_express_execution_is_a_request_and_started_100_ms_of_64_mb(
    stack: Callable[..., Stack], table: Prices, used: Quantities
) -> None:
    # States: 3 x 25 ms. Functions: 20 ms of waits, and their CPU time with 512 and 256 MB.
    milliseconds = 75 + 20 + CPU_MS / 2 + CPU_MS
    assert 100 < milliseconds < 200
    gb_hours = Decimal("0.2") * 64 / 1024 / 3600
    express = requests.per_million(ENTRY, stack(WorkflowType="EXPRESS"), table, used)
    assert express["Step Functions"] == pytest.approx(1 + gb_hours * 1_000_000 * Decimal("0.06"))


def test_a_functions_time_is_its_share_of_a_processor_and_its_waits(stack: Callable[..., Stack], used: Quantities) -> None:
    """CPU time takes longer on a share of a processor; waits do not."""
    register = requests.duration_ms(stack().function("RegisterEntry"), used.of_function("entry", "register-entry"), used)
    assert register == CPU_MS + 2 * 2 + 50


def test_a_function_with_more_than_one_processor_uses_one(stack: Callable[..., Stack], used: Quantities) -> None:
    large = stack().function("RegisterEntry") | {"MemorySize": 3538}
    assert requests.cpu_share(large, used) == 1


@pytest.mark.parametrize(("architecture", "gb_second"), [("arm64", "0.0000133334"), ("x86_64", "0.0000166667")])
def test_a_read_costs_its_milliseconds_and_a_request(
    stack: Callable[..., Stack], table: Prices, used: Quantities, architecture: str, gb_second: str
) -> None:
    # 10.4 ms of CPU time and 10 ms of waiting; one in a hundred starts, with ten times the CPU time and 300 ms of waiting.
    milliseconds = math.ceil(CPU_MS + 10) + Decimal("0.01") * math.ceil(10 * CPU_MS + 300)
    million = requests.per_million(READ, stack(Architecture=architecture), table, used)
    assert million["Lambda"] == pytest.approx(milliseconds * 1000 * Decimal("0.25") * Decimal(gb_second) + Decimal("0.20"))


def test_balances_are_two_writes_of_one_unit_or_two_queries(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    assert requests.per_million(ENTRY, stack(), table, used)["DynamoDB"] == 2 * Decimal("0.625")
    # Six years of 900 bytes are two started 4 KB, 31 days of 120 bytes are one.
    assert requests.per_million(READ, stack(), table, used)["DynamoDB"] == Decimal("1.5") * Decimal("0.125")


def test_the_ledger_is_capacity_storage_and_its_reads_and_writes(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    capacity = Decimal("0.9") / 1000 / 3600 * 4 * 2 * 1_000_000 * Decimal("0.12")
    storage = Decimal(400) * 1_000_000 / 2**30 * Decimal("0.10")
    entry = requests.per_million(ENTRY, stack(), table, used)["Aurora"]
    assert entry == pytest.approx(capacity + storage + 2 * Decimal("0.20"))
    # Of a batch, 100 kB of log are 25 writes; each entry still reads.
    batch = requests.per_million(BATCH, stack(), table, used)["Aurora"]
    assert batch == pytest.approx(capacity + storage + Decimal("1.25") * Decimal("0.20"))


def test_a_request_is_remembered_for_a_day(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    kept = Decimal(600) * 1_000_000 / 2**30 * 24 * Decimal("0.084")
    assert requests.per_million(ENTRY, stack(), table, used)["Valkey"] == pytest.approx(kept + 3 * Decimal("0.0023"))
    assert requests.per_million(READ, stack(), table, used)["Valkey"] == 0


def test_each_function_logs_and_the_gateway_and_it_is_kept_for_a_month(
    stack: Callable[..., Stack], table: Prices, used: Quantities
) -> None:
    function = 100 + 26
    gateway = len('{"requestId":"JKJaXmPLvHcESHA="}') + 26
    logs = requests.per_million(READ, stack(), table, used)["CloudWatch Logs"]
    assert logs == pytest.approx(Decimal(function + gateway) * 1_000_000 / 2**30 * Decimal("0.53"))
    longer = requests.per_million(READ, stack(LogRetentionDays="60"), table, used)["CloudWatch Logs"]
    assert longer == pytest.approx(Decimal(function + gateway) * 1_000_000 / 2**30 * Decimal("0.56"))


def test_lambdas_own_lines_are_in_the_log_if_the_template_lets_them_through(
    stack: Callable[..., Stack], table: Prices, used: Quantities
) -> None:
    def logs(**parameters: str) -> Decimal:
        return requests.per_million(READ, stack(**parameters), table, used)["CloudWatch Logs"]

    more = logs(SystemLogLevel="INFO") - logs()
    assert more == pytest.approx(Decimal(750 + 2 * 26) * 1_000_000 / 2**30 * Decimal("0.53"))


def test_who_starts_an_execution_of_express_logs_its_input(stack: Callable[..., Stack], used: Quantities) -> None:
    register = stack().function("RegisterEntry")
    logged = used.of_function("entry", "register-entry") | {"log_bytes_express": 400}
    assert requests.function_log_bytes(register, logged, stack(), used) == 100 + 26
    assert requests.function_log_bytes(register, logged, stack(WorkflowType="EXPRESS"), used) == 400 + 26


def test_the_gateways_line_is_its_format_with_values(stack: Callable[..., Stack], used: Quantities) -> None:
    stack_of_it = stack()
    stage = stack_of_it.only("AWS::ApiGatewayV2::Stage")
    stack_of_it.only = lambda kind: stage
    stage["AccessLogSettings"]["Format"] = '{"route":"$context.routeKey","path":"$context.path"}'
    line = '{"route":"GET /daily-balances/{date}","path":"/daily-balances/2026-11-22"}'
    assert requests.access_log_bytes(READ, stack_of_it, used) == len(line) + 26
    stage["AccessLogSettings"]["Format"] = '{"agent":"$context.identity.userAgent"}'
    with pytest.raises(Problem, match=r"identity\.userAgent"):
        requests.access_log_bytes(READ, stack_of_it, used)


def test_of_50_requests_in_a_second_69_in_a_thousand_are_traced(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    assert requests.per_million(READ, stack(), table, used)["X-Ray"] == Decimal("0.069") * 5


def test_a_gateway_request_is_one_up_to_512_kb(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    assert requests.per_million(ENTRY, stack(), table, used)["API Gateway"] == 1
    used.case("read")["response_bytes"] = 512 * 1024 + 1
    assert requests.per_million(READ, stack(), table, used)["API Gateway"] == 2


def test_what_was_not_measured_is_named(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    del used.measured["cases"]["read"]
    with pytest.raises(Problem, match="case read"):
        requests.per_million(READ, stack(), table, used)


def test_a_route_that_the_template_does_not_have_is_named(stack: Callable[..., Stack]) -> None:
    with pytest.raises(Problem, match="no route GET /moon"):
        requests.functions_of(replace(READ, route="GET /moon"), stack())
