"""The answers of `sam deploy --guided`, as SAM itself writes them."""

import json
import subprocess
from pathlib import Path

import pytest
from deploy import as_sam, parameters
from fluxo_local.python_tools import SAM

# What SAM does with the answers when it has asked for them.
SAVE = """
import click, json, sys
from samcli.commands.deploy.command import cli
from samcli.commands.deploy.guided_config import GuidedConfig
with click.Context(cli, info_name="deploy") as context:
    context.samconfig_dir = "."
    answers = {name: {"Value": value, "Hidden": False} for name, value in json.load(sys.stdin).items()}
    GuidedConfig("template.yaml", "parameters").save_config(answers, config_env="dev", config_file="samconfig.toml", region="sa-east-1")
"""
ANSWERS = {"Architecture": "x86_64", "SealSchedule": "cron(0 2 * * ? *)", "ReconcileSchedule": "", "AcceptingConcurrency": "0"}


@pytest.fixture
def asked(checkout: Path) -> Path:
    """A folder whose samconfig.toml has the answers to a guided deployment."""
    subprocess.run([SAM.program("python"), "-c", SAVE], input=json.dumps(ANSWERS), text=True, cwd=checkout, check=True, timeout=60)
    return checkout


def test_answers_are_what_both_commands_read(asked: Path) -> None:
    before = list(parameters.sections("dev", asked))
    assert "have parameter_overrides" in before[0]

    assert as_sam.settle("dev", {}, asked)

    assert parameters.check("dev", asked) == ANSWERS
    build, deploy = as_sam.understood(("build", "--config-env", "dev"), ("deploy", "--config-env", "dev"), directory=asked)
    assert build.parameters == ANSWERS
    assert deploy.options["stack_name"] == "fluxo-dev"
    text = (asked / "samconfig.toml").read_text()
    assert text.startswith("# What `make deploy STAGE=…` gives to SAM")
    assert text.count("[prod.global.parameters]") == 1


def test_what_a_deployment_changed_for_a_while_is_kept_as_it_was_meant(asked: Path) -> None:
    assert as_sam.settle("dev", {"AcceptingConcurrency": "7", "Absent": "1"}, asked)
    assert parameters.check("dev", asked) == ANSWERS | {"AcceptingConcurrency": "7"}


def test_without_answers_nothing_is_written(checkout: Path) -> None:
    assert not as_sam.settle("dev", {}, checkout)
    assert (checkout / "samconfig.toml").read_text() == as_sam.SAMCONFIG.read_text()
