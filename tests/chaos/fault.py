"""What a fault is, and the list of all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fluxo_local.doors import LAMBDA

from chaos.audience import Audience
from chaos.load import Load
from chaos.system import System

# Requests a second: MiniStack answers some dozens with two cores.
RATE = 10
# So many that the few which meet a fault first are less than one in a hundred.
BUSY_RATE = 20
# With this the state machine's retries of a task take 3 s instead of 31: a fault of 20 s outlasts them, as minutes do otherwise.
SHORT_WAITS = 0.1


@dataclass
class Scene:
    """Where a fault is injected: the system, under load."""

    system: System
    load: Load
    merchants: list[str]
    # The executions that there were before.
    known: set[str]
    # The read model as it was before all faults.
    earlier_balances: list[dict[str, Any]]
    # Who is told of events, if the fault is about that.
    members: Audience | None = None
    # What the fault expects beyond the audit and was not so.
    violations: list[str] = field(default_factory=list)
    # What was seen that shows that the fault took place.
    notes: list[str] = field(default_factory=list)

    @property
    def audience(self) -> Audience:
        """Who is told of events."""
        assert self.members, "the fault has no audience"
        return self.members

    def check(self, holds: bool, expected: str) -> None:
        """Notes a violation if it does not hold."""
        if not holds:
            self.violations.append(f"expected {expected}")

    def check_parked(self) -> None:
        """Notes a violation if no execution has used up its retries since the fault began, been parked, and run again."""
        if self.system.door != LAMBDA:
            # Nothing is parked there: the topic is the queue.
            return
        parked = sum(name.endswith("-r1") and name not in self.known for name in self.system.workflow.names())
        self.note(f"{parked} executions parked")
        self.check(parked > 0, "executions to use up their retries")

    def quiet_items(self, count: int) -> list[dict[str, dict[str, str]]]:
        """The keys of items of the read model that belong to merchants of faults before, who send nothing any more."""
        own = tuple(self.merchants)
        items = [item for item in self.system.all_balances() if not item["pk"]["S"].startswith(own)]
        return [{"pk": item["pk"], "sk": item["sk"]} for item in items[:count]]

    def note(self, text: str) -> None:
        """Notes something seen."""
        self.notes.append(text)


@dataclass(frozen=True)
class Fault:
    """One way of breaking the system, and what is expected of it beyond the audit."""

    name: str
    title: str
    # Injects the fault, lets it last, and lifts it.
    inject: Callable[[Scene], None]
    rate: float
    # Every POST is answered with 202, the first time.
    no_failed_post: bool
    # 99 of 100 POSTs are answered in less than twice the time that it takes without a fault.
    keeps_pace: bool
    # Behind which doors there is what it breaks.
    doors: tuple[str, ...] = (LAMBDA,)
    # Within which time after it everything must be exact.
    convergence_s: float = 120
    # It takes minutes, and runs only if it is asked for.
    is_long: bool = False
    # Every merchant has a reader of the feed and a receiver of webhooks, and what they have is audited, too.
    has_audience: bool = False


FAULTS: dict[str, Fault] = {}


def fault(
    name: str,
    title: str,
    *,
    rate: float = RATE,
    no_failed_post: bool = False,
    keeps_pace: bool = False,
    doors: tuple[str, ...] = (LAMBDA,),
    convergence_s: float = 120,
    is_long: bool = False,
    has_audience: bool = False,
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Puts a function that injects a fault on the list."""

    def add(inject: Callable[[Scene], None]) -> Callable[[Scene], None]:
        assert name not in FAULTS, name
        FAULTS[name] = Fault(name, title, inject, rate, no_failed_post, keeps_pace, doors, convergence_s, is_long, has_audience)
        return inject

    return add
