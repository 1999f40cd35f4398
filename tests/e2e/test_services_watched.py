"""The second door, watched by a real Prometheus: its panels have data under load, its rules are evaluated, and its alerts are silent."""

from pathlib import Path

import pytest
from deployed.merchant import Merchant, entry
from deployed.stack import Stack
from watching.prometheus import panels, wait_until, watching

# What has data only once something is wrong, which tests/chaos sees to.
OF_FAULTS = {"Tried again, by step", "Dead letters, by reason"}
PROCESSES = {"entries-serve", "entries-record", "consolidation-serve", "consolidation-consume", "worker"}


@pytest.fixture
def addresses(pytestconfig: pytest.Config, stack: Stack) -> dict[str, str]:
    """Where the processes answer for their metrics, `host:port` by their names."""
    if pytestconfig.getoption("door", default="lambda") != "services":
        pytest.skip("The functions of the first door have metrics in CloudWatch only.")
    return {name.replace(" ", "-"): f"127.0.0.1:{port}" for name, port in stack.ids["metrics"].items()}


def test_every_panel_has_data_under_load_and_no_alert_fires(addresses: dict[str, str], merchant: Merchant, tmp_path: Path) -> None:
    assert addresses.keys() == PROCESSES
    with watching(addresses, tmp_path / "prometheus") as prometheus:
        asked = {title: queries for title, queries in panels().items() if title not in OF_FAULTS}
        number = 0

        def all_have_data() -> bool:
            nonlocal number
            for _ in range(20):
                number += 1
                # The second is refused, and so is counted by its code.
                merchant.post(entry("1.00"), f"watched-{number}")
                merchant.post({}, f"refused-{number}")
            return all(prometheus.query(query) for queries in asked.values() for query in queries)

        wait_until(all_have_data, "every panel has data")
        wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()), "every rule is evaluated")
        assert prometheus.firing() == set()
