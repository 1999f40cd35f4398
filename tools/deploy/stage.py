"""A stage of samconfig.toml, as `sam deploy` reads it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy import as_sam
from deploy.as_sam import SAMCONFIG
from deploy.problem import Problem


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
    (deploy,) = as_sam.understood(("deploy", "--config-env", name), directory=path.parent)
    if not deploy.options.get("stack_name"):
        raise Problem(f'{path.name} does not name the stack of the stage "{name}": add stack_name.')
    return Stage(
        name=name,
        stack_name=deploy.options["stack_name"],
        parameters=deploy.parameters,
        region=deploy.options.get("region"),
        profile=deploy.options.get("profile"),
    )
