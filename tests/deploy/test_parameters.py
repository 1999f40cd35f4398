"""Each stage of samconfig.toml, and what the local launcher gives, as SAM reads it and CloudFormation takes it."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cost.template import Stack
from deploy import as_sam, parameters
from deploy.problem import Problem
from fluxo_local import deployment
from fluxo_local.deployment import Deployment, Doors
from fluxo_local.profile import Profile
from fluxo_local.redis import Redis

SAMCONFIG = as_sam.SAMCONFIG.read_text()
STAGES = [name for name, commands in tomllib.loads(SAMCONFIG).items() if isinstance(commands, dict) and "deploy" in commands]
DOCUMENT = parameters.load()
# What `make deploy` finds out in the account and gives by itself, where the template has it.
FOUND = {name: zone for name, zone in {"ZoneA": "us-east-1a", "ZoneB": "us-east-1b"}.items() if name in DOCUMENT["Parameters"]}


@pytest.fixture
def fault(checkout: Path) -> Callable[..., str]:
    """What is wrong with a stage of a samconfig.toml that differs from ours."""

    def of(stage: str, *changes: tuple[str, str]) -> str:
        text = SAMCONFIG
        for old, new in changes:
            assert old in text, f"samconfig.toml has no {old}"
            text = text.replace(old, new)
        (checkout / "samconfig.toml").write_text(text)
        with pytest.raises(Problem) as problem:
            parameters.check(stage, checkout)
        return str(problem.value)

    return of


def test_there_are_the_stages_that_readme_names() -> None:
    assert STAGES == ["dev", "prod"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_read_by_sam_and_taken_by_cloudformation(stage: str, checkout: Path) -> None:
    assert Stack(DOCUMENT, {**parameters.check(stage, checkout), **FOUND}).refusals("us-east-1") == []


def test_a_space_outside_of_quotes_is_seen(fault: Callable[..., str]) -> None:
    found = fault("dev", ("""'ReconcileSchedule="rate(1 day)"'""", '"ReconcileSchedule=rate(1 day)"'))
    assert "SAM drops `day)`" in found
    assert 'ReconcileSchedule "rate(1" does not match' in found


def test_an_architecture_that_only_deploying_reads_is_seen(fault: Callable[..., str]) -> None:
    swap = ("[prod.global.parameters]", "[prod.later.parameters]"), ("[prod.deploy.parameters]", "[prod.global.parameters]")
    found = fault("prod", ("Architecture=arm64", "Architecture=x86_64"), *swap, ("[prod.later.parameters]", "[prod.deploy.parameters]"))
    assert "sam build builds for arm64 and sam deploy deploys x86_64" in found


def test_an_architecture_that_is_left_to_the_stack_is_seen(fault: Callable[..., str]) -> None:
    assert "It has no Architecture" in fault("dev", ('    "Architecture=arm64",\n', ""))


def test_parameters_in_two_sections_are_seen(fault: Callable[..., str]) -> None:
    found = fault("dev", ("[dev.deploy.parameters]\n", '[dev.deploy.parameters]\nparameter_overrides = "Architecture=\\"arm64\\""\n'))
    assert "[dev.deploy.parameters] and [dev.global.parameters] have parameter_overrides" in found


def test_a_stage_that_does_not_exist_is_seen(fault: Callable[..., str]) -> None:
    assert "--stack-name" in fault("test")


@pytest.mark.parametrize(
    ("declared", "value", "wrong"),
    [
        ({"Type": "String"}, "anything at all", []),
        ({"Type": "String", "AllowedPattern": "^$|^rate\\(.+\\)$"}, "", []),
        ({"Type": "String", "AllowedPattern": "rate"}, "rates", ["does not match rate"]),
        ({"Type": "String", "AllowedValues": ["OFF", "ON"]}, "on", ["is none of OFF, ON"]),
        ({"Type": "String", "MinLength": 1}, "", ["has 0 characters"]),
        ({"Type": "String", "MaxLength": 2}, "abc", ["has 3 characters"]),
        ({"Type": "Number", "MinValue": 0, "MaxValue": 256}, "0.5", []),
        ({"Type": "Number", "AllowedValues": [1, 3]}, "2", ["is none of 1, 3"]),
        ({"Type": "Number", "MinValue": 1}, "0", ["is less than 1"]),
        ({"Type": "Number", "MaxValue": 0.5}, "0.6", ["is more than 0.5"]),
        ({"Type": "Number"}, "1 day", ["is not a number"]),
        ({"Type": "Number"}, "NaN", ["is not a number"]),
    ],
)
def test_a_value_is_held_to_its_declaration(declared: dict[str, Any], value: str, wrong: list[str]) -> None:
    assert list(parameters.violations(declared, value)) == wrong


def test_the_prefix_of_the_hosted_pages_has_none_of_cognitos_words() -> None:
    declared = DOCUMENT["Parameters"]["HostedDomainPrefix"]
    for refused in ("aws", "laws-and-more", "my-amazon", "cognito1", "-acme", "acme-"):
        assert list(parameters.violations(declared, refused)), refused
    for taken in ("", "a", "acme", "acme-pages-2", "a" * 63):
        assert list(parameters.violations(declared, taken)) == [], taken


def test_a_parameter_that_the_template_does_not_have_is_named() -> None:
    assert list(parameters.faults_of(DOCUMENT, {"LedgerConcurency": "5"})) == ["The template has no parameter LedgerConcurency."]


def test_what_the_local_launcher_gives_is_what_sam_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxo_local.profile.LOCAL", tmp_path)
    profile = Profile("launcher")
    profile.directory.mkdir()
    redis = Redis(Path("redis-server"), tmp_path, 6379, profile.secret("redis_password"), tmp_path)
    stores = Doors(postgres=5432, redis=6379)
    given = Deployment(profile, postgres=None, redis=redis, engine=None, doors=stores).parameters(profile.secret("ledger_owner_password"))
    deployment.parameters_file(profile).write_text(json.dumps(given))
    deployment.built(profile).mkdir()
    (deployment.built(profile) / "template.yaml").write_text("Resources: {}")

    (deploy,) = as_sam.understood(deployment.deploy_command(profile))
    assert deploy.parameters == given
    assert list(parameters.faults_of(DOCUMENT, given)) == []
    assert Stack(DOCUMENT, given).refusals("us-east-1") == []
