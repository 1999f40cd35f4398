"""Apache Kafka from Maven Central: jars at the versions of `local/kafka/pom.xml`, each with the checksum that `jars.sha256` names."""

import hashlib
import shutil
from pathlib import Path

from fluxo_local import system_packages, terminal
from fluxo_local.locks import one_at_a_time
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL, TOOLS

SOURCE = CHECKOUT / "local" / "kafka"
CHECKSUMS = SOURCE / "jars.sha256"
NAME = "kafka"
DIRECTORY = TOOLS / NAME
STAMP = DIRECTORY / ".complete"
# Which program of Debian is in which package.
PROGRAMS = {"java": "default-jre-headless", "mvn": "maven"}


def install() -> Path:
    """Gets the jars, unless these very ones are there; answers their directory."""
    require_java()
    with one_at_a_time("set-up"):
        wanted = CHECKSUMS.read_text()
        if not (STAMP.exists() and STAMP.read_text() == wanted):
            download()
            if differing := sorted(set(checksums().splitlines()) ^ set(wanted.splitlines())):
                names = ", ".join(sorted({line.split()[1] for line in differing}))
                raise Problem(
                    f"Maven gave other jars than local/kafka/jars.sha256 names: {names}. After a change of pom.xml `make lock` writes them."
                )
            STAMP.write_text(wanted)
    return DIRECTORY


def lock() -> None:
    """Writes the checksums of the jars that the versions of `pom.xml` come to."""
    require_java()
    with one_at_a_time("set-up"):
        download()
        CHECKSUMS.write_text(checksums())
        STAMP.write_text(CHECKSUMS.read_text())


def require_java() -> None:
    """A Java runtime, and Maven."""
    if missing := [package for program, package in PROGRAMS.items() if not shutil.which(program)]:
        system_packages.install(missing)


def download() -> None:
    """Fetches them anew. Maven holds each against the checksum that the registry gives for it (`--strict-checksums`)."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    with terminal.step("Installing Apache Kafka") as step:
        run_tool(
            [
                "mvn", "--batch-mode", "--no-transfer-progress", "--strict-checksums", "--file", SOURCE / "pom.xml",
                "dependency:copy-dependencies", f"-DoutputDirectory={DIRECTORY}", "-DincludeScope=runtime",
            ],
            what="Installing Apache Kafka",
            log=LOCAL / "maven.log",
            step=step,
        )  # fmt: skip


def checksums() -> str:
    """The jars' checksums, as `sha256sum` writes them."""
    return "".join(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in sorted(DIRECTORY.glob("*.jar")))
