"""Every command of make that a document quotes can be run as it stands there."""

import re

import pytest
from documents import CHECKOUT, documents, make_commands

MAKEFILE = (CHECKOUT / "Makefile").read_text()


def recipes() -> dict[str, str]:
    """The targets of the Makefile, each with its rule, and those of the targets that it needs."""
    rules = re.findall(r"^([a-z0-9-]+):(?!=)([^\n]*)((?:\n\t.*)*)", MAKEFILE, re.MULTILINE)
    # What a recipe uses through a variable, such as STAGE in PREFLIGHT.
    variables = dict(re.findall(r"^([A-Z_]+) :?= (.*)$", MAKEFILE, re.MULTILINE))
    found = {}
    for name, needs, recipe in rules:
        used = re.findall(r"\$\(([A-Z_]+)\)", recipe)
        found[name] = needs + recipe + "".join(variables.get(variable, "") for variable in used)
    return found


RECIPES = recipes()
COMMANDS = [(document, *command) for document in documents() for command in make_commands(document)]


def test_the_documents_quote_commands() -> None:
    # Or this file looks for them in the wrong way.
    assert {"run", "test", "token", "preflight", "deploy", "unparked", "chaos"} <= {target for _, target, _ in COMMANDS}
    assert {"MERCHANT", "STAGE", "PARK", "FAULT"} <= {name for _, _, variables in COMMANDS for name in variables}


@pytest.mark.parametrize(("document", "target", "variables"), COMMANDS, ids=lambda value: getattr(value, "name", None))
def test_a_quoted_command_is_a_target_that_uses_its_variables(document: object, target: str, variables: list[str]) -> None:
    assert target in RECIPES, f"{document}: make {target} is no target of the Makefile"
    unused = [name for name in variables if f"$({name})" not in RECIPES[target] and f"$(if $({name})" not in RECIPES[target]]
    assert not unused, f"{document}: make {target} does not use {', '.join(unused)}"


def test_the_list_of_make_help_quotes_commands_that_exist() -> None:
    for line in re.findall(r"^[a-z0-9-]+:.*## .*$", MAKEFILE, re.MULTILINE):
        for target in re.findall(r"\bmake(?: -s)? ([a-z][a-z0-9-]*)", line.split("## ")[1]):
            assert target in RECIPES or target == "up", line
