"""Makes a release the one before: freezes its reading side, and what it writes, into `tests/previous-release`."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from fluxo_local import terminal, toolchain
from fluxo_local.problem import Problem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL

PLACE = CHECKOUT / "tests" / "previous-release"
FROZEN = PLACE / "frozen"
INPUTS = PLACE / "inputs"
# What reads an input. `workflow` depends on `cashflow`.
CRATES = ("cashflow", "workflow")
DEFINITION = "statemachines/record-entries.asl.json"

# What the definition hands to a function and to the park queue, and the names under which that is kept.
EVENTS = {"apply-to-ledger/entry": "task-entry", "replay-parked/parked": "parked-entry"}

# The tests at the end of a file were for its own time and need more crates.
TESTS = re.compile(r"\n#\[cfg\(test\)\]\nmod tests \{\n.*?\n\}\n\Z", re.DOTALL)
# And its documents are those of the crate that it was.
LIBRARY = "[lib]\ntest = false\ndoctest = false\ndoc = false\n\n"


def freeze(commit: str) -> None:
    """Freezes the sources of a commit. What is written is that of the checkout, so that has to be the same."""
    release = git("show", "--no-patch", "--format=%cs-%h", commit).strip()
    for name in CRATES:
        freeze_crate(name, commit)
    (FROZEN / "record-entries.asl.json").write_text(git("show", f"{commit}:{DEFINITION}"))
    (FROZEN / "RELEASE").write_text(f"{release}\n")
    (INPUTS / release).mkdir(parents=True, exist_ok=True)
    for event, name in EVENTS.items():
        handed_over = json.loads(git("show", f"{commit}:events/{event}.json"))
        written = json.loads(handed_over["Records"][0]["body"]) if "Records" in handed_over else handed_over
        (INPUTS / release / f"{name}.json").write_text(json.dumps(written, ensure_ascii=False, separators=(",", ":")) + "\n")
    with terminal.step(f"Writing what {release} writes") as step:
        run_tool(
            ["cargo", "run", "--quiet", "--package", "previous-release", "--bin", "write-inputs", "--", INPUTS / release],
            what="Writing the inputs",
            log=LOCAL / "freeze.log",
            directory=CHECKOUT,
            environment=os.environ | {"PATH": toolchain.search_path()},
            step=step,
        )
    terminal.say(f"{release} is now the release before: run cargo test -p previous-release, and commit tests/previous-release.")


def freeze_crate(name: str, commit: str) -> None:
    """The sources as they were, under a name that does not clash with today's."""
    target = FROZEN / name
    shutil.rmtree(target, ignore_errors=True)
    for path in git("ls-tree", "-r", "--name-only", commit, f"crates/{name}/src").split():
        file = target / Path(path).relative_to(f"crates/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        source = TESTS.sub("", git("show", f"{commit}:{path}"))
        if "#[cfg(test)]" in source:
            raise Problem(f"{path} has tests that do not stand at its end in a module of that name; they cannot be left out.")
        file.write_text(source)
    (target / "Cargo.toml").write_text(manifest(name, git("show", f"{commit}:crates/{name}/Cargo.toml")))


def manifest(name: str, original: str) -> str:
    """Of a frozen crate: renamed, on the frozen ones, without what only its tests needed."""
    text = re.sub(r"\[dev-dependencies\]\n(.+\n)*\n?", "", original)
    text = text.replace(f'name = "{name}"', f'name = "previous-{name}"', 1)
    for other in CRATES:
        text = text.replace(f"\n{other}.workspace = true", f'\n{other} = {{ package = "previous-{other}", path = "../{other}" }}')
    if "[dependencies]" not in text:
        raise Problem(f"crates/{name}/Cargo.toml lists no dependencies; some were expected.")
    return text.replace("[dependencies]", f"{LIBRARY}[dependencies]", 1)


def git(*arguments: str) -> str:
    """What git answers about this checkout."""
    done = subprocess.run(["git", "-C", CHECKOUT, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Problem(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
