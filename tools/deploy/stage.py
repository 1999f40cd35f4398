"""A stage of samconfig.toml, as SAM reads it."""

import json
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluxo_local.profile import CHECKOUT
from fluxo_local.toolchain import SAM

from deploy.problem import Problem

SAMCONFIG = CHECKOUT / "samconfig.toml"
PARSING_TIMEOUT_S = 60
# SAM splits and unquotes the overrides in a way of its own, so SAM itself does it here.
PARSE = (
    "import json, sys; from samcli.cli.types import CfnParameterOverridesType as Overrides; "
    "json.dump(Overrides().convert(json.load(sys.stdin), None, None), sys.stdout)"
)


@dataclass(frozen=True)
class Stage:
    """What is deployed where."""

    name: str
    stack_name: str
    parameters: Mapping[str, str]
    """The template's parameters that the stage gives. The others have their defaults, or keep what the stack has."""
    region: str | None = None
    """The region that samconfig.toml names, if it does."""
    profile: str | None = None
    """The profile of credentials that it names."""


def read(name: str, path: Path = SAMCONFIG) -> Stage:
    """The stage of this name."""
    stages = tomllib.loads(path.read_text())
    if not isinstance(stages.get(name), Mapping) or "deploy" not in stages[name]:
        raise Problem(f'{path.name} has no stage "{name}".')
    # What stands under the command counts more than what stands under "global".
    settings = {**given(stages[name], "global"), **given(stages[name], "deploy")}
    if "stack_name" not in settings:
        raise Problem(f'{path.name} does not name the stack of the stage "{name}": add stack_name.')
    return Stage(
        name=name,
        stack_name=settings["stack_name"],
        parameters=parse(settings.get("parameter_overrides", [])),
        region=settings.get("region"),
        profile=settings.get("profile"),
    )


def given(stage: Mapping[str, Any], command: str) -> dict[str, Any]:
    """What a stage gives to a command of SAM's."""
    return stage.get(command, {}).get("parameters", {})


def parse(overrides: Any) -> dict[str, str]:
    """`parameter_overrides` as SAM understands it."""
    try:
        done = subprocess.run(
            [SAM.program("python"), "-c", PARSE],
            input=json.dumps(overrides),
            capture_output=True,
            text=True,
            check=True,
            timeout=PARSING_TIMEOUT_S,
        )
    except FileNotFoundError:
        raise Problem("SAM is not installed: run make tools.") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().splitlines()[-1:]
        raise Problem(f"SAM cannot read parameter_overrides of samconfig.toml: {''.join(reason)}") from None
    return json.loads(done.stdout)
