"""IAM policies, as far as the template uses them: what they allow, and what they deny."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from rights import Problem

ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}


@dataclass(frozen=True)
class Need:
    """Something that somebody has to be allowed."""

    action: str
    resource: str
    """An ARN, with `*` for the part that nobody knows before, such as the name of an execution."""
    reason: str = field(compare=False)
    """Who does it, and where that is said, for people."""
    context: tuple[tuple[str, str], ...] = ()
    """Condition keys that the request carries."""

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} ({self.reason})"


@dataclass(frozen=True)
class Grant:
    """One action on one resource, as a statement allows or denies it."""

    place: str
    """The resource of the template and the policy in it."""
    effect: str
    action: str
    resource: str
    principals: frozenset[str]
    """Of a policy at a resource or endpoint; empty in a role's."""
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Operator, key, and the values of which one has to be met."""

    def covers(self, need: Need) -> bool:
        """Whether it is about what is needed, all of it."""
        return (
            matches(self.action.lower(), need.action.lower())
            and matches(self.resource, need.resource)
            and all(holds(operator, dict(need.context).get(key), values) for operator, key, values in self.conditions)
        )

    def is_within(self, need: Need) -> bool:
        """Whether it is no wider than what is needed."""
        return matches(need.action.lower(), self.action.lower()) and matches(need.resource, self.resource)

    def __str__(self) -> str:
        return f"{self.place}: {self.action} on {self.resource}"


def grants_of(document: Mapping[str, Any], place: str) -> list[Grant]:
    """What a policy says, one action and resource at a time."""
    found = []
    for statement in as_list(document["Statement"]):
        unknown = statement.keys() - ELEMENTS
        if unknown:
            raise Problem(f"{place}: policies with {', '.join(sorted(unknown))} are not understood.")
        conditions = tuple(
            (operator, key, tuple(as_list(values)))
            for operator, tests in statement.get("Condition", {}).items()
            for key, values in tests.items()
        )
        principals = frozenset(principals_of(statement.get("Principal", {})))
        for action in as_list(statement["Action"]):
            found += [
                Grant(place, statement["Effect"], action, resource, principals, conditions)
                # The policy that says who may assume a role is about the role.
                for resource in as_list(statement.get("Resource", "*"))
            ]
    return found


def allows(grants: Iterable[Grant], need: Need) -> bool:
    """Whether some statement allows what is needed, and none denies it."""
    covering = [grant for grant in grants if grant.covers(need)]
    return any(grant.effect == "Allow" for grant in covering) and all(grant.effect == "Allow" for grant in covering)


def principals_of(principal: Any) -> list[str]:
    """Who is meant: `*`, a service or a role."""
    if isinstance(principal, str):
        return [principal]
    return [one for kind in principal.values() for one in as_list(kind)]


def holds(operator: str, value: str | None, wanted: Iterable[str]) -> bool:
    """Whether a condition is met. One on a key that the request does not carry is not."""
    if operator not in ("StringEquals", "StringLike", "ArnEquals", "ArnLike"):
        raise Problem(f"Conditions with {operator} are not understood.")
    if value is None:
        return False
    if operator == "StringEquals":
        return value in wanted
    # ArnEquals is the same as ArnLike ("IAM JSON policy elements: Condition operators", IAM User Guide).
    return any(matches(pattern, value) for pattern in wanted)


def matches(pattern: str, value: str) -> bool:
    """Whether a pattern with `*` and `?` stands for a text. A `*` of the text is taken as it is: only a `*` stands for it."""
    return expression(pattern).fullmatch(value) is not None


@cache
def expression(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression."""
    return re.compile("".join({"*": ".*", "?": "[^*]"}.get(character, re.escape(character)) for character in pattern))


def as_list(value: Any) -> list[Any]:
    """One or many, as many."""
    return value if isinstance(value, list) else [value]
