"""Runs in SAM's own Python environment: collects compiled functions as `sam build` would, which compiles each of them again.

`sam build` gives each function to cargo-lambda, which has release programs and a directory of its own for each processor, and shares
nothing with what the tests have compiled. What is left to do is little: a directory with `bootstrap` for each function, and a template
whose paths lead there. `make deploy` and `make package-check` use `sam build`.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_dump, yaml_parse

FUNCTION, STATE_MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"


def collect(template: Path, programs: Path, target: Path) -> None:
    """Copies the functions' programs, and writes the template beside them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    processed = yaml_parse(template.read_text())
    for name, resource in processed["Resources"].items():
        if resource["Type"] == FUNCTION:
            package(name, resource, programs, target)
        elif resource["Type"] == STATE_MACHINE:
            properties = resource["Properties"]
            properties["DefinitionUri"] = str(template.parent / properties["DefinitionUri"])
    (target / "template.yaml").write_text(yaml_dump(processed))


def package(name: str, resource: dict[str, Any], programs: Path, target: Path) -> None:
    """One function's directory, and its place in the template.

    Without symbols it is a third smaller: it is packed, sent to the engine, and unpacked there.
    """
    (target / name).mkdir()
    program = programs / resource["Metadata"]["BuildProperties"]["Binary"]
    subprocess.run(["strip", "-o", target / name / "bootstrap", program], check=True)
    resource["Properties"]["CodeUri"] = name


if __name__ == "__main__":
    collect(*map(Path, sys.argv[1:]))
