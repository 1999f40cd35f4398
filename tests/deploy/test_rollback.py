"""Failures in turn: what CloudFormation leaves, loses or cannot do, held against what is meant (rollback/meant.yaml)."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cost.template import Stack
from deploy.protection import PARAMETER, is_protected, plan
from rollback.scenarios import REGION, STANDING, Parameters, built, changes, stacks
from rollback.simulator import Update, create, delete
from sam_transform import processed

MEANT = Path(__file__).parent / "rollback" / "meant.yaml"
REFUSES = "the stack refuses as a whole, and nothing is touched"


@cache
def meant() -> dict[str, Any]:
    """What is meant, with a reason for each line."""
    return yaml.safe_load(MEANT.read_text())


def whatever_happens(update: Update) -> set[str]:
    """What an update does, and what its rollback leaves, wherever it fails."""
    return update.succeeds().union(*(update.fails(name) for name in update.touched()))


def creation(parameters: Parameters) -> set[str]:
    """What is left of a first deployment, whatever it fails at."""
    first = built(plan(processed(), parameters, ()).first)
    return set().union(*(create(first, name) for name in first))


def protection(parameters: Parameters) -> set[str]:
    """What is left when protection is switched on after that, and fails."""
    return whatever_happens(Update(built(plan(processed(), parameters, ()).first), built(parameters)))


def release(parameters: Parameters) -> set[str]:
    """What the next release loses, and what it leaves otherwise than it was, whatever it fails at."""
    return whatever_happens(Update(built(parameters), built(parameters, of_next_release=True)))


def deletion(parameters: Parameters) -> set[str]:
    """What is left, and lost, when the stack is deleted, whatever fails at the first try."""
    standing = built(parameters)
    if is_protected(processed(), parameters):
        return {REFUSES}
    return delete(standing).union(*(delete(standing, {name}) for name in standing))


def deletion_without_protection(parameters: Parameters) -> set[str]:
    """The same, once somebody has taken its protection off."""
    return deletion(parameters | {PARAMETER: "false"})


def names(parameters: Parameters) -> set[str]:
    """What would be in the way of the next stack of the name, if it could not be removed for whatever reason."""
    stack = built(parameters)
    return {f"the names of {stack[name].kind}" for name in stack if stack[name].name_of_any_creation()}


@pytest.mark.parametrize("stack", STANDING)
@pytest.mark.parametrize("happening", [creation, names, protection, release, deletion, deletion_without_protection])
def test_what_is_left_when_each_resource_fails_in_turn_is_what_is_meant(happening: Callable[[Parameters], set[str]], stack: str) -> None:
    expected = {line["what"] for line in meant()[happening.__name__] if stack in line.get("where", STANDING)}
    assert happening(stacks()[stack]) == expected


def change(before: Parameters, wanted: Parameters) -> set[str]:
    """What changing a parameter does beyond what the release does that it comes with."""
    first = plan(processed(), wanted, set(built(before))).first
    return whatever_happens(Update(built(before), built(first, of_next_release=True))) - release(before)


@pytest.mark.parametrize("name", Stack.load().parameters())
def test_changing_a_parameter_does_what_its_description_says(name: str) -> None:
    """It does what `meant.yaml` says, too."""
    declared = processed()["Parameters"][name]
    happens = list(changes(name, declared))
    assert happens, f"no change of {name} is known: add one to rollback/scenarios.py"
    for before, wanted in happens:
        assert not Stack(processed(), before).refusals(REGION)
        assert not Stack(processed(), wanted).refusals(REGION)
    lines = meant()["parameters"].get(name, [])
    assert set().union(*(change(before, wanted) for before, wanted in happens)) == {line["what"] for line in lines}
    for line in lines:
        assert line["says"] is None or line["says"] in " ".join(declared["Description"].split())


def test_every_line_that_is_meant_has_a_reason_and_is_about_something() -> None:
    sections = {**meant(), **meant()["parameters"]}
    del sections["parameters"]
    assert all(line["why"] and set(line.get("where", STANDING)) <= set(STANDING) for lines in sections.values() for line in lines)
    assert meant()["parameters"].keys() <= processed()["Parameters"].keys()
