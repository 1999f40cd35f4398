"""The table of results, on the terminal and in docs/reliability.md."""

import os
from datetime import date

from fluxo_local.doors import LAMBDA, SERVICES
from fluxo_local.profile import CHECKOUT

from chaos.runner import HEALTHY, Result

DOCUMENT = CHECKOUT / "docs" / "reliability.md"
# For each door: where its figures begin and end.
MARKS = {
    LAMBDA: ("<!-- figures: written by `make chaos` -->", "<!-- end of figures -->"),
    SERVICES: ("<!-- figures: written by `make chaos DOOR=services` -->", "<!-- end of figures of services -->"),
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


def table(results: list[Result]) -> str:
    """In Markdown, aligned so that it can be read on a terminal, too."""
    lines = [HEADINGS, *rows(results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    written = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    rule = "|" + "|".join("-" * (width + 1) + (":" if 0 < column < len(widths) - 1 else "-") for column, width in enumerate(widths)) + "|"
    return "\n".join([written[0], rule, *written[1:]])


def summary(results: list[Result]) -> str:
    """The figures over all faults."""
    faults = [result for result in results if result.fault.name != HEALTHY.name]
    worst = max(faults, key=lambda result: result.worst_unavailability_s)
    slowest = max(faults, key=lambda result: result.convergence_s)
    redis = max((result.p99_ms for result in faults if result.fault.keeps_pace), default=0)
    lines = [
        f"- Entries accepted: {sum(result.entries for result in results):,}, in {sum(result.posts for result in results):,} POSTs.",
        f"- Faults: {len(faults)}.",
        f"- Lost: {sum(result.findings.lost for result in results)}. Doubled: {sum(result.findings.doubled for result in results)}.",
        f"- Worst unavailability: {worst.worst_unavailability_s:.1f} s ({worst.fault.title}).",
        f"- Longest time to converge: {slowest.convergence_s:.1f} s ({slowest.fault.title}).",
        f"- p99 of `POST`: {results[0].p99_ms} ms without a fault, at most {redis} ms while Redis fails.",
    ]
    return "\n".join(lines)


def write(results: list[Result], duration_s: float, door: str) -> None:
    """Puts the figures into the document, between the marks of the door."""
    begin, end = MARKS[door]
    before, _, rest = DOCUMENT.read_text().partition(begin)
    _, _, after = rest.partition(end)
    measured = f"Measured on {date.today()} with {os.cpu_count()} cores, in {duration_s / 60:.0f} minutes:"
    DOCUMENT.write_text("\n".join([f"{before}{begin}", "", measured, "", summary(results), "", table(results), "", f"{end}{after}"]))
