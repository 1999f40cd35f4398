"""Makes a release: the changelog's section, the version, a commit and its tag. Nothing is pushed."""

import datetime
import os
import re
from pathlib import Path

from fluxo_local import terminal, toolchain
from fluxo_local.freeze import git
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL

CHANGELOG = CHECKOUT / "CHANGELOG.md"
UNRELEASED = "## Unreleased\n"
# The first `version` of each is the project's.
MANIFESTS = (CHECKOUT / "Cargo.toml", CHECKOUT / "pyproject.toml")
CHANGED = ("CHANGELOG.md", "Cargo.toml", "Cargo.lock", "pyproject.toml")


def release(version: str) -> None:
    """Writes, commits and tags; raises before it writes if something is in the way."""
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        raise Problem(f'"{version}" is no version: give three numbers, as in VERSION=0.2.0.')
    tag = f"v{version}"
    if git("status", "--porcelain"):
        raise Problem("The checkout has changes that are not committed: commit or stash them, then release.")
    if git("tag", "--list", tag):
        raise Problem(f"The tag {tag} exists: give the next version.")
    released = [numbers(name) for name in git("tag", "--list", "v*").split()]
    if released and numbers(tag) <= max(released):
        raise Problem(f"{version} is not above the last release: give a higher version.")
    changelog = with_section(CHANGELOG.read_text(), f"{version} - {datetime.date.today()}")
    manifests = {path: with_version(path, version) for path in MANIFESTS}

    LOCAL.mkdir(exist_ok=True)
    CHANGELOG.write_text(changelog)
    for path, text in manifests.items():
        path.write_text(text)
    # The lock file names the workspace's own crates with their version.
    environment = os.environ | {"PATH": toolchain.search_path()}
    run_tool(["cargo", "update", "--workspace"], what="Writing Cargo.lock", log=LOCAL / "release.log", environment=environment)
    git("add", *CHANGED)
    git("commit", "--quiet", "--message", f"Release {version}")
    git("tag", "--annotate", tag, "--message", f"Fluxo {version}")
    terminal.say(f"Committed and tagged {tag}. Push both: git push --follow-tags. After it is deployed everywhere: make freeze.")


def numbers(tag: str) -> tuple[int, ...]:
    """Of `v1.2.3`, to compare."""
    return tuple(int(number) for number in re.findall(r"\d+", tag))


def with_section(changelog: str, title: str) -> str:
    """The changelog with what was unreleased under this title."""
    _, found, rest = changelog.partition(UNRELEASED)
    if not found or not rest.partition("\n## ")[0].strip():
        raise Problem('CHANGELOG.md has nothing under "Unreleased": write what users notice (make release-notes lists the commits).')
    return changelog.replace(UNRELEASED, f"{UNRELEASED}\n## {title}\n", 1)


def with_version(path: Path, version: str) -> str:
    """A manifest with this version."""
    text, count = re.subn(r'^version = "[^"]*"$', f'version = "{version}"', path.read_text(), count=1, flags=re.MULTILINE)
    if not count:
        raise Problem(f"{path.name} has no version to replace.")
    return text
