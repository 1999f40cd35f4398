"""The benchmark: builds all that it runs, starts stores that keep their promises, measures, and renders what was measured."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fluxo_local import node_tools, services, system_packages, terminal, toolchain
from fluxo_local.deployment import CARGO_BAR, function_packages
from fluxo_local.doors import LAMBDA, SERVICES
from fluxo_local.kafka import Kafka
from fluxo_local.ports import free_ports
from fluxo_local.postgres import SUPERUSER, Postgres, choose_programs, data_directory
from fluxo_local.problem import Problem
from fluxo_local.processes import ending_with_parent, run_tool
from fluxo_local.profile import CHECKOUT, LOCAL, Profile, ProfileLock

PROFILE = Profile("bench")
CRATE = CHECKOUT / "bench"
RESULTS = {LAMBDA: CRATE / "results.json", SERVICES: CRATE / "services.json"}
# Apart from other builds, which would otherwise wait for this one.
BUILT = CHECKOUT / "target" / "bench"
# Of Cargo.toml.
SERVICE_PROFILE = "service"
BENCH = BUILT / SERVICE_PROFILE / "bench"
PACKAGES = BUILT / "packages"
PEER = CRATE / "peer-node"
PEER_BUILT = LOCAL / "bench-peer-node"
STOP_TIMEOUT_S = 10

# Memory as a small server of RDS has it, and no checkpoint in the middle of a round, for whoever's turn it is. What makes a
# commit durable is as PostgreSQL comes: fsync, full_page_writes and synchronous_commit are on. Nobody pays for writing down the
# warnings that pgbench's scripts cause.
SERVER_SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "16GB", "checkpoint_timeout": "1h", "log_min_messages": "error"}

# The names of tools/cost for what the benchmark publishes as figures.
COSTS = {
    "entries, `STANDARD`": "usd_per_million_entries_standard",
    "entries, `EXPRESS`": "usd_per_million_entries_express",
    "in batches of 100, `STANDARD`": "usd_per_million_entries_standard_batch100",
    "in batches of 100, `EXPRESS`": "usd_per_million_entries_express_batch100",
    "balances read": "usd_per_million_reads",
}


def bench(doors: Sequence[str], *, quick: bool, only: str | None) -> int:
    """Measures; answers the exit status."""
    lock = ProfileLock(PROFILE)
    if not lock.acquire():
        raise Problem(f"A benchmark is running already (process {lock.holder()}).")
    toolchain.require_linux_and_rust()
    toolchain.require_system_programs()
    PROFILE.prepare()
    build(doors)
    measures = {LAMBDA: measure_functions, SERVICES: measure_services}
    arguments = [*(["--quick"] if quick else []), *(["--only", only] if only else [])]
    for door in doors:
        measured = PROFILE.directory / f"{door}.json"
        status = measures[door](["--output", measured, *arguments])
        if status != 0:
            return status
        if not only:
            publish(door, measured)
    return 0


def measure_functions(arguments: Sequence[str | Path]) -> int:
    """The functions, through the Lambda Runtime API."""
    with postgres_server() as (postgres, addresses):
        pgbench = postgres.programs.directory / "pgbench"
        if not pgbench.exists():
            raise Problem(f"pgbench is not beside PostgreSQL's other programs in {pgbench.parent}: install PostgreSQL's client programs.")
        command = [
            BENCH, "run", "--programs", BUILT / "release", "--packages", PACKAGES, "--peer-node", PEER_BUILT,
            "--pgbench", pgbench, "--node", node(), *arguments,
        ]  # fmt: skip
        return run(command, addresses)


def measure_services(arguments: Sequence[str | Path]) -> int:
    """The services, on a Kafka that has each append on the disk before it acknowledges it."""
    data = PROFILE.directory / "kafka"
    shutil.rmtree(data, ignore_errors=True)
    kafka = Kafka(data, *free_ports(2), PROFILE.logs)
    broker = kafka.start()
    try:
        with postgres_server() as (_, addresses):
            command = [BENCH, "services", "--programs", BUILT / SERVICE_PROFILE, *arguments]
            return run(command, addresses | {"TEST_KAFKA_BROKERS": kafka.brokers})
    finally:
        broker.stop()
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[tuple[Postgres, dict[str, str]]]:
    """A PostgreSQL that keeps its promises, and the variables that lead to it; it is deleted afterwards."""
    data = data_directory(PROFILE)
    shutil.rmtree(data, ignore_errors=True)
    (port,) = free_ports(1)
    postgres = Postgres(choose_programs(data), data, port, secrets.token_hex(8), PROFILE.logs, settings=SERVER_SETTINGS)
    service = postgres.start()
    try:
        terminal.say()
        url = f"postgres://{SUPERUSER}:{postgres.password}@127.0.0.1:{port}/postgres"
        yield postgres, {"FLUXO_TEST_POSTGRES_URL": url, "FLUXO_TEST_REDIS_SERVER": str(toolchain.find_redis())}
    finally:
        service.stop()
        shutil.rmtree(data, ignore_errors=True)


def build(doors: Sequence[str]) -> None:
    """The programs as they are deployed, the benchmark, and the peer in Node.js."""
    packages = ("bench", *services.PACKAGES)
    with terminal.step("Building the benchmark and the services (the first time takes some minutes)") as step:
        # Together, so that each library is compiled once.
        words = [word for name in packages for word in ("--package", name)]
        cargo(["build", "--profile", SERVICE_PROFILE, *words], "bench", step)
    if LAMBDA not in doors:
        return
    programs = functions()
    with terminal.step("Packing the functions"):
        PACKAGES.mkdir(exist_ok=True)
        for name in function_packages():
            pack(programs / name, PACKAGES / f"{name}.zip")
    with terminal.step("Building the peer in Node.js") as step:
        build_peer(step)


def functions() -> Path:
    """Builds the functions with the profile of what is deployed, for this machine; answers where their programs are."""
    PROFILE.prepare()
    with terminal.step("Building the functions as they are deployed (the first time takes some minutes)") as step:
        cargo(["build", "--release", *every_function()], "functions", step)
    return BUILT / "release"


def functions_linked(lto: str, names: Sequence[str]) -> Path:
    """Builds some functions, but for `lto` as they are deployed; answers where copies of their programs are."""
    PROFILE.prepare()
    copies = BUILT / f"lto-{lto}"
    copies.mkdir(parents=True, exist_ok=True)
    # All packages are selected, so that the libraries have the features that they have above.
    selected = [*every_function(), *(word for name in names for word in ("--bin", name))]
    with terminal.step(f"Building {len(names)} functions with lto = {lto} (the first time takes some minutes)") as step:
        cargo(["build", "--release", *selected], f"functions-{lto}", step, {"CARGO_PROFILE_RELEASE_LTO": lto})
    for name in names:
        shutil.copy(BUILT / "release" / name, copies / name)
    return copies


def every_function() -> list[str]:
    """Selects the packages of all functions."""
    return [word for name in function_packages() for word in ("--package", name)]


def pack(program: Path, package: Path) -> None:
    """A function's program as `sam package` sends it to AWS."""
    if package.exists() and package.stat().st_mtime > program.stat().st_mtime:
        return
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(program, "bootstrap")


def cargo(arguments: Sequence[str], what: str, step: terminal.Step, environment: Mapping[str, str] = MappingProxyType({})) -> None:
    """Runs cargo in the benchmark's own target directory."""
    run_tool(
        ["cargo", *arguments, "--locked", "--target-dir", BUILT],
        what=f"Building the {what}",
        log=PROFILE.logs / f"cargo-{what}.log",
        environment=os.environ | {"PATH": toolchain.search_path()} | CARGO_BAR | dict(environment),
        step=step,
    )


def build_peer(step: terminal.Step) -> None:
    """Its packages as the lock file names them, and each of its functions bundled into one file, which starts faster."""
    if not shutil.which("npm"):
        system_packages.install(["npm"])
    PEER_BUILT.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", "runtime.mjs", "src"):
        source, target = PEER / name, PEER_BUILT / name
        shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)
    log = PROFILE.logs / "npm.log"
    node_tools.install_in(PEER_BUILT, log=log, step=step)
    run_tool(["npm", "run", "build", "--", "--outdir=."], what="npm run build", log=log, directory=PEER_BUILT, step=step)


def node() -> str:
    """Node.js's program: npm has brought it."""
    found = shutil.which("node")
    if not found:
        raise Problem("npm is installed without Node.js: install nodejs.")
    return found


def run(command: Sequence[str | Path], addresses: dict[str, str]) -> int:
    """Runs the benchmark with its words on this terminal; it ends with this process, and stops what it started first."""
    environment = {"PATH": toolchain.search_path(), "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8"} | addresses
    with ended(
        subprocess.Popen(
            [str(word) for word in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=ending_with_parent(signal.SIGTERM),
        )
    ) as process:
        return process.wait()


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Asks the process to end, and makes it, if it still runs when the block is left."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def publish(door: str, measured: Path) -> None:
    """The results with what they make the system cost, and the document that shows them."""
    results = RESULTS[door]
    shutil.copy(measured, results)
    written = [results]
    if door == LAMBDA:
        # The costs are computed from what was measured.
        content = json.loads(results.read_text())
        content["figures"] += costs()
        results.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        cost()
        written.append(CHECKOUT / "docs" / "cost.md")
    run_tool([BENCH, "report", CRATE, CHECKOUT / "docs"], what="Rendering", log=PROFILE.logs / "report.log")
    terminal.say("\nWritten: docs/performance.md, " + ", ".join(str(path.relative_to(CHECKOUT)) for path in written) + ".")


def cost(*arguments: str) -> str:
    """Runs `make cost`'s program; answers what it says."""
    python = toolchain.install("checks") / "python"
    answer = subprocess.run([python, "-m", "cost", *arguments], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    if answer.returncode != 0:
        raise Problem("Computing the costs failed: see above.")
    return answer.stdout


def costs() -> list[dict[str, Any]]:
    """USD for a million entries and reads, with the CPU times that were just measured."""
    per_million = json.loads(cost("--json"))["per_million"]
    return [
        {"name": COSTS[column], "value": float(usd), "unit": "USD", "limit": None, "ratio": None}
        for column, usd in per_million.items()
        if column in COSTS
    ]
