"""The table of results, on the terminal and in docs/reliability.md."""

from fluxo_local.profile import CHECKOUT

from chaos.runner import Result

DOCUMENT = CHECKOUT / "docs" / "reliability.md"
BEGIN = "<!-- figures: written by `make chaos` -->"
END = "<!-- end of figures -->"
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
