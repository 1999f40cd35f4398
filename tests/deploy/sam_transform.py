"""The template as SAM hands it to CloudFormation, and what CloudFormation's schemas say of its types."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from cost.template import TEMPLATE
from fluxo_local.python_tools import SAM

INSIDE_SAM = Path(__file__).with_name("inside_sam.py")


@cache
def processed() -> dict[str, Any]:
    """The template after SAM's transform."""
    return read()["template"]


@cache
def schemas() -> dict[str, Any]:
    """Of each of its types, which properties cannot be changed, and which are its name."""
    return read()["schemas"]


@cache
def read() -> dict[str, Any]:
    """What is read of them. Nobody changes it."""
    # SAM asks for a region while it is imported, and nothing depends on it here.
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    ran = subprocess.run([SAM.program("python"), INSIDE_SAM, TEMPLATE], stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(ran.stdout)
