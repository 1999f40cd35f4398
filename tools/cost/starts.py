"""Compares what functions take to start with other link-time optimisations: `make starts`. Writes nothing; ADR 16 quotes it.

Processor time and time on the clock, from the start of the process to its first question for an event, with the stores and the
environment of `make cost-measure`. The programs take turns, each turn in another order, so that what else the machine does is shared
by all: the ratios hold on a busy machine, too.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from deploy.binaries import packed
from fluxo_local import bench

from cost.runtime_api import Function
from cost.stores import Stores, running_stores

# What Cargo takes as `profile.release.lto`.
LTO = ("off", "thin", "fat")
FUNCTIONS = ("register-entry", "apply-to-ledger", "consolidate-day", "get-daily-balance", "get-entry")
MIGRATE = "migrate-ledger"
STARTS = 60


@dataclass(frozen=True)
class Start:
    """One start of one program."""

    cpu_ms: float
    clock_ms: float


@dataclass(frozen=True)
class Program:
    """One function, built with one link-time optimisation."""

    function: str
    lto: str


def measure(folders: Mapping[str, Path], functions: Sequence[str], starts: int, stores: Stores) -> dict[Program, list[Start]]:
    """So many starts of each function from each folder."""
    programs = [Program(function, lto) for function in functions for lto in folders]
    # Not counted: from now on, every program is in the page cache.
    for program in programs:
        start(folders[program.lto] / program.function, stores)
    measured: dict[Program, list[Start]] = {program: [] for program in programs}
    for program in turns(functions, list(folders), starts):
        measured[program].append(start(folders[program.lto] / program.function, stores))
    return measured


def turns(functions: Sequence[str], ltos: Sequence[str], starts: int) -> Iterator[Program]:
    """The order of the starts: the programs of one function follow each other, and in every turn another is the first."""
    for turn in range(starts):
        first = turn % len(ltos)
        for function in functions:
            for lto in (*ltos[first:], *ltos[:first]):
                yield Program(function, lto)


def start(program: Path, stores: Stores) -> Start:
    """One start."""
    with Function(program, stores.environment()) as function:
        clock_ms = function.start_ms()
        return Start(function.cpu_ms(), clock_ms)


def table(measured: Mapping[Program, Sequence[Start]], packed_mib: Mapping[Program, float]) -> str:
    """Medians, and how many times those of the first optimisation they are, in Markdown."""
    ltos = list(dict.fromkeys(program.lto for program in measured))
    lines = [
        "| | `lto` | CPU, ms | | on the clock, ms | | packed, MiB |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for program, starts in measured.items():
        first = measured[Program(program.function, ltos[0])]
        cells = [f"`{program.function}`", f"`{program.lto}`"]
        for of in (cpu_ms, clock_ms):
            cells += [f"{of(starts):.2f}", f"{of(starts) / of(first):.2f}"]
        lines.append("| " + " | ".join([*cells, f"{packed_mib[program]:.2f}"]) + " |")
    return "\n".join(lines)


def cpu_ms(starts: Sequence[Start]) -> float:
    """The median of the processor time."""
    return median(each.cpu_ms for each in starts)


def clock_ms(starts: Sequence[Start]) -> float:
    """The median of the time on the clock."""
    return median(each.clock_ms for each in starts)


def main() -> None:
    """Builds, measures and prints."""
    parser = argparse.ArgumentParser(prog="cost.starts", description=__doc__)
    parser.add_argument("--lto", nargs="+", choices=LTO, default=LTO, help="the others are compared with the first")
    parser.add_argument("--functions", nargs="+", default=FUNCTIONS, help="default: %(default)s")
    parser.add_argument("--starts", type=int, default=STARTS, help="of each program (default: %(default)s)")
    arguments = parser.parse_args()
    ltos = list(dict.fromkeys(arguments.lto))
    folders = {lto: bench.functions_linked(lto, [*arguments.functions, MIGRATE]) for lto in ltos[:1]}
    folders |= {lto: bench.functions_linked(lto, arguments.functions) for lto in ltos[1:]}
    with running_stores(folders[ltos[0]] / MIGRATE) as stores:
        measured = measure(folders, arguments.functions, arguments.starts, stores)
    sizes = {program: packed(folders[program.lto] / program.function) / 1024**2 for program in measured}
    print(f"Medians of {arguments.starts} starts of each program, in turns; each ratio is to lto = {ltos[0]}.\n")
    print(table(measured, sizes))


if __name__ == "__main__":
    main()
