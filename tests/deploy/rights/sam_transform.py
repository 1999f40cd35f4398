"""Processes the template as SAM does before it hands it to CloudFormation. SAM's own Python runs it; prints JSON."""

import json
import os
import sys

# SAM asks for it, and nothing depends on it here.
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

CODE = "s3://artifacts/code"


class ManagedPolicies:
    """SAM wants to know AWS's own policies by name. A template that uses one is refused below."""

    def load(self) -> dict[str, str]:
        """None."""
        return {}


template = yaml_parse(sys.stdin.read())
template["Globals"]["Function"]["CodeUri"] = CODE
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::StateMachine":
        resource["Properties"]["DefinitionUri"] = "s3://artifacts/" + resource["Properties"]["DefinitionUri"]
json.dump(transform(template, {}, ManagedPolicies()), sys.stdout)
