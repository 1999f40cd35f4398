"""Prints the template after SAM's transform, and what CloudFormation's schemas say of its types.

It runs in SAM's environment, which alone has the transform and the schemas (of cfn-lint).
"""

import json
import sys
from pathlib import Path
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

REGION = "us-east-1"
SCHEMA = ("createOnlyProperties", "conditionalCreateOnlyProperties", "primaryIdentifier", "readOnlyProperties")
# Where `sam package` would put programs and definitions.
BUCKET = "s3://artifacts/"


def transformed(text: str) -> dict[str, Any]:
    """The template as CloudFormation gets it from the transform. Parameters and conditions stay in it as they are."""
    document = yaml_parse(text)
    document["Globals"]["Function"]["CodeUri"] = BUCKET + "code"
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = BUCKET + resource["Properties"]["DefinitionUri"]
    defaults = {name: parameter.get("Default", "") for name, parameter in document["Parameters"].items()}
    return Translator({}, Parser()).translate(document, parameter_values=defaults | {"AWS::Region": REGION})


def schema(kind: str) -> dict[str, Any]:
    """Which properties of a type cannot be changed, and which are its name."""
    if kind.startswith("Custom::"):
        return {}
    read = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    return {name: read[name] for name in SCHEMA if name in read}


template = transformed(Path(sys.argv[1]).read_text())
kinds = sorted({resource["Type"] for resource in template["Resources"].values()})
print(json.dumps({"template": template, "schemas": {kind: schema(kind) for kind in kinds}}))
