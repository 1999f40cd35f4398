"""PostgreSQL in each major version that RDS may run: for tests of what differs between them."""

import json
from pathlib import Path

from fluxo_local import node_tools, postgres
from fluxo_local.node_tools import NodeTools
from fluxo_local.profile import CHECKOUT

MAJORS = (16, 17, 18)
# The only registry with programs of all of them, for both processors.
PACKAGES = NodeTools("postgres-majors", "PostgreSQL 16, 17 and 18", CHECKOUT / "local" / "postgres" / "package-lock.json")


def install() -> dict[int, Path]:
    """The directory of `initdb` and `postgres` of each."""
    node_tools.install(PACKAGES)
    return {major: programs(major) for major in MAJORS}


def programs(major: int) -> Path:
    """Where one is: a package for this processor was installed, and no other."""
    (native,) = PACKAGES.packages.glob(f"postgres-{major}-*/native")
    link_libraries(native)
    return postgres.within_reach(native, f"postgres-{major}") / "bin"


def link_libraries(native: Path) -> None:
    """Makes the links that npm's packages cannot hold: this one lists them, and would make them by a script."""
    for link in json.loads((native / "pg-symlinks.json").read_text()):
        target = native.parent / link["target"]
        if not target.exists():
            target.unlink(missing_ok=True)
            target.symlink_to(Path(link["source"]).name)
