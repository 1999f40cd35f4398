"""Time as an execution sees it. None passes: pauses and tasks only move its hand."""

import random
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

# Where between its bounds a random pause lies: 0 is the shortest, 1 the longest.
SHORTEST, LONGEST = 0.0, 1.0


@dataclass
class Clock:
    """The clock of one execution."""

    # How the pauses that are left to chance fall out; None leaves it to chance.
    luck: float | None = LONGEST
    now_s: float = 0.0
    # Each pause that was made, in order, and what chance had to choose from.
    pauses: list[float] = field(default_factory=list)
    jitter: list[tuple[float, float]] = field(default_factory=list)
    # The limit of each attempt of a task, in order.
    timeouts: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Instead of `time.sleep`."""
        self.pauses.append(seconds)
        self.now_s += seconds

    def uniform(self, low: float, high: float) -> float:
        """Instead of `random.uniform`."""
        self.jitter.append((low, high))
        return random.uniform(low, high) if self.luck is None else low + self.luck * (high - low)

    def finishes(self, seconds: float, within: float) -> bool:
        """Whether a task that takes so long ends before its limit; the execution waits for it no longer than that."""
        self.timeouts.append(within)
        self.now_s += min(seconds, within)
        return seconds <= within


def with_replaced(module: ModuleType, **replacements: Any) -> SimpleNamespace:
    """Stands for a module of which some members are replaced."""
    return SimpleNamespace(**(vars(module) | replacements))
