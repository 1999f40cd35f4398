"""Clocks are wrong."""

from contextlib import ExitStack
from pathlib import Path

from fluxo_local.doors import SERVICES
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT

from chaos.fault import Scene, fault
from chaos.system import wait

SOURCE = CHECKOUT / "tests" / "chaos" / "clock.c"
SHIFTS_S = {"RegisterEntry": 600, "ApplyToLedger": -600, "ConsolidateDay": 600}
PROGRAM_SHIFTS_S = {"entries serve": 600, "entries record": -600, "consolidation consume": 600, "worker": -600, "Kafka": 600}
LASTING_S = 5


@fault(
    "clock-off", "the clock of one function 10 minutes off: register-entry, apply-to-ledger, consolidate-day in turn", no_failed_post=True
)
def clock_off(scene: Scene) -> None:
    """Ahead and behind."""
    library = shifting_library(scene)
    for name, shift_s in SHIFTS_S.items():
        with ExitStack() as shifted:
            # A function that is deployed anew ends what it is doing, on MiniStack. That is not the fault meant here.
            with scene.load.quiet():
                shifted.enter_context(scene.system.environment(name, LD_PRELOAD=str(library), CLOCK_SHIFT_S=str(shift_s)))
            wait(LASTING_S)
            scene.check(scene.system.runs_with(name, library), f"{name} to run with another clock")
            with scene.load.quiet():
                shifted.close()


@fault(
    "clocks-off",
    "the clock of one process 10 minutes off: entries serve, entries record, consolidation consume, worker, Kafka in turn",
    rate=20,
    doors=(SERVICES,),
)
def clocks_off(scene: Scene) -> None:
    """Ahead and behind. Tokens are valid for longer than that."""
    door, library = scene.system.second_door, shifting_library(scene)
    for name, shift_s in PROGRAM_SHIFTS_S.items():
        with door.changed(name, LD_PRELOAD=str(library), CLOCK_SHIFT_S=str(shift_s)) as shifted:
            wait(LASTING_S if name != "Kafka" else 4 * LASTING_S)
            scene.check(shifted.process.poll() is None, f"{name} to live with another clock")
            scene.check(str(library) in Path(f"/proc/{shifted.process.pid}/maps").read_text(), f"{name} to run with another clock")
    door.until_kafka_answers()
    wait(LASTING_S)


def shifting_library(scene: Scene) -> Path:
    """The library that shifts the clock, compiled for this machine."""
    profile = scene.system.profile
    library = profile.directory / "clock.so"
    if not library.exists():
        run_tool(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE], what="Compiling clock.c", log=profile.logs / "clock.log")
    return library
