"""The command line of the local stack."""

import argparse
import signal
import sys
from collections.abc import Callable
from types import FrameType

from fluxo_local import terminal
from fluxo_local.doors import DOORS, LAMBDA, SERVICES
from fluxo_local.problem import Interrupted, Problem
from fluxo_local.profile import DEFAULT, Profile, ProfileLock

# Also the time within which another launcher, which only looks whether the lock is free, gives it back.
LOCK_TIMEOUT_S = 2

EPILOGUE = """\
environment variables:
  FLUXO_PORT           port of the HTTP API and the other AWS APIs (default 18740)
  FLUXO_POSTGRES_PORT  port of PostgreSQL (default 18741)
  FLUXO_REDIS_PORT     port of Redis (default 18742)
  FLUXO_INSPECTOR_PORT port of the inspector (default 18743)
  FLUXO_BOOK_PORT      port of the book's server (default 18744)
  FLUXO_KAFKA_PORT     with --door services, port of Kafka, before those of its controller and the services (default 18745 to 18753)

Everything listens on 127.0.0.1 only. Data, logs and secrets are in .local/PROFILE, tools in .local/tools;
delete .local to start afresh. Profiles other than "default" take free ports by themselves.
"""


def main() -> int:
    """Runs one command; answers the exit status."""
    arguments = parse()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        return arguments.command(arguments) or 0
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    except Interrupted:
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:
        # A full disk, a file that is not ours: said by the system clearly enough.
        print(f"fluxo: {error}", file=sys.stderr)
        return 1


def parse() -> argparse.Namespace:
    """The arguments, with the function that carries them out."""
    parser = argparse.ArgumentParser(
        prog="python3 local",
        description="Runs the whole of Fluxo on this machine.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("--profile", default=DEFAULT, help="which independent instance of the stack (default: %(default)s)")
    door = argparse.ArgumentParser(add_help=False)
    door.add_argument(
        "--door", choices=DOORS, default=LAMBDA, help="what accepts entries: functions, or services beside them (default: %(default)s)"
    )
    fresh = argparse.ArgumentParser(add_help=False)
    fresh.add_argument("--fresh", action="store_true", help="delete the profile's data first")

    def add(
        name: str, function: Callable[[argparse.Namespace], int | None], text: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=list(parents))
        command.set_defaults(command=function)
        return command

    add("run", run, "Set up, build, start and deploy everything, then stay in the foreground; Ctrl-C stops it.", profile, door, fresh)
    add("up", up, "The same in the background; returns when it is ready.", profile, door, fresh)
    add("down", down, "Stop it, wherever it was started; returns when it has stopped.", profile)
    add("url", url, "Print the base URL of the API.", profile)
    add("console", console_url, "Print the address of the console.", profile)
    add("inspector-url", inspector_url, "Print where the inspector is served, which shows what executions went through.", profile)
    add("docs-url", docs_url, "Print where the book is served.", profile)
    add("book", render_book, "Render the book of docs/SUMMARY.md and print where it is.")
    token = add("token", print_token, "Print an ID token for a user of a merchant, who is created if missing.", profile)
    token.add_argument("--merchant", required=True)
    token.add_argument(
        "--role", choices=["clerk", "viewer"], default="clerk", help="clerk may write and read, viewer only read (default: %(default)s)"
    )
    invoke = add("invoke", invoke_function, "Invoke one function of the running stack with an event of events/FUNCTION/CASE.json.", profile)
    invoke.add_argument("function", help="such as register-entry")
    invoke.add_argument("case", help="such as entry")
    reconcile = add(
        "reconcile", reconcile_balances, "Compare balances with the ledger and repair them; without options, all of them.", profile
    )
    reconcile.add_argument("--merchant", help="only this merchant's, from one day's month to another's")
    reconcile.add_argument("--from", dest="first", metavar="DATE")
    reconcile.add_argument("--to", dest="last", metavar="DATE")
    reconcile.add_argument("--currency", help="only this one")
    add("redrive", redrive_messages, "Move the messages of the dead-letter queue back to the park queue.", profile)
    add("parked", list_parked, "List what waits to run again and what is in the dead-letter queue, and why; nothing is taken out.", profile)
    flow = add(
        "flow", show_flow, "Print what an entry went through: executions or the log, attempts, errors, and the ledger's answer.", profile
    )
    flow.add_argument("entry", help="the entry's id")
    flow.add_argument("--merchant", help="whose it is, if no execution of it is known")
    tools = add("install", install, "Install one set of tools into .local/tools and print where its programs are.")
    tools.add_argument(
        "tools",
        choices=[
            "engine",
            "kafka-client",
            "sam",
            "checks",
            "policy",
            "book",
            "npm",
            "lighthouse",
            "prometheus",
            "audit",
            "fuzz",
            "coverage",
            "release",
        ],
    )
    locking = add(
        "lock", lock, "Resolve the dependency groups of pyproject.toml into local/requirements, and local/kafka/pom.xml into checksums."
    )
    locking.add_argument("--upgrade", action="store_true", help="to the newest versions that fit")
    add("audit", audit, "Check the dependencies: licences, sources, bans, and known vulnerabilities.")
    fuzzing = add("fuzz", fuzz, "Look for inputs that break a parser.")
    fuzzing.add_argument("--seconds", type=int, required=True, help="for how long, all targets together")
    fuzzing.add_argument("--target", help="only this one (see fuzz/fuzz_targets)")
    benchmark = add("bench", bench, "Measure the functions against the limit of the stores beneath them, and the services on theirs.")
    benchmark.add_argument(
        "--door", choices=DOORS, help="only the functions, or only the services (default: both; with --only, the functions)"
    )
    benchmark.add_argument("--quick", action="store_true", help="within some minutes")
    benchmark.add_argument("--only", metavar="GROUPS", help="only these groups of figures, such as single,batch; nothing is written")
    freezing = add("freeze", freeze, "Make the release of this checkout the one before, whose reading side tests/previous-release keeps.")
    freezing.add_argument("--commit", default="HEAD", help="which sources to freeze (default: %(default)s)")
    releasing = add("release", release, "Make a release: changelog, version, commit and tag; nothing is pushed.")
    releasing.add_argument("version", help="such as 0.2.0")
    covering = add("coverage", coverage, "Run the Rust tests, and print how much of the code they reach.")
    covering.add_argument("--crate", help="only the tests of this one")
    add("page", page, "Build the page of the console, with a browser to test it, and print where it is.")
    add("node", node, "Print where Node.js is that builds the console; installed if it is missing or too old.")
    mutating = add("mutants", mutants, "Change the Rust code bit by bit, and say which changes no test notices.")
    mutating.add_argument("--crate", help="only this one")
    add("wasm", wasm, "Build the module with which the console reads statements, and print where it is.")
    testing = add("test", test, "Run all checks and tests, side by side.")
    testing.add_argument("--package", action="store_true", help="and build one function exactly as it is deployed")
    services = add("with-test-services", with_test_services, "Run a command beside a throw-away PostgreSQL, Kafka and AWS engine.")
    services.add_argument("test_command", nargs=argparse.REMAINDER, metavar="-- CMD")
    return parser.parse_args()


# Each command imports what it needs, because `token` is called many times in a row and has to be quick.


def run(arguments: argparse.Namespace) -> None:
    """Starts the stack and stays."""
    from fluxo_local import stack

    profile = Profile(arguments.profile)
    lock = ProfileLock(profile)
    if not lock.acquire(LOCK_TIMEOUT_S):
        raise Problem(f"Fluxo is running already (process {lock.holder()}): `make down` stops it.")
    if arguments.fresh:
        stack.erase(profile)
    stack.run(profile, arguments.door)


def up(arguments: argparse.Namespace) -> None:
    """Starts the stack in the background."""
    from fluxo_local import background

    background.up(Profile(arguments.profile), arguments.door, fresh=arguments.fresh)


def down(arguments: argparse.Namespace) -> None:
    """Stops the stack."""
    from fluxo_local import background

    background.down(Profile(arguments.profile))


def url(arguments: argparse.Namespace) -> None:
    """Prints the base URL."""
    terminal.say(Profile(arguments.profile).stack()["url"])


def console_url(arguments: argparse.Namespace) -> None:
    """Prints the address of the console."""
    terminal.say(Profile(arguments.profile).stack()["console_url"])


def inspector_url(arguments: argparse.Namespace) -> None:
    """Prints where the inspector is served."""
    stack = Profile(arguments.profile).stack()
    if "inspector_url" not in stack:
        raise Problem("The inspector is not served: start Fluxo again, which says why if it cannot be.")
    terminal.say(stack["inspector_url"])


def docs_url(arguments: argparse.Namespace) -> None:
    """Prints where the book is served."""
    stack = Profile(arguments.profile).stack()
    if "docs_url" not in stack:
        raise Problem("The book is not served: `make docs` renders it and says why if it cannot.")
    terminal.say(stack["docs_url"])


def render_book(_arguments: argparse.Namespace) -> None:
    """Renders the book. Progress goes to standard error, so that the directory can be used in a script."""
    from contextlib import redirect_stdout

    from fluxo_local import book

    with redirect_stdout(sys.stderr):
        directory = book.render()
    terminal.say(str(directory))


def print_token(arguments: argparse.Namespace) -> None:
    """Prints an ID token."""
    from fluxo_local import users

    terminal.say(users.id_token(Profile(arguments.profile), arguments.merchant, arguments.role))


def invoke_function(arguments: argparse.Namespace) -> None:
    """Invokes a function."""
    from fluxo_local import functions

    functions.invoke(Profile(arguments.profile), arguments.function, arguments.case)


def reconcile_balances(arguments: argparse.Namespace) -> None:
    """Compares and repairs balances."""
    from fluxo_local import reconcile

    reconcile.reconcile(Profile(arguments.profile), arguments.merchant, arguments.first, arguments.last, arguments.currency)


def redrive_messages(arguments: argparse.Namespace) -> None:
    """Moves the messages of the dead-letter queue back to the park queue, or what is in the dead-letter topic to its retries."""
    from fluxo_local import parked_log, redrive

    profile = Profile(arguments.profile)
    stack = profile.stack()
    if stack["door"] == SERVICES:
        parked_log.redrive(stack)
    if redrive.message_count(stack, stack["dead_letter_queue_url"]) or stack["door"] == LAMBDA:
        redrive.redrive(profile)


def list_parked(arguments: argparse.Namespace) -> None:
    """Lists what is parked."""
    from fluxo_local import parked, parked_log

    profile = Profile(arguments.profile)
    stack = profile.stack()
    if stack["door"] == SERVICES:
        parked_log.list_parked(stack)
        terminal.say("\nBehind the functions, beside it:\n")
    parked.list_parked(profile)


def show_flow(arguments: argparse.Namespace) -> None:
    """Prints what an entry went through."""
    from fluxo_local import flow, flow_log

    profile = Profile(arguments.profile)
    show = flow_log.show_flow if profile.stack()["door"] == SERVICES else flow.show_flow
    show(profile, arguments.entry, arguments.merchant)


def install(arguments: argparse.Namespace) -> None:
    """Installs tools. Progress goes to standard error, so that the directory can be used in a script."""
    from contextlib import redirect_stdout

    from fluxo_local import toolchain

    with redirect_stdout(sys.stderr):
        directory = toolchain.install(arguments.tools)
    terminal.say(str(directory))


def lock(arguments: argparse.Namespace) -> None:
    """Resolves Python packages, and writes the checksums of Kafka's."""
    from fluxo_local import kafka_jars, python_tools

    python_tools.lock(upgrade=arguments.upgrade)
    kafka_jars.lock()


def audit(_arguments: argparse.Namespace) -> None:
    """Checks the dependencies."""
    from fluxo_local import audit

    audit.audit()


def fuzz(arguments: argparse.Namespace) -> None:
    """Looks for inputs that break a parser."""
    from fluxo_local import fuzz

    fuzz.fuzz(arguments.seconds, arguments.target)


def freeze(arguments: argparse.Namespace) -> None:
    """Makes a release the one before."""
    from fluxo_local import freeze

    freeze.freeze(arguments.commit)


def release(arguments: argparse.Namespace) -> None:
    """Makes a release."""
    from fluxo_local import release

    release.release(arguments.version)


def coverage(arguments: argparse.Namespace) -> int:
    """Counts what the tests reach."""
    from fluxo_local import coverage

    return coverage.coverage(arguments.crate)


def mutants(arguments: argparse.Namespace) -> int:
    """Looks for code whose tests notice no change of it."""
    from fluxo_local import mutants

    return mutants.mutants(arguments.crate)


def bench(arguments: argparse.Namespace) -> int:
    """Measures."""
    from fluxo_local import bench

    # Each door has groups of its own.
    doors = (arguments.door,) if arguments.door else (LAMBDA,) if arguments.only else DOORS
    return bench.bench(doors, quick=arguments.quick, only=arguments.only)


def page(_: argparse.Namespace) -> None:
    """Builds the console's page."""
    from fluxo_local import toolchain, web_page

    toolchain.require_browser()
    web_page.build()
    print(web_page.PAGE)


def node(_: argparse.Namespace) -> None:
    """Prints where Node.js is. Progress goes to standard error, so that it can be used in a script."""
    from contextlib import redirect_stdout

    from fluxo_local import node_tools

    with redirect_stdout(sys.stderr):
        directory = node_tools.directory()
    print(directory)


def wasm(_: argparse.Namespace) -> None:
    """Builds the console's module."""
    from fluxo_local import wasm

    print(wasm.build())


def test(arguments: argparse.Namespace) -> int:
    """Runs all checks and tests."""
    from fluxo_local import parts

    return parts.run(parts.parts(package=arguments.package))


def with_test_services(arguments: argparse.Namespace) -> int:
    """Runs a command beside throw-away servers."""
    from fluxo_local import test_services

    command = arguments.test_command[1:] if arguments.test_command[:1] == ["--"] else arguments.test_command
    if not command:
        raise Problem("Say which command to run: python3 local with-test-services -- cargo test")
    return test_services.run_with_services(command)


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Signal handler: unwinds to `main`, stopping everything on the way."""
    raise Interrupted
