"""Before `make deploy` builds: what is wrong with a stage's parameters, as SAM reads them and as CloudFormation takes them.

The template's rules, which ask for the region too, are not looked at here (`Stack.refusals`).
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml
from cost.template import TEMPLATE, Loader, text_of
from fluxo_local.deployment import ARCHITECTURE
from fluxo_local.profile import CHECKOUT

from deploy import as_sam
from deploy.problem import Problem


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="deploy.parameters", description=__doc__)
    parser.add_argument("stage", help="a stage of samconfig.toml")
    stage = parser.parse_args().stage
    try:
        check(stage)
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    return 0


def check(stage: str, directory: Path = CHECKOUT) -> Mapping[str, str]:
    """The parameters that a stage deploys with; raises when anything is wrong."""
    build, deploy = as_sam.understood(("build", "--config-env", stage), ("deploy", "--config-env", stage), directory=directory)
    template = load()
    faults = [
        *sections(stage, directory),
        *omissions(build, deploy),
        *faults_of(template, deploy.parameters),
        *disagreement(stage, template, build.parameters, deploy.parameters),
    ]
    if faults:
        raise Problem(f"samconfig.toml, stage {stage}: {' '.join(faults)}")
    return deploy.parameters


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """A template as it is written."""
    with path.open() as file:
        return yaml.load(file, Loader)


def sections(stage: str, directory: Path) -> Iterator[str]:
    """Parameters in two sections, of which SAM heeds one."""
    commands = tomllib.loads((directory / as_sam.SAMCONFIG.name).read_text()).get(stage, {})
    having = [command for command, given in commands.items() if "parameter_overrides" in given.get("parameters", {})]
    if len(having) > 1:
        names = " and ".join(f"[{stage}.{command}.parameters]" for command in having)
        yield f"{names} have parameter_overrides, and of two such lists SAM heeds one: keep that of [{stage}.global.parameters]."


def omissions(*commands: as_sam.Understood) -> Iterator[str]:
    """Values that SAM cuts short."""
    for text in dict.fromkeys(text for command in commands for text in command.dropped):
        yield f"""SAM drops `{text}`: a value with a space stands in double quotes of its own, as in 'Name="rate(1 day)"'."""


def disagreement(stage: str, template: Mapping[str, Any], build: Mapping[str, str], deploy: Mapping[str, str]) -> Iterator[str]:
    """A build for another processor than the one that is deployed."""
    if ARCHITECTURE not in deploy:
        # To an update SAM gives UsePreviousValue for what is not given (samcli/commands/deploy/deploy_context.py: merge_parameters), and
        # only the stack knows that.
        yield f"It has no {ARCHITECTURE}, so the stack would keep its own, whatever is built: add it to [{stage}.global.parameters]."
        return
    built = build.get(ARCHITECTURE, text_of(template["Parameters"][ARCHITECTURE]["Default"]))
    if built != deploy[ARCHITECTURE]:
        yield (
            f"sam build builds for {built} and sam deploy deploys {deploy[ARCHITECTURE]}: "
            f"give {ARCHITECTURE} in [{stage}.global.parameters], which both read."
        )


def faults_of(template: Mapping[str, Any], parameters: Mapping[str, str]) -> Iterator[str]:
    """What CloudFormation would refuse, and what SAM leaves out because the template does not know it."""
    for name, value in parameters.items():
        declared = template["Parameters"].get(name)
        if declared is None:
            yield f"The template has no parameter {name}."
        else:
            shown = "" if declared.get("NoEcho") else f' "{value}"'
            yield from (f"{name}{shown} {fault}." for fault in violations(declared, value))


def violations(declared: Mapping[str, Any], value: str) -> Iterator[str]:
    """How a value violates the declaration of its parameter (AWS: "CloudFormation template Parameters syntax")."""
    if (kind := declared["Type"]) not in ("String", "Number"):
        raise Problem(f"Parameters of the type {kind} are not supported: extend tools/deploy/parameters.py.")
    allowed = [text_of(option) for option in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        yield f"is none of {', '.join(allowed)}"
    # It has to match the whole value.
    if (pattern := declared.get("AllowedPattern")) is not None and not re.fullmatch(pattern, value):
        yield f"does not match {pattern}"
    if not int(declared.get("MinLength", 0)) <= len(value) <= int(declared.get("MaxLength", len(value))):
        yield f"has {len(value)} characters"
    if kind == "Number":
        yield from violations_of_number(declared, value)


def violations_of_number(declared: Mapping[str, Any], value: str) -> Iterator[str]:
    """The same for what is said of numbers."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        yield "is not a number"
        return
    if (least := declared.get("MinValue")) is not None and number < Decimal(str(least)):
        yield f"is less than {least}"
    if (most := declared.get("MaxValue")) is not None and number > Decimal(str(most)):
        yield f"is more than {most}"


if __name__ == "__main__":
    sys.exit(main())
