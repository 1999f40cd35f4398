"""Runs faults one after the other, each under a load of its own, and audits after each."""

import gc
import time
import traceback
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from fluxo_local import terminal
from fluxo_local.doors import LAMBDA
from fluxo_local.engine import CALLS_AT_ONCE_MAX
from fluxo_local.users import id_token

from chaos.audience import Audience, listening
from chaos.audit import Findings, audit_whole, converged
from chaos.book import Book
from chaos.events_audit import Heard, heard
from chaos.fault import BUSY_RATE, Fault, Scene
from chaos.load import Attempt, Load
from chaos.system import System, wait

MERCHANTS = 4
BEFORE_S = 3
# Until as many processes run as the load needs, where times are compared.
WARM_UP_S = 8
AFTER_S = 2
SHOWN_MAX = 10
SENTENCE_MAX = 300
PACE = 2
# Above the seeds of all faults.
AGAIN = 1000
HEALTHY = Fault("healthy", "none", lambda scene: wait(20), BUSY_RATE, no_failed_post=True, keeps_pace=False)


@dataclass
class Result:
    """What came of one fault."""

    fault: Fault
    book: Book
    posts: int
    failed_posts: int
    findings: Findings
    worst_unavailability_s: float
    convergence_s: float
    p99_ms: int
    notes: list[str]
    violations: list[str] = field(default_factory=list)
    # What came of the events, if the fault was about them.
    heard: Heard | None = None

    @property
    def entries(self) -> int:
        """How many were accepted."""
        return self.book.entry_count

    @property
    def passed(self) -> bool:
        """Whether everything was as it must be."""
        return self.findings.clean and not self.violations and not (self.heard and self.heard.differences)


def run_faults(system: System, faults: list[Fault]) -> tuple[list[Result], bool]:
    """The healthy system first, as the measure of the others; and whether, in the end, everything still is as it was audited."""
    results = [measure(system, HEALTHY, 0, [])]
    earlier = system.all_balances()
    books = [results[0].book]
    for seed, fault in enumerate(faults, 1):
        result = measure(system, fault, seed, earlier)
        books.append(result.book)
        if fault.keeps_pace and is_slow(result, results[0]):
            # Perhaps the machine has become slower, and not the system: what does it take without a fault now?
            healthy = measure(system, HEALTHY, -seed, earlier)
            books.append(healthy.book)
            if is_slow(result, healthy) and result.passed:
                # Or it was slow for a moment: five requests of 500 are enough to show. What is slow in the fault is slow once more.
                result = measure(system, fault, AGAIN + seed, earlier)
                books.append(result.book)
            judge_pace(result, healthy)
        results.append(result)
    with terminal.step("Auditing everything once more"):
        differences = audit_whole(system, books)
    terminal.say("\n".join(f"    WRONG: {difference}" for difference in differences[:SHOWN_MAX]) or "    nothing has changed")
    return results, not differences


def measure(system: System, fault: Fault, seed: int, earlier_balances: list[dict[str, Any]]) -> Result:
    """Runs one fault, and says at once what came of it."""
    with terminal.step(fault.name) as step:
        result = run_fault(system, fault, seed, earlier_balances)
    tell(result, step.duration_s)
    system.check()
    return result


def run_fault(system: System, fault: Fault, seed: int, earlier_balances: list[dict[str, Any]]) -> Result:
    """Injects a fault under load and audits what is left."""
    merchants = [f"{fault.name}{seed}-{name}" for name in ("hot", *range(2, MERCHANTS + 1))]
    tokens = {merchant: id_token(system.profile, merchant, "clerk") for merchant in merchants}
    with listening(system, tokens) if fault.has_audience else nullcontext() as audience:
        load = Load(system.url, tokens, seed)
        scene = Scene(system, load, merchants, known_executions(system), earlier_balances, audience)
        began_at, ended_at = run_under_load(fault, scene)
        findings, exact_at = converged(system, load.book, tokens, fault.convergence_s)
        events = audited(audience, load, ended_at) if audience else None
    attempts = sorted(load.attempts, key=lambda attempt: attempt.ended_at)
    result = Result(
        fault,
        load.book,
        posts=len(attempts),
        failed_posts=sum(attempt.failed for attempt in attempts),
        findings=findings,
        worst_unavailability_s=worst_unavailability(attempts),
        convergence_s=max(0.0, exact_at - ended_at),
        p99_ms=p99_ms([attempt for attempt in attempts if began_at <= attempt.sent_at <= ended_at]),
        notes=scene.notes,
        violations=scene.violations,
        heard=events,
    )
    judge(result, load)
    return result


def run_under_load(fault: Fault, scene: Scene) -> tuple[float, float]:
    """Injects a fault while clients send; answers when it began and ended. All clients have been answered then."""
    load = scene.load
    compared = fault.keeps_pace or fault is HEALTHY
    if compared:
        # What they remember of the fault before, such as an open circuit breaker, would make them quicker or slower.
        scene.system.end_processes("RegisterEntry")
        # Nor is it the system that is slow while Python looks through what clients were answered in all faults before.
        gc.collect()
        gc.freeze()
    try:
        if compared:
            # The engine takes far longer to start a process than AWS does. How many it needs is not what is measured.
            for _ in range(CALLS_AT_ONCE_MAX):
                load.send(load.sale())
        load.start(fault.rate)
        wait(WARM_UP_S if compared else BEFORE_S)
        began_at = time.monotonic()
        inject(fault, scene)
        ended_at = time.monotonic()
        wait(AFTER_S)
        load.stop()
    except BaseException:
        load.abandon()
        raise
    return began_at, ended_at


def audited(audience: Audience, load: Load, ended_at: float) -> Heard:
    """What came of the events; that they cannot be audited is a difference, and keeps no other fault from its turn."""
    try:
        return heard(audience, load.book, ended_at)
    except Exception as error:
        traceback.print_exc()
        return Heard(differences=[f"the events cannot be audited: {error!r}"[:SENTENCE_MAX]])


def known_executions(system: System) -> set[str]:
    """The executions that there are now; the log of the second door would have to be read from its beginning, and parks nothing."""
    return set(system.workflow.names()) if system.door == LAMBDA else set()


def inject(fault: Fault, scene: Scene) -> None:
    """Injects it; what goes wrong with that is a violation, and keeps no other fault from its turn."""
    try:
        fault.inject(scene)
    except Exception as error:
        traceback.print_exc()
        scene.check(False, f"the fault to take its course, not {error!r}"[:SENTENCE_MAX])


def judge(result: Result, load: Load) -> None:
    """What every fault, and this one in particular, must not do to clients."""
    given_up = sum(not sale.accepted for sale in load.sales)
    if given_up:
        result.violations.append(f"{given_up} requests were not accepted, however often they were repeated")
    if result.fault.no_failed_post and result.failed_posts:
        result.violations.append(f"{result.failed_posts} POSTs failed, and none may")


def is_slow(result: Result, healthy: Result) -> bool:
    """Whether POSTs took too long, compared with the system as it is without a fault."""
    return result.p99_ms >= PACE * healthy.p99_ms


def judge_pace(result: Result, healthy: Result) -> None:
    """Compares with the system as it is without a fault."""
    if is_slow(result, healthy):
        result.violations.append(f"99 of 100 POSTs took up to {result.p99_ms} ms, {healthy.p99_ms} ms without a fault")
        terminal.say(f"    VIOLATED: {result.violations[-1]}")


def worst_unavailability(attempts: list[Attempt]) -> float:
    """The longest time, in seconds, in which POSTs failed and none was accepted."""
    worst, failing_since = 0.0, None
    for attempt in attempts:
        if attempt.failed:
            failing_since = failing_since if failing_since is not None else attempt.sent_at
        elif failing_since is not None:
            worst, failing_since = max(worst, attempt.ended_at - failing_since), None
    return worst


def p99_ms(attempts: list[Attempt]) -> int:
    """The time within which 99 of 100 were answered."""
    times = sorted(attempt.ended_at - attempt.sent_at for attempt in attempts)
    return round(times[max(0, -(-99 * len(times) // 100) - 1)] * 1000) if times else 0


def tell(result: Result, duration_s: float) -> None:
    """What came of it, at once."""
    told = [
        f"{result.entries} entries, {result.posts} POSTs, {result.failed_posts} failed, p99 {result.p99_ms} ms, "
        f"exact after {result.convergence_s:.1f} s, in all {duration_s:.0f} s",
        *result.notes,
        *(said(result.heard) if result.heard else ()),
        *(f"VIOLATED: {violation}" for violation in result.violations),
        *(f"WRONG: {difference}" for difference in result.findings.differences[:SHOWN_MAX]),
    ]
    terminal.say("\n".join(f"    {line}" for line in told))


def said(events: Heard) -> list[str]:
    """What came of events."""
    lag = "" if events.worst_lag_s is None else f", to the other receivers within {events.worst_lag_s:.1f} s"
    redelivered = f", {events.redelivered} by hand" if events.redelivered else ""
    return [
        f"{events.events} events, {events.requests} requests{redelivered}, delivered after {events.delivered_after_s:.1f} s{lag}",
        *(f"WRONG: {difference}" for difference in events.differences[:SHOWN_MAX]),
    ]
