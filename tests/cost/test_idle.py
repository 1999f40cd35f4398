"""What an idle stack costs, reckoned by hand for a small one."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from cost import idle
from cost.prices import Prices
from cost.problem import Problem
from cost.quantities import Quantities
from cost.template import Stack

AURORA, PROXY = "Aurora, capacity", "RDS Proxy"
MAY_PAUSE = {"LedgerProxyEnabled": "false", "LedgerMinCapacity": "0"}


def test_each_part_costs_its_hours_and_numbers(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    month = idle.idle(stack(), table, used)
    assert month[AURORA] == Decimal("0.5") * 730 * Decimal("0.12")
    # SST reckons $86 for 30 days of 24 hours; a month has 730.
    assert month[PROXY] == 8 * 730 * Decimal("0.015")
    assert month["Valkey, the least that is charged"] == Decimal("0.1") * 730 * Decimal("0.084")
    assert month["Interface endpoints"] == 3 * 730 * Decimal("0.01")
    assert month["Metrics of each route"] == 3 * 6 * Decimal("0.30")
    assert month["Alarms and dashboards"] == 3 * Decimal("0.10") + 3
    assert month["Secrets and keys"] == Decimal("0.40")


def test_five_pollers_ask_the_queue_every_20_s(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    month = idle.idle(stack(ReconcileSchedule=""), table, used)
    assert month["Polling the queues, schedules"] == Decimal(5 * 730 * 3600) / 20 / 1_000_000 * Decimal("0.40")


def test_a_standby_doubles_the_capacity_and_not_the_proxy(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    month = idle.idle(stack(LedgerStandby="true"), table, used)
    assert month[AURORA] == 730 * Decimal("0.12")
    assert month[PROXY] == 8 * 730 * Decimal("0.015")


def test_a_proxy_before_more_than_8_acus_is_charged_for_them(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    assert idle.idle(stack(LedgerMinCapacity="10"), table, used)[PROXY] == 10 * 730 * Decimal("0.015")


@pytest.mark.parametrize(
    ("parameters", "acu"),
    [
        ({"LedgerMinCapacity": "0"}, "0.5"),
        ({"LedgerMinCapacity": "0", "ReconcileSchedule": ""}, "0.5"),
        (MAY_PAUSE, "0.5"),
        (MAY_PAUSE | {"ReconcileSchedule": "rate(1 day)"}, "0"),
        (MAY_PAUSE | {"ReconcileSchedule": ""}, "0"),
    ],
)
def test_a_cluster_sleeps_only_without_proxy_and_frequent_schedule(
    stack: Callable[..., Stack], used: Quantities, parameters: dict[str, str], acu: str
) -> None:
    assert idle.capacity_acu(stack(**parameters), used) == Decimal(acu)


def test_a_ledger_that_exists_already_costs_this_stack_nothing(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    month = idle.idle(stack(LedgerHost="db.example.com"), table, used)
    assert (month[AURORA], month[PROXY], month["Interface endpoints"], month["Secrets and keys"]) == (0, 0, 0, 0)


def test_what_can_be_left_out_costs_nothing_then(stack: Callable[..., Stack], table: Prices, used: Quantities) -> None:
    month = idle.idle(stack(EndpointStandby="false", AlarmsEnabled="false"), table, used)
    assert month["Interface endpoints"] == 2 * 730 * Decimal("0.01")
    assert month["Alarms and dashboards"] == 0


@pytest.mark.parametrize(
    ("schedule", "share"),
    [("", Decimal(0)), ("rate(15 minutes)", Decimal(1)), ("rate(1 hour)", Decimal(1)), ("rate(1 day)", 1 / Decimal(24))],
)
def test_idle_only_runs_send_metrics_each_in_its_hour(
    stack: Callable[..., Stack], table: Prices, used: Quantities, schedule: str, share: Decimal
) -> None:
    month = idle.idle(stack(ReconcileSchedule=schedule), table, used)
    assert month["Metrics of the functions"] == pytest.approx(6 * share * Decimal("0.30"))


def test_a_run_whose_metrics_nobody_emits_is_an_error(stack: Callable[..., Stack], used: Quantities) -> None:
    used.assumed["metrics_of_a_run"] = {"value": {"reconcile-balances": ["Moonrise"]}}
    with pytest.raises(Problem, match="metric Moonrise"):
        idle.idle_metrics(stack(), used)
    used.assumed["metrics_of_a_run"] = {"value": {}}
    with pytest.raises(Problem, match="run of reconcile-balances"):
        idle.idle_metrics(stack(), used)


def test_the_metrics_of_the_functions_are_found_in_their_code() -> None:
    assert {"EntriesAccepted", "LedgerLatency", "StateMachineLatency"} < idle.emitted_metrics()


def test_code_without_metrics_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="No metric was found"):
        idle.emitted_metrics(tmp_path)
