"""Between `sam build` and `sam deploy`: whether the programs that were built run where they are deployed.

A program for another processor deploys without a word, and then no function starts: CloudFormation waits for the answer of
`migrate-ledger` until its time is up, and rolls everything back. An ELF file says what it needs (System V ABI, "Object Files").
"""

import argparse
import os
import re
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cost.template import FUNCTION, Stack
from elftools.common.exceptions import ELFError

# Reading which versions of symbols a program needs takes following several tables; pyelftools has done so for fifteen years, in plain
# Python and without dependencies.
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from fluxo_local.profile import CHECKOUT

from deploy import as_sam
from deploy.parameters import ARCHITECTURE
from deploy.problem import Problem

BUILT = CHECKOUT / ".aws-sam" / "build"
PROGRAM = "bootstrap"

# What ELF calls the processors of Lambda, and the loader that the program asks for.
MACHINES = {"arm64": "EM_AARCH64", "x86_64": "EM_X86_64"}
LOADERS = {"arm64": "ld-linux-aarch64.so.1", "x86_64": "ld-linux-x86-64.so.2"}
# The C library of each runtime: AWS, "Introducing the Amazon Linux 2023 runtime for AWS Lambda" and "Core toolchain packages glibc,
# gcc, binutils" of Amazon Linux 2023.
GLIBC = {"provided.al2023": (2, 34)}
# The one that understands packed relocations (glibc's release notes), which a program asks for by a name instead of a number.
GLIBC_WITH_RELR = (2, 36)
# What glibc itself consists of. The runtime is a minimal image: nothing else is said to be there.
LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libresolv.so.2"}
# The goal of docs/adr/0016.
PACKAGE_BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True)
class Program:
    """What an ELF file says of itself."""

    path: Path
    machine: str
    loader: str
    libraries: frozenset[str]
    glibc: tuple[int, ...]
    """The newest version of glibc that it needs a symbol of."""
    is_stripped: bool
    package_bytes: int
    """How much of a zip archive it takes."""

    @classmethod
    def read(cls, path: Path) -> "Program":
        """Reads it."""
        try:
            with path.open("rb") as file:
                elf = ELFFile(file)
                loaders = [segment.get_interp_name() for segment in elf.iter_segments("PT_INTERP")]
                dynamic = elf.get_section_by_name(".dynamic")
                names = [section.name for section in elf.iter_sections()]
                return cls(
                    path=path,
                    machine=elf["e_machine"],
                    loader=Path(loaders[0]).name if loaders else "",
                    libraries=frozenset(tag.needed for tag in dynamic.iter_tags("DT_NEEDED")) if dynamic else frozenset(),
                    glibc=max((version for version in glibc_versions(elf)), default=()),
                    is_stripped=not any(name == ".symtab" or name.startswith(".debug_") for name in names),
                    package_bytes=packed(path),
                )
        except FileNotFoundError:
            raise Problem(f"{shown(path)} was not built.") from None
        except ELFError as error:
            raise Problem(f"{shown(path)} is not a Linux program: {error}.") from None

    @property
    def package_mib(self) -> float:
        """The same as it is shown."""
        return self.package_bytes / 1024**2

    def faults(self, architecture: str, runtime: str) -> Iterator[str]:
        """What keeps it from running there, or from starting fast."""
        if self.machine != MACHINES[architecture]:
            built = {machine: name for name, machine in MACHINES.items()}.get(self.machine, self.machine)
            yield f"built for {built}, but deployed on {architecture}; build again with the stage's {ARCHITECTURE}"
            return
        if self.loader != LOADERS[architecture]:
            yield f"asking for the loader {self.loader or '(none)'}, not {LOADERS[architecture]}"
        if missing := self.libraries - LIBRARIES - {self.loader}:
            yield f"needing {', '.join(sorted(missing))}, which {runtime} may not have"
        if self.glibc > GLIBC[runtime]:
            yield f"needing glibc {dotted(self.glibc)}; {runtime} has {dotted(GLIBC[runtime])}"
        if not self.is_stripped:
            yield "not stripped of symbols and debugging information, which is loaded at every cold start"
        if self.package_bytes > PACKAGE_BYTES_MAX:
            yield f"larger than {PACKAGE_BYTES_MAX // 1024**2} MiB packed (docs/adr/0016)"
        if not os.access(self.path, os.X_OK):
            yield "not executable"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="deploy.binaries", description=__doc__)
    parser.add_argument("stage", help="a stage of samconfig.toml")
    stage = parser.parse_args().stage
    try:
        (deploy,) = as_sam.understood(("deploy", "--config-env", stage))
        programs = check(BUILT, deploy.parameters)
        pin(BUILT, stage, deploy.parameters[ARCHITECTURE])
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    print(f"The programs are built for {deploy.parameters[ARCHITECTURE]}; {largest(programs)}")
    return 0


def check(built: Path, parameters: Mapping[str, str], only: str | None = None) -> dict[str, Program]:
    """The programs of the functions in a folder of `sam build`, by the functions' names; raises when one does not fit."""
    template = built / "template.yaml"
    if not template.exists():
        raise Problem(f"{shown(template)} is missing: run sam build first.")
    stack = Stack.load(template, parameters)
    programs: dict[str, Program] = {}
    faults: dict[str, list[str]] = {}
    for name in [only] if only else stack.resources(FUNCTION):
        function = stack.function(name)
        programs[name] = Program.read(built / function["CodeUri"] / PROGRAM)
        (architecture,) = function["Architectures"]
        for fault in programs[name].faults(architecture, function["Runtime"]):
            faults.setdefault(fault, []).append(name)
    if faults:
        found = "; ".join(f"{fault} ({', '.join(names)})" for fault, names in faults.items())
        raise Problem(f"not deployed, because programs in {shown(built)} are {found}.")
    return programs


def pin(built: Path, stage: str, architecture: str) -> None:
    """Lets CloudFormation refuse another processor than the one built for, whatever SAM is given or asks for later."""
    why = f"The functions are built for {architecture}. Give another in [{stage}.global.parameters] of samconfig.toml, and build again."
    as_sam.pin(built / "template.yaml", ARCHITECTURE, architecture, why)


def glibc_versions(elf: ELFFile) -> Iterator[tuple[int, ...]]:
    """The versions of glibc that symbols are needed of: `GLIBC_2.34` is (2, 34)."""
    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for _, versions in section.iter_versions():
                for version in versions:
                    if version.name == "GLIBC_ABI_DT_RELR":
                        yield GLIBC_WITH_RELR
                    elif found := re.fullmatch(r"GLIBC_([\d.]+)", version.name):
                        yield tuple(map(int, found[1].split(".")))


def packed(path: Path) -> int:
    """Its size in a package: SAM zips with zlib's own level."""
    return len(zlib.compress(path.read_bytes()))


def largest(programs: Mapping[str, Program]) -> str:
    """The largest package, in words."""
    name, program = max(programs.items(), key=lambda item: item[1].package_bytes)
    return f"the largest, {name}, takes {program.package_mib:.2f} MiB packed."


def dotted(version: tuple[int, ...]) -> str:
    """A version as it is written."""
    return ".".join(map(str, version))


def shown(path: Path) -> str:
    """A path as the user would write it."""
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
