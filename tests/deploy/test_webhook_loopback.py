"""Webhooks go to this machine's own addresses in the local stack only: no stage, no default and no account of AWS admits that."""

import tomllib
from typing import Any

import pytest
import yaml
from cost.template import FUNCTION, TEMPLATE, Loader, Stack
from deploy import as_sam, stage
from test_parameters import STAGES

PARAMETER, VARIABLE = "WebhookLoopback", "WEBHOOK_LOOPBACK"
# The emulator's. AWS's account ids have twelve digits, and none is this.
NO_ACCOUNT = "000000000000"
SENDING = {"DeliverEvents", "WebhookEndpoints"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The template as it is written."""
    return yaml.load(TEMPLATE.read_text(), Loader)


def given(parameters: dict[str, str]) -> dict[str, str]:
    """What functions find in their environment, by function."""
    functions = Stack.load(parameters=parameters).resources(FUNCTION)
    variables = {name: function["Environment"]["Variables"] for name, function in functions.items()}
    return {name: found[VARIABLE] for name, found in variables.items() if VARIABLE in found}


@pytest.mark.parametrize("name", STAGES)
def test_no_stage_admits_loopback(name: str) -> None:
    assert PARAMETER not in stage.read(name).parameters
    assert given(stage.read(name).parameters) == dict.fromkeys(SENDING, "refused")


def test_samconfig_does_not_name_it_anywhere() -> None:
    assert PARAMETER not in as_sam.SAMCONFIG.read_text()
    assert tomllib.loads(as_sam.SAMCONFIG.read_text()).keys() == {"version", "default", *STAGES}


def test_by_default_it_is_refused() -> None:
    assert Stack.load().parameter(PARAMETER) == "refused"
    assert given({}) == dict.fromkeys(SENDING, "refused")


def test_on_aws_it_is_refused_whatever_is_given() -> None:
    assert given({PARAMETER: "admitted", "EmulatorPort": "4566"}) == dict.fromkeys(SENDING, "refused")
    (refusal,) = [one for one in Stack.load(parameters={PARAMETER: "admitted"}).refusals("us-east-1") if PARAMETER in one]
    assert "for an emulator of AWS" in refusal


def test_nothing_but_the_emulators_account_decides_it(document: dict[str, Any]) -> None:
    asked, account = document["Conditions"]["AdmitsLoopback"]["Fn::And"]
    assert asked == {"Fn::Equals": [{"Ref": PARAMETER}, "admitted"]}
    assert account == {"Fn::Equals": [{"Ref": "AWS::AccountId"}, NO_ACCOUNT]}
    for name in SENDING:
        variables = document["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert variables[VARIABLE] == {"Fn::If": ["AdmitsLoopback", "admitted", "refused"]}
