"""What events cost on each way out: with round numbers, each part is reckoned by hand."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from cost import events
from cost.events import WAYS, Way
from cost.prices import Prices
from cost.quantities import Quantities
from cost.requests import API, BALANCES, LAMBDA, NETWORK
from cost.template import Stack

FEED, ALONE, TOGETHER, ON_BUS, ON_BUS_TOGETHER = WAYS


@pytest.fixture
def reckon(stack: Callable[..., Stack], table: Prices, used: Quantities) -> Callable[..., dict[str, Decimal]]:
    """What a million events cost on a way, with some assumptions changed."""

    def of(way: Way, **changed: object) -> dict[str, Decimal]:
        assumed = used.assumed | {name: {"value": value, "why": "a test"} for name, value in changed.items()}
        return events.per_million(way, stack(), table, Quantities(used.measured, assumed))

    return of


def test_a_page_of_the_feed_is_a_request_and_its_bytes(reckon: Callable[..., dict[str, Decimal]]) -> None:
    costs = reckon(FEED, event_bytes=1000, response_header_bytes=0)
    # 10,000 requests at a dollar a million; a gigabyte, in units of 1024, at 0.09.
    assert costs[API] == Decimal("0.01")
    assert costs[NETWORK] == Decimal(10**9) / 1024**3 * Decimal("0.09")
    assert costs[events.QUEUES] == costs[events.BUS] == 0


def test_a_wake_is_three_requests_of_a_fair_queue(reckon: Callable[..., dict[str, Decimal]]) -> None:
    assert reckon(ALONE)[events.QUEUES] == Decimal("1.5")
    assert reckon(TOGETHER)[events.QUEUES] == Decimal("0.015")


def test_a_delivery_is_written_once_and_each_wake_once(reckon: Callable[..., dict[str, Decimal]]) -> None:
    one = {"wake_write_units": 1, "wake_read_units": 0, "delivery_item_bytes": 1024}
    assert reckon(ALONE, **one)[BALANCES] == Decimal("1.25")
    assert reckon(TOGETHER, **one)[BALANCES] == Decimal("0.63125")
    assert reckon(ALONE, **one, delivery_writes=3)[BALANCES] == Decimal("2.5")


def test_who_waits_for_receivers_pays_for_it(reckon: Callable[..., dict[str, Decimal]]) -> None:
    slow, quick = (reckon(ALONE, receiver_ms=milliseconds)[LAMBDA] for milliseconds in (1000, 0))
    # 256 MB for a second, on arm64.
    assert slow - quick == Decimal("250000") * Decimal("0.0000133334")
    # Eight at once: thirteen turns for a hundred.
    slow, quick = (reckon(TOGETHER, receiver_ms=milliseconds)[LAMBDA] for milliseconds in (1000, 0))
    assert slow - quick == 13 * Decimal("2500") * Decimal("0.0000133334")


def test_the_bus_charges_each_64_kb_of_an_event(reckon: Callable[..., dict[str, Decimal]]) -> None:
    assert reckon(ON_BUS)[events.BUS] == reckon(ON_BUS_TOGETHER)[events.BUS] == Decimal("1.00")
    assert reckon(ON_BUS, event_bytes=65 * 1024)[events.BUS] == Decimal("2.00")
