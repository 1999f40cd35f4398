"""Breaks the system in every way on the list, or in some: `make chaos`, `make chaos FAULT=redis-hangs`, `make chaos-list`."""

import argparse
import os
import sys
import time

from fluxo_local import terminal
from fluxo_local.doors import DOORS, LAMBDA
from fluxo_local.problem import Problem
from fluxo_local.profile import ProfileLock

# The faults that take minutes.
LONG = "long"

# Nothing of the developer's AWS set-up may have a say in where calls go, and no proxy may see them.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

import chaos.faults  # noqa: E402, F401
from chaos import report  # noqa: E402
from chaos.fault import FAULTS, Fault  # noqa: E402
from chaos.runner import run_faults  # noqa: E402
from chaos.system import PROFILE, System, interrupt_on_signals  # noqa: E402


def main() -> int:
    """Runs the suite; answers the exit status."""
    parser = argparse.ArgumentParser(prog="chaos", description="Breaks the system under load, and audits what is left.")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"only these; without any, all that are quick; {LONG}: the others")
    parser.add_argument("--list", action="store_true", help="print the faults")
    parser.add_argument("--door", choices=DOORS, default=LAMBDA, help="what accepts entries (default: %(default)s)")
    arguments = parser.parse_args()
    known = {name: fault for name, fault in FAULTS.items() if arguments.door in fault.doors}
    if arguments.list:
        width = max(map(len, known))
        terminal.say("\n".join(f"{fault.name:<{width}}  {fault.title}" for fault in known.values()))
        return 0
    if arguments.faults in ([], [LONG]):
        is_long = bool(arguments.faults)
        chosen = [fault for fault in known.values() if fault.is_long == is_long]
        return started(chosen, arguments.door, report.Kind.LONG if is_long else report.Kind.QUICK)
    if unknown := [name for name in arguments.faults if name not in known]:
        print(f"fluxo: there is no fault {unknown[0]}: make chaos-list names them all.", file=sys.stderr)
        return 2
    return started([known[name] for name in arguments.faults], arguments.door, None)


def started(faults: list[Fault], door: str, kind: report.Kind | None) -> int:
    """Runs the suite; says what keeps it from running."""
    interrupt_on_signals()
    try:
        return run(faults, door, kind)
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(faults: list[Fault], door: str, kind: report.Kind | None) -> int:
    """Starts the system, runs the faults, and stops it whatever happens. If they are all of their kind, their figures are written down."""
    lock = ProfileLock(PROFILE)
    if not lock.acquire():
        raise Problem(f"The fault suite is running already (process {lock.holder()}).")
    system = System(door)
    began_at = time.monotonic()
    try:
        system.start()
        results, unchanged = run_faults(system, faults)
    finally:
        system.stop()
    terminal.say("\n" + report.table(results))
    if kind:
        report.write(results, time.monotonic() - began_at, door, kind)
    return 0 if unchanged and all(result.passed for result in results) else 1


sys.exit(main())
