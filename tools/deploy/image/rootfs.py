"""Assembles the files of the image: programs, the libraries that they load, the authorities' certificates, and a user.

Nothing but Python's standard library is imported, because services/Containerfile runs this in its builder, too.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# What Kubernetes runs (services/deploy/kubernetes): packages of services/ and functions/.
PROGRAMS = ("entries", "consolidation", "worker", "reconcile-balances", "seal-past-day", "migrate-ledger")
USER = 65532
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Where glibc looks without a cache of its own (ld.so(8)).
SEARCHED = re.compile(r"^(/usr)?/lib(64)?(/[a-z0-9_]+-linux-gnu)?/[^/]+$")
LOADED = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
FILES = {
    "etc/passwd": f"fluxo:x:{USER}:{USER}:fluxo:/nonexistent:/sbin/nologin\n",
    "etc/group": f"fluxo:x:{USER}:\n",
    # glibc would ask nobody but DNS.
    "etc/nsswitch.conf": "hosts: files dns\n",
}


class Missing(Exception):
    """What the image cannot be without."""


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="rootfs", description=__doc__)
    parser.add_argument("--programs", type=Path, required=True, help="the folder that cargo has put them into")
    parser.add_argument("--into", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        assemble([arguments.programs / name for name in PROGRAMS], arguments.into)
    except Missing as missing:
        print(f"fluxo: {missing}", file=sys.stderr)
        return 1
    return 0


def assemble(programs: Iterable[Path], root: Path) -> None:
    """Fills an empty folder."""
    shutil.rmtree(root, ignore_errors=True)
    for program in programs:
        if not program.is_file():
            raise Missing(f"There is no program {program}: build it first, cargo build --profile service --package {program.name}.")
        copy(program, root / "usr" / "bin" / program.name)
        for library in libraries_of(program):
            copy(library, root / library.relative_to("/"))
    if not CERTIFICATES.is_file():
        raise Missing(f"There is no {CERTIFICATES}: install the package ca-certificates.")
    copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
    # Where Debian's OpenSSL looks of itself; librdkafka asks it to.
    copy(CERTIFICATES, root / "usr" / "lib" / "ssl" / "cert.pem")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def libraries_of(program: Path) -> list[Path]:
    """The shared libraries that a program loads, the loader included."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    if "not found" in listed.stdout or (listed.returncode != 0 and "statically linked" not in listed.stdout + listed.stderr):
        raise Missing(f"{program} does not find what it loads: {(listed.stdout + listed.stderr).strip()}")
    found = [Path(path) for path in LOADED.findall(listed.stdout)]
    for library in found:
        if not SEARCHED.match(str(library)):
            raise Missing(f"{program} loads {library}, where the image's loader would not look: use the system's libraries.")
    return found


def copy(source: Path, target: Path) -> None:
    """A file, and not the link that it may be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source.resolve(), target)


if __name__ == "__main__":
    sys.exit(main())
