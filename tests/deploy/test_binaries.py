"""Programs that `sam build` could have left behind: real ones, made by the linker of the real ones."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cost.template import FUNCTION, TEMPLATE, Stack
from deploy import binaries, parameters
from deploy.binaries import Program
from deploy.problem import Problem
from fluxo_local.python_tools import SAM

RUNTIME = "provided.al2023"
# strlcpy came with glibc 2.38.
NEW = "#include <string.h>\nint main(int count, char **words) { char text[9]; return strlcpy(text, words[0], 9) + count; }\n"
OLD = "#include <stdlib.h>\nint main(int count, char **words) { return atoi(words[0]) + count; }\n"

Link = Callable[..., Path]


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Link:
    """Makes a program with zig, as cargo-lambda does: for a processor and version of glibc, stripped unless said otherwise."""
    folder = tmp_path_factory.mktemp("programs")

    def made(target: str, *options: str, source: str = OLD, strip: bool = True) -> Path:
        program = folder / "-".join([target, *map(os.path.basename, options), "old" if source == OLD else "new", str(strip)])
        if not program.exists():
            (folder / "main.c").write_text(source)
            command = [SAM.program("python"), "-m", "ziglang", "cc", "-target", target, "-O1", "-o", program, folder / "main.c", *options]
            subprocess.run([*command, *(["-s"] if strip else ["-g"])], check=True, timeout=300)
        return program

    return made


def faults(program: Path, architecture: str) -> list[str]:
    return list(Program.read(program).faults(architecture, RUNTIME))


def test_a_program_for_the_processor_and_its_runtime_is_right(link: Link) -> None:
    assert faults(link("aarch64-linux-gnu.2.34"), "arm64") == []
    assert faults(link("x86_64-linux-gnu.2.34"), "x86_64") == []


def test_a_program_for_another_processor_is_named(link: Link) -> None:
    (found,) = faults(link("aarch64-linux-gnu.2.34"), "x86_64")
    assert found.startswith("built for arm64, but deployed on x86_64")
    (found,) = faults(link("x86_64-linux-gnu.2.34"), "arm64")
    assert found.startswith("built for x86_64, but deployed on arm64")


def test_a_program_that_needs_a_newer_glibc_is_named(link: Link) -> None:
    assert faults(link("aarch64-linux-gnu.2.38", source=NEW), "arm64") == ["needing glibc 2.38; provided.al2023 has 2.34"]


def test_a_program_that_has_symbols_is_named(link: Link) -> None:
    assert faults(link("aarch64-linux-gnu.2.34", strip=False), "arm64") == [
        "not stripped of symbols and debugging information, which is loaded at every cold start"
    ]


def test_a_program_that_needs_a_library_of_others_is_named(link: Link, tmp_path: Path) -> None:
    library = shutil.copy(link("aarch64-linux-gnu.2.34", "-shared"), tmp_path / "libothers.so.3")
    program = link("aarch64-linux-gnu.2.34", "-Wl,--no-as-needed", str(library))
    (found,) = faults(program, "arm64")
    assert "libothers.so.3, which provided.al2023 may not have" in found


def test_a_program_of_another_loader_is_named(link: Link) -> None:
    (found,) = faults(link("aarch64-linux-gnu.2.34", "-Wl,--dynamic-linker=/lib/ld-musl-aarch64.so.1"), "arm64")
    assert found == "asking for the loader ld-musl-aarch64.so.1, not ld-linux-aarch64.so.1"


def test_a_program_that_is_too_large_or_cannot_be_started_is_named(link: Link, tmp_path: Path) -> None:
    program = tmp_path / "bootstrap"
    # Behind the end of what ELF knows of the file, and random, so that nothing makes it smaller.
    program.write_bytes(link("aarch64-linux-gnu.2.34").read_bytes() + os.urandom(binaries.PACKAGE_BYTES_MAX))
    assert faults(program, "arm64") == ["larger than 4 MiB packed (docs/adr/0016)", "not executable"]


def test_what_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    with pytest.raises(Problem, match="is not a Linux program"):
        Program.read(tmp_path / "bootstrap")


@pytest.fixture
def built(link: Link, tmp_path: Path) -> Path:
    """What `sam build` leaves behind for arm64: the template with the functions' folders, and a program in each."""
    document = parameters.load()
    for name, resource in document["Resources"].items():
        if resource["Type"] == FUNCTION:
            resource["Properties"]["CodeUri"] = name
            (tmp_path / name).mkdir()
            shutil.copy(link("aarch64-linux-gnu.2.34"), tmp_path / name / "bootstrap")
    (tmp_path / "template.yaml").write_text(json.dumps(document))
    return tmp_path


def test_each_function_of_the_template_is_looked_at(built: Path) -> None:
    assert len(binaries.check(built, {"Architecture": "arm64"})) == len(Stack.load().resources(FUNCTION))
    with pytest.raises(Problem, match=r"built for arm64, but deployed on x86_64; .* \(RegisterEntry, .*MigrateLedger.*\)"):
        binaries.check(built, {"Architecture": "x86_64"})


def test_one_function_that_was_built_for_another_processor_is_seen(built: Path, link: Link) -> None:
    shutil.copy(link("x86_64-linux-gnu.2.34"), built / "SealDay" / "bootstrap")
    with pytest.raises(Problem, match=r"built for x86_64, but deployed on arm64; build again with the stage's Architecture \(SealDay\)"):
        binaries.check(built, {"Architecture": "arm64"})


def test_a_function_that_was_not_built_is_seen(built: Path) -> None:
    (built / "SealDay" / "bootstrap").unlink()
    with pytest.raises(Problem, match="SealDay/bootstrap was not built"):
        binaries.check(built, {"Architecture": "arm64"})


def test_a_deployed_template_takes_only_the_processor_it_was_built_for(tmp_path: Path) -> None:
    shutil.copy(TEMPLATE, tmp_path / "template.yaml")
    binaries.pin(tmp_path, "dev", "x86_64")

    pinned, before = parameters.load(tmp_path / "template.yaml"), parameters.load()
    refused = list(parameters.faults_of(pinned, {"Architecture": "arm64"}))
    assert refused == ['Architecture "arm64" is none of x86_64.']
    assert list(parameters.faults_of(pinned, {"Architecture": "x86_64"})) == []
    declared = pinned["Parameters"].pop("Architecture")
    assert "[dev.global.parameters]" in declared["ConstraintDescription"]
    assert declared["Default"] == "x86_64"
    del before["Parameters"]["Architecture"]
    assert pinned == before
