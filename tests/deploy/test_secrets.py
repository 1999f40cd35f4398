"""Secrets that CloudFormation puts into resources: raising SecretsVersion changes them everywhere at once.

CloudFormation does not see that a secret's value has changed. It reads it again only in "a stack update that updates the resource
containing the dynamic reference" (Get a secret or secret value from Secrets Manager).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cost.template import Stack
from rollback import rules
from rollback.graph import Graph
from rollback.scenarios import Parameters, built, stacks
from rollback.simulator import Update
from sam_transform import processed

SECRET = "AWS::SecretsManager::Secret"
REFERENCE = re.compile(r"\{\{resolve:[a-z-]+:(?:\$\{(\w+)\}|(arn:[^}]+?)(?::SecretString:\w+)?)\}\}")
GIVEN = "the secret that LedgerOwnerSecretArn names"
BEHIND_THE_API = (
    "RegisterEntry", "ReverseEntry", "GetEntry", "ListEntries", "ExportEntries", "GetDailyBalance", "GetBalanceAsOf",
    "SealDay", "ListSeals", "ListEvents", "BalanceAlerts", "WebhookEndpoints",
)  # fmt: skip
# Who holds the value of which secret, where all of it is in the stack.
HOLDERS = {
    "MemoryPassword": {"MemoryUser", "MemoryDefaultUser", "RegisterEntry", "ReverseEntry", "GetEntry"},
    "BalanceTokenKey": {"GetEntry", "GetDailyBalance"},
    "EdgeKey": {"ConsoleDistribution", *BEHIND_THE_API},
}


def raised(parameters: Parameters) -> Update:
    """What raising the parameter changes, and nothing else."""
    return Update(built(parameters), built({**parameters, "SecretsVersion": "2"}))


def texts(value: Any) -> Iterator[str]:
    """The texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from texts(inner)


def holders(stack: Graph) -> dict[str, set[str]]:
    """The resources into which CloudFormation puts a secret's value, by secret."""
    found: dict[str, set[str]] = {}
    for name in stack:
        for text in texts(stack[name].properties):
            references = REFERENCE.findall(text)
            assert len(references) == text.count("{{resolve:"), f"{name} has a reference that is not understood: {text}"
            for own, _ in references:
                found.setdefault(own or GIVEN, set()).add(name)
    return found


@pytest.mark.parametrize("stack", stacks())
def test_who_holds_a_secrets_value_changes_with_every_other_who_does(stack: str) -> None:
    parameters = stacks()[stack]
    assert set().union(*holders(built(parameters)).values()) <= raised(parameters).touched()


def test_all_references_are_found() -> None:
    assert holders(built(stacks()["prod"])) == HOLDERS
    own_key = {"BalanceTokenKey": HOLDERS["BalanceTokenKey"]}
    assert holders(built(stacks()["stores that exist"])) == {**own_key, GIVEN: {"MigrateLedgerRole"}}


@pytest.mark.parametrize("stack", stacks())
def test_the_stacks_secrets_are_made_anew_and_nothing_else_is_replaced(stack: str) -> None:
    standing = built(stacks()[stack])
    assert raised(stacks()[stack]).replaced() == {name for name in standing if standing[name].kind == SECRET}
    assert SECRET in rules.HOLDS


@pytest.mark.parametrize("stack", stacks())
def test_no_secret_is_changed_where_it_is(stack: str) -> None:
    """A rollback would give it a third value, which those that the update had not yet come to would never learn."""
    before, after = built(stacks()[stack]), built({**stacks()[stack], "SecretsVersion": "2"})
    for name in before:
        if before[name].kind == SECRET:
            keys = before[name].properties.keys() | after[name].properties.keys()
            assert {key for key in keys if before[name].properties.get(key) != after[name].properties.get(key)} == {"Name"}


def test_the_cache_knows_the_new_password_before_a_function_uses_it() -> None:
    standing = built(stacks()["prod"])
    for function in HOLDERS["MemoryPassword"] - {"MemoryUser", "MemoryDefaultUser"}:
        assert {"MemoryPassword", "MemoryUser", "MemoryDefaultUser"} <= standing.dependencies(function)


def test_a_secrets_name_does_not_end_like_an_arn() -> None:
    """Nor with what Secrets Manager would take for the end of an ARN: "a hyphen followed by six characters" (CreateSecret, Name)."""
    declared = processed()["Parameters"]["SecretsVersion"]
    assert len(str(declared["MaxValue"])) < 6
    for name, secret in Stack(processed()).resources(SECRET).items():
        text, _ = secret["Name"]["Fn::Sub"]
        assert text.endswith("-${SecretsVersion}"), name
