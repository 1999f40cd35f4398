"""The places that CONTRIBUTING and ARCHITECTURE name exist: whoever is sent to one finds it."""

import re
import tomllib

import pytest
from fluxo_local.profile import CHECKOUT

FOLDERS = sorted(path.name for path in CHECKOUT.iterdir() if path.is_dir() and not path.name.startswith("."))
# `crates/ledger/src/post.rs`, but not `functions/NAME`, where a reader puts a name.
PLACE = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[a-z0-9][a-zA-Z0-9_./-]*)`")
LIMITS = (CHECKOUT / "ARCHITECTURE.md").read_text().split("## Time limits and retries")[1].split("\n## ")[0]


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_every_place_that_is_named_exists(document: str) -> None:
    places = PLACE.findall((CHECKOUT / document).read_text())
    assert len(places) > 20
    assert [place for place in places if not (CHECKOUT / place).exists()] == []


def test_every_crate_that_cargo_is_told_exists() -> None:
    commands = re.findall(r"cargo [a-z]+[^`\n]*", (CHECKOUT / "CONTRIBUTING.md").read_text())
    told = {name for command in commands for name in re.findall(r" -p ([a-z-]+)", command)}
    members = tomllib.loads((CHECKOUT / "Cargo.toml").read_text())["workspace"]["members"]
    manifests = [manifest for member in members for manifest in CHECKOUT.glob(f"{member}/Cargo.toml")]
    crates = {tomllib.loads(manifest.read_text())["package"]["name"] for manifest in manifests}
    assert told and told - crates == set()


def test_every_time_limit_is_set_where_the_table_says() -> None:
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in LIMITS.splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 20
    for call, _limit, _retried_by, place in rows:
        for file, names in re.findall(r"`([^`]+\.[a-z]+)`: ([^;|]+)", place):
            source = (CHECKOUT / file).read_text()
            for name in re.findall(r"`(\w+)`", names):
                # Set there, not only used: a constant, a setting of the database, a field, or a name in YAML or JSON.
                assert re.search(rf'const {name}:|SET {name} =|"{name}":|^ *{name}:', source, re.MULTILINE), f"{call}: {name} in {file}"
        assert re.search(r"`[^`]+\.[a-z]+`: `", place), call
