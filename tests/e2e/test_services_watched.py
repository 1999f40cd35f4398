"""The second door, watched by a real Prometheus: its panels have data under load, its rules are evaluated, and its alerts are silent."""

from pathlib import Path

import pytest
from deployed.merchant import Merchant, entry
from deployed.stack import Stack
from deployed.waiting import eventually
from watching.prometheus import panels, wait_until, watching

pytestmark = pytest.mark.door("services", "The functions of the first door have metrics in CloudWatch only.")

PROCESSES = {"entries-serve", "entries-record", "consolidation-serve", "consolidation-consume", "worker"}


@pytest.fixture
def addresses(stack: Stack) -> dict[str, str]:
    """Where the processes answer for their metrics, `host:port` by their names."""
    return {name.replace(" ", "-"): f"127.0.0.1:{port}" for name, port in stack.ids["metrics"].items()}


def test_every_panel_has_data_under_load_and_no_alert_fires(addresses: dict[str, str], merchant: Merchant, tmp_path: Path) -> None:
    assert addresses.keys() == PROCESSES
    with watching(addresses, tmp_path / "prometheus") as prometheus:
        number = 0

        def without_data() -> list[str]:
            nonlocal number
            for _ in range(20):
                number += 1
                # The second is refused, and so is counted by its code.
                merchant.post(entry("1.00"), f"watched-{number}")
                merchant.post({}, f"refused-{number}")
            merchant.day()
            return [query for queries in panels().values() for query in queries if not prometheus.query(query)]

        eventually(without_data, lambda queries: not queries, "every panel to have data")
        wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()), "every rule is evaluated")
        # Nobody knows of jobs where there is no Kubernetes.
        assert prometheus.firing() - {"FluxoServicesUnswept"} == set()
