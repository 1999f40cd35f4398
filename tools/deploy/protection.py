"""When deletion protection is on: while a stack stands, never while a part of it is made (docs/adr/0025)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cost.template import Stack

PARAMETER = "DeletionProtection"
NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Plan:
    """How a stack comes to its parameters."""

    first: dict[str, str]
    """What it is deployed with."""
    protect_afterwards: bool
    """Whether its resources are protected in a second step, once all of them are there."""


def plan(document: Mapping[str, Any], parameters: Mapping[str, str], existing: Collection[str], kept: Mapping[str, str] = NONE) -> Plan:
    """The steps for a stack that has these resources so far, none if there is no stack, and keeps these values of other parameters.

    A resource that is made with protection cannot be removed when the deployment fails: the rollback fails, too. So while one of
    them is still to be made, the deployment goes without, and protection follows.
    """
    protected = protected_resources(document, {**kept, **parameters})
    afterwards = bool(protected - set(existing))
    # SAM keeps the stack's values by itself.
    first = dict(parameters) | ({PARAMETER: "false"} if afterwards else {})
    return Plan(first, afterwards)


def is_protected(document: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
    """Whether the stack is meant to refuse its deletion."""
    return Stack(document, parameters).parameter(PARAMETER) == "true"


def protected_resources(document: Mapping[str, Any], parameters: Mapping[str, str]) -> set[str]:
    """The resources that refuse their deletion with these parameters: those in which protection makes a difference."""
    if not is_protected(document, parameters):
        return set()
    with_it = Stack(document, parameters).deployed()
    without = Stack(document, dict(parameters) | {PARAMETER: "false"}).deployed()
    return {name for name, resource in with_it.items() if resource != without[name]}
