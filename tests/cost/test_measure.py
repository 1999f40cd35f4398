"""What a measurement refuses to call one."""

import pytest
from cost.measure import Meter
from cost.problem import Problem

USUAL = b'{"level":"INFO","message":"accepted"}\n{"_aws":{"Timestamp":0}}\n'
WARNING = b'{"level":"WARN","message":"idempotency cache unavailable"}\n'


class Logging:
    """A function that logs lines and takes no time."""

    def __init__(self) -> None:
        self.lines = b""

    def wait_until_idle(self) -> None:
        """It is."""

    def cpu_ms(self) -> float:
        """None."""
        return 0

    def log(self) -> bytes:
        """All lines."""
        return self.lines

    def invoke(self, event: bytes) -> str:
        """Logs the event."""
        self.lines += event
        return "{}"


def test_a_warning_before_the_measurement_does_not_count() -> None:
    meter = Meter("apply-to-ledger", Logging())
    meter.invoke(WARNING)
    meter.start()
    meter.invoke(USUAL)

    assert meter.result()["log_events"] == 2


def test_a_function_that_warned_did_less_than_it_should() -> None:
    meter = Meter("apply-to-ledger", Logging())
    meter.start()
    meter.invoke(USUAL)
    meter.invoke(WARNING)

    with pytest.raises(Problem, match=r"apply-to-ledger did less .*idempotency cache unavailable"):
        meter.result()
