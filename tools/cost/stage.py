"""The parameters of a stage in samconfig.toml."""

import tomllib
from pathlib import Path

from cost.problem import Problem
from cost.template import CHECKOUT

SAMCONFIG = CHECKOUT / "samconfig.toml"


def parameters(name: str, path: Path = SAMCONFIG) -> dict[str, str]:
    """What the stage overrides of the template's defaults."""
    stages = tomllib.loads(path.read_text())
    try:
        overrides = stages[name]["deploy"]["parameters"]["parameter_overrides"]
    except KeyError:
        raise Problem(f"samconfig.toml has no stage {name} with parameters.") from None
    return dict(unquoted(override) for override in overrides)


def unquoted(override: str) -> tuple[str, str]:
    """`Name=value`, or `Name="a value"` as SAM needs it where there are spaces."""
    parameter, separator, value = override.partition("=")
    if not separator:
        raise Problem(f"samconfig.toml overrides {override} with nothing.")
    return parameter, value[1:-1] if value[:1] == value[-1:] == '"' else value
