"""The one way in which a test waits, and the one way in which it does things at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")

# Far above what anything takes, so that a busy machine fails no test; a failing test waits this long once.
TIMEOUT_S = 60
POLL_S = 0.05


def eventually(look: Callable[[], T], holds: Callable[[T], bool], expected: str, timeout_s: float = TIMEOUT_S) -> T:
    """Looks until what it sees is as expected, and answers it; fails after the timeout with what it saw last."""
    deadline = time.monotonic() + timeout_s
    while not holds(seen := look()):
        assert time.monotonic() < deadline, f"expected {expected} within {timeout_s:.0f} s, still seeing {seen!r}"
        time.sleep(POLL_S)
    return seen


def at_once(call: Callable[[int], T], count: int) -> list[T]:
    """Calls with 0 to `count` - 1, all at the same moment, and answers in that order."""
    start = Barrier(count)

    def wait_and_call(number: int) -> T:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_call, range(count)))
