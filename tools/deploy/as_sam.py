"""What SAM makes of a command: its own code is asked, in its own environment."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluxo_local.profile import CHECKOUT
from fluxo_local.python_tools import SAM

from deploy.problem import Problem

SAMCONFIG = CHECKOUT / "samconfig.toml"
INSIDE = Path(__file__).with_name("inside_sam.py")
TIMEOUT_S = 120


@dataclass(frozen=True)
class Understood:
    """A command as SAM understands it."""

    options: Mapping[str, Any]
    """Its options with their values, given by the command or by samconfig.toml."""
    dropped: Sequence[str]
    """Parts of its parameters that SAM leaves out without a word."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """The template's parameters that it gives."""
        return self.options["parameter_overrides"]


def understood(*commands: Sequence[str], directory: Path = CHECKOUT) -> list[Understood]:
    """Commands as SAM understands them in a directory, each given as what stands behind `sam`."""
    answers = ask("parse", list(commands), directory=directory)
    for command, answer in zip(commands, answers, strict=True):
        if "error" in answer:
            raise Problem(f"SAM refuses sam {' '.join(command)}: {answer['error']}")
    return [Understood(answer["options"], answer["dropped"]) for answer in answers]


def pin(template: Path, parameter: str, value: str, why: str) -> None:
    """Leaves a parameter of a built template with one value that CloudFormation takes; it quotes `why` to whoever gives another."""
    ask("pin", str(template), parameter, value, why)


def settle(stage: str, corrections: Mapping[str, str], directory: Path = CHECKOUT) -> bool:
    """Moves the answers of `sam deploy --guided` to the section that `sam build` reads, too. Whether there were any.

    These corrections are kept instead of what was answered.
    """
    return ask("settle", str(directory), stage, corrections)


def ask(job: str, *arguments: Any, directory: Path = CHECKOUT) -> Any:
    """Has a job done by SAM's code."""
    program = SAM.program("python")
    if not program.exists():
        raise Problem("SAM is not installed: run make tools.")
    done = subprocess.run(
        [program, INSIDE],
        input=json.dumps({"job": job, "arguments": arguments}),
        capture_output=True,
        text=True,
        cwd=directory,
        # Nothing but samconfig.toml decides: SAM reads its options from the environment, too.
        env={name: value for name, value in os.environ.items() if not name.startswith(("SAM_", "AWS_"))} | {"SAM_CLI_TELEMETRY": "0"},
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:]
        raise Problem(f"SAM cannot read samconfig.toml or its parameters: {''.join(reason)}")
    return json.loads(done.stdout)
