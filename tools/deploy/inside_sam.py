"""Runs in SAM's own Python environment, for `deploy.as_sam`: reads a job as JSON, and prints what SAM's own code makes of it.

How SAM reads samconfig.toml and parameters is nowhere specified as it is done (docs/adr/0024): which section counts, where a text is
split, what is unquoted. So its own command line is asked, without carrying anything out.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from samcli.cli.main import cli
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig
from samcli.yamlhelper import yaml_dump, yaml_parse

GLOBAL, DEPLOY, SECTION, OVERRIDES = "global", "deploy", "parameters", "parameter_overrides"


def parse(commands: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """What SAM understands of each command, given as its arguments, in this directory."""
    return [parse_one(list(arguments)) for arguments in commands]


def parse_one(arguments: list[str]) -> dict[str, Any]:
    """One of them. SAM's options, with those of samconfig.toml, or why it refuses them."""
    given: list[str] = []
    convert = CfnParameterOverridesType.convert

    def noting(self: CfnParameterOverridesType, values: Any, *rest: Any) -> dict[str, str]:
        given.extend(texts(values))
        return convert(self, values, *rest)

    CfnParameterOverridesType.convert = noting
    try:
        with cli.make_context("sam", arguments) as top:
            name, command, rest = cli.resolve_command(top, top.protected_args + top.args)
            with command.make_context(name, rest, parent=top) as context:
                options = {option: value for option, value in context.params.items() if isinstance(value, str | bool | dict | None)}
                return {"options": options, "dropped": [rest for text in dict.fromkeys(given) if (rest := dropped(text))]}
    except click.ClickException as error:
        return {"error": error.format_message()}
    finally:
        CfnParameterOverridesType.convert = convert


def texts(values: Any) -> Iterator[str]:
    """The texts that SAM parses: all but files and mappings."""
    if isinstance(values, list | tuple):
        for value in values:
            yield from texts(value)
    elif isinstance(values, str) and not values.startswith("file://"):
        yield str(values)


def dropped(text: str) -> str:
    """What SAM leaves out of a text without a word, because it looks for parameters in it and takes what it finds."""
    padded = " " + text.strip()
    for pattern in CfnParameterOverridesType.ordered_pattern_match:
        if re.search(pattern, padded):
            return re.sub(pattern, "", padded).strip()
    return ""


def pin(template: str, parameter: str, value: str, why: str) -> None:
    """Leaves a parameter of a built template with one value that CloudFormation takes. SAM writes built templates in this very way."""
    path = Path(template)
    document = yaml_parse(path.read_text())
    document["Parameters"][parameter].update(AllowedValues=[value], Default=value, ConstraintDescription=why)
    path.write_text(yaml_dump(document))


def settle(directory: str, stage: str) -> bool:
    """Moves the answers that `sam deploy --guided` has written to where `sam build` reads them, too. Whether there were any."""
    config = SamConfig(directory)
    answers = config.document.get(stage, {}).get(DEPLOY, {}).get(SECTION, {}).pop(OVERRIDES, None)
    if answers is None:
        return False
    config.put([GLOBAL], SECTION, OVERRIDES, answers, env=stage)
    config.flush()
    return True


JOBS = {job.__name__: job for job in (parse, pin, settle)}

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(JOBS[asked["job"]](*asked["arguments"]), sys.stdout)
