"""CPU times that the benchmark has measured take the place of the older ones."""

from decimal import Decimal

import pytest
from cost import quantities
from cost.problem import Problem
from cost.quantities import Quantities


def test_the_benchmarks_figures_come_first(used: Quantities) -> None:
    figure = {"name": "cpu_ms_apply_to_ledger_batch", "value": Decimal("3.5"), "unit": "ms"}
    other = {"name": "cold_start_ms", "value": 8, "unit": "ms"}
    taken = quantities.with_bench(used, {"figures": [figure, other]})
    assert taken.of_function("batch", "apply-to-ledger")["cpu_ms"] == Decimal("3.5")
    assert taken.of_function("entry", "apply-to-ledger")["cpu_ms"] == 1
    assert taken.cpu_from_bench == ("cpu_ms_apply_to_ledger_batch",)


def test_a_figure_in_another_unit_is_refused(used: Quantities) -> None:
    with pytest.raises(Problem, match="is in s, not in ms"):
        quantities.with_bench(used, {"figures": [{"name": "cpu_ms_apply_to_ledger_batch", "value": 1, "unit": "s"}]})
