"""The table of results, on the terminal and in docs/reliability.md."""

import os
from datetime import date
from enum import Enum

from fluxo_local.doors import LAMBDA, SERVICES
from fluxo_local.profile import CHECKOUT

from chaos.runner import HEALTHY, Result

DOCUMENT = CHECKOUT / "docs" / "reliability.md"


class Kind(Enum):
    """Which faults of a door were run."""

    QUICK = ""
    LONG = " FAULT=long"


# For each door and kind: where its figures begin and end.
MARKS = {
    (LAMBDA, Kind.QUICK): ("<!-- figures: written by `make chaos` -->", "<!-- end of figures -->"),
    (SERVICES, Kind.QUICK): ("<!-- figures: written by `make chaos DOOR=services` -->", "<!-- end of figures of services -->"),
    (SERVICES, Kind.LONG): (
        "<!-- figures: written by `make chaos DOOR=services FAULT=long` -->",
        "<!-- end of figures of services, long -->",
    ),
}
HEADINGS = [
    "fault",
    "entries",
    "POSTs",
    "failed POSTs",
    "lost",
    "doubled",
    "worst unavailability, s",
    "converged after, s",
    "p99 of POST, ms",
    "",
]
HEADINGS_OF_EVENTS = [
    "fault",
    "events in feeds",
    "missing in a feed",
    "doubled in a feed",
    "requests to receivers",
    "not delivered",
    "delivered and in no feed",
    "all delivered after, s",
    "longest to other receivers, s",
    "",
]


def rows(results: list[Result]) -> list[list[str]]:
    """One for each fault, and one for all."""
    return [
        [
            result.fault.title,
            str(result.entries),
            str(result.posts),
            str(result.failed_posts),
            str(result.findings.lost),
            str(result.findings.doubled),
            f"{result.worst_unavailability_s:.1f}",
            f"{result.convergence_s:.1f}",
            str(result.p99_ms),
            "exact" if result.passed else "**FAILED**",
        ]
        for result in results
    ]


def rows_of_events(results: list[Result]) -> list[list[str]]:
    """One for each fault whose events were audited."""
    return [
        [
            result.fault.title,
            str(events.events),
            str(events.missing),
            str(events.doubled),
            str(events.requests),
            str(events.undelivered),
            str(events.unknown),
            f"{events.delivered_after_s:.1f}",
            "" if events.worst_lag_s is None else f"{events.worst_lag_s:.1f}",
            "exact" if result.passed else "**FAILED**",
        ]
        for result in results
        if (events := result.heard)
    ]


def table(results: list[Result]) -> str:
    """All results: the entries of all faults, and the events of those that have an audience."""
    events = rows_of_events(results)
    return "\n\n".join([aligned([HEADINGS, *rows(results)]), *([aligned([HEADINGS_OF_EVENTS, *events])] if events else [])])


def aligned(lines: list[list[str]]) -> str:
    """In Markdown, aligned so that it can be read on a terminal, too; the first line is the heading."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    written = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    rule = "|" + "|".join("-" * (width + 1) + (":" if 0 < column < len(widths) - 1 else "-") for column, width in enumerate(widths)) + "|"
    return "\n".join([written[0], rule, *written[1:]])


def summary(results: list[Result]) -> str:
    """The figures over all faults."""
    faults = [result for result in results if result.fault.name != HEALTHY.name]
    worst = max(faults, key=lambda result: result.worst_unavailability_s)
    slowest = max(faults, key=lambda result: result.convergence_s)
    redis = max((result.p99_ms for result in faults if result.fault.keeps_pace), default=None)
    lines = [
        f"- Entries accepted: {sum(result.entries for result in results):,}, in {sum(result.posts for result in results):,} POSTs.",
        f"- Faults: {len(faults)}.",
        f"- Lost: {sum(result.findings.lost for result in results)}. Doubled: {sum(result.findings.doubled for result in results)}.",
        f"- Worst unavailability: {worst.worst_unavailability_s:.1f} s ({worst.fault.title}).",
        f"- Longest time to converge: {slowest.convergence_s:.1f} s ({slowest.fault.title}).",
        f"- p99 of `POST`: {results[0].p99_ms} ms without a fault{'' if redis is None else f', at most {redis} ms while Redis fails'}.",
    ]
    if heard := [result.heard for result in results if result.heard]:
        lines.append(
            f"- Events: {sum(events.events for events in heard):,}. Missing in a feed: {sum(events.missing for events in heard)}, doubled: "
            f"{sum(events.doubled for events in heard)}. Not delivered: {sum(events.undelivered for events in heard)}, delivered and in no "
            f"feed: {sum(events.unknown for events in heard)}."
        )
    return "\n".join(lines)


def write(results: list[Result], duration_s: float, door: str, kind: Kind) -> None:
    """Puts the figures into the document, between the marks of the door and the kind."""
    DOCUMENT.write_text(written(DOCUMENT.read_text(), results, duration_s, MARKS[door, kind]))


def written(document: str, results: list[Result], duration_s: float, marks: tuple[str, str]) -> str:
    """The document with these figures between the marks, and everything else as it was."""
    begin, end = marks
    before, begins, rest = document.partition(begin)
    _, ends, after = rest.partition(end)
    assert begins and ends, f"the document has no marks {begin} and {end}"
    measured = f"Measured on {date.today()} with {os.cpu_count()} cores, in {duration_s / 60:.0f} minutes:"
    return "\n".join([f"{before}{begin}", "", measured, "", summary(results), "", table(results), "", f"{end}{after}"])
