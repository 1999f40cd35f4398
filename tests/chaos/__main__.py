"""Breaks the system in every way on the list, or in some: `make chaos`, `make chaos FAULT=redis-hangs`, `make chaos-list`."""

import argparse
import os
import sys
import time

from fluxo_local import terminal
from fluxo_local.doors import DOORS, LAMBDA
from fluxo_local.problem import Problem
from fluxo_local.profile import ProfileLock

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
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="only these; without any, all")
    parser.add_argument("--list", action="store_true", help="print the faults")
    parser.add_argument("--door", choices=DOORS, default=LAMBDA, help="what accepts entries (default: %(default)s)")
    arguments = parser.parse_args()
    known = {name: fault for name, fault in FAULTS.items() if arguments.door in fault.doors}
    if arguments.list:
        width = max(map(len, known))
        terminal.say("\n".join(f"{fault.name:<{width}}  {fault.title}" for fault in known.values()))
        return 0
    if unknown := [name for name in arguments.faults if name not in known]:
        print(f"fluxo: there is no fault {unknown[0]}: make chaos-list names them all.", file=sys.stderr)
        return 2
    interrupt_on_signals()
    try:
        return run([known[name] for name in arguments.faults] or list(known.values()), arguments.door, not arguments.faults)
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(faults: list[Fault], door: str, are_all: bool) -> int:
    """Starts the system, runs the faults, and stops it whatever happens."""
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
    if are_all:
        report.write(results, time.monotonic() - began_at, door)
    return 0 if unchanged and all(result.passed for result in results) else 1


sys.exit(main())
