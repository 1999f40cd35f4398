"""PostgreSQL's server programs on this machine: from PATH, from Debian's directories or from PyPI."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from fluxo_local import python_tools
from fluxo_local.profile import TOOLS

PROGRAMS = ("initdb", "postgres", "psql")
OLDEST_MAJOR = 13


@dataclass(frozen=True)
class PostgresPrograms:
    """A directory with PostgreSQL's server programs, and their major version."""

    directory: Path
    major: int


def find(*, major: int | None = None, with_wheel: bool = False) -> PostgresPrograms | None:
    """PostgreSQL from PATH, from Debian's directories or from PyPI; the newest, or the given major version."""
    directories = []
    if on_path := shutil.which("postgres"):
        directories.append(Path(on_path).resolve().parent)
    directories += Path("/usr/lib/postgresql").glob("*/bin")
    if with_wheel:
        directories += (TOOLS / python_tools.POSTGRES_WHEEL.name).glob("lib/python*/site-packages/*/pginstall/bin")
    found = [
        PostgresPrograms(directory, version)
        for directory in directories
        if all((directory / program).exists() for program in PROGRAMS)
        and (version := major_of(directory)) >= OLDEST_MAJOR
        and (major is None or version == major)
    ]
    return max(found, key=lambda programs: programs.major, default=None)


def major_of(directory: Path) -> int:
    """Major version of the programs in a directory: `postgres (PostgreSQL) 15.18 (Debian …)`."""
    with os.popen(f"'{directory}/postgres' --version 2>/dev/null") as answer:
        words = answer.read().split()
    return int(words[2].split(".")[0]) if len(words) > 2 and words[2][:1].isdigit() else 0
