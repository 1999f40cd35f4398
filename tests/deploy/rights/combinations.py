"""The combinations of parameters that make different stacks, as far as a part of the template goes.

Each parameter has a few values that matter: those that the template compares it with, and one other. Which of them can be given
together, the template's rules say. Of the combinations that decide all that matters in the same way, one is kept. Parameters that stand
alone, or in twos, and switch one thing on or off are tried in each way with every combination of the others, but not all with each
other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from cost.template import Stack, text_of

from rights import Problem
from rights.policies import as_list

REGION = "sa-east-1"

# A value of each parameter that is another than those that the template compares it with.
OTHERS = {
    "ConsoleCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d",
    "ConsoleDomain": "caixa.example.com",
    "EdgeRateLimit": "2000",
    "EdgeWebAclArn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/own/0a1b2c3d",
    "EmulatorPort": "4566",
    "EntraTenantId": "00000000-0000-0000-0000-000000000000",
    "FunctionsSecurityGroupId": "sg-0f1e2d3c",
    "HostedDomainPrefix": "fluxo-123456789012",
    "LedgerHost": "ledger.example.com",
    "LedgerOwnerSecretArn": "arn:aws:secretsmanager:sa-east-1:123456789012:secret:owner-AbCdEf",
    "LedgerPort": "6432",
    "LedgerResourceId": "cluster-GIVEN",
    "PrivateSubnetIds": "subnet-0a,subnet-0b",
    "ReconcileSchedule": "rate(1 day)",
    "RedisUrl": "rediss://memory.example.com:6379",
    "SealSchedule": "rate(1 day)",
    "VpcId": "vpc-0f1e2d3c",
    "WebCallbackUrls": "https://app.example.com/",
    "WebLogoutUrls": "https://app.example.com/",
    "ZoneA": "sa-east-1a",
    "ZoneB": "sa-east-1b",
}


class Combinations:
    """The combinations of a template that matter to these parts of it."""

    def __init__(self, document: Mapping[str, Any], parts: Iterable[Any]) -> None:
        self._document = document
        self._conditions = document.get("Conditions", {})
        self._rules = {name: parameters_in(rule, document) for name, rule in document.get("Rules", {}).items()}
        parts = list(parts)
        self._mattering = {name: self._decided_by(name) for name in sorted(conditions_in(parts, document))}
        self._direct = parameters_in(parts, document)
        self._values = {name: self.values(name) for group in self._groups() for name in group}

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Parameters, one set for each way in which all that matters can be decided."""
        choices = list(map(self._choices, self._groups()))
        switches = [choice for choice in choices if len(choice) <= 3 and all(len(parameters) <= 2 for parameters in choice)]
        others = [choice for choice in choices if choice not in switches]
        for number, choice in enumerate(product(*others)):
            for turn in range(max(map(len, switches), default=1)):
                switched = [switch[((number >> place & 1) + turn) % len(switch)] for place, switch in enumerate(switches)]
                yield {name: value for parameters in (*choice, *switched) for name, value in parameters.items()}

    def _choices(self, group: set[str]) -> list[dict[str, str]]:
        """The different ways of a group of parameters."""
        conditions = [name for name, parameters in self._mattering.items() if parameters <= group]
        direct = sorted(self._direct & group)
        first = set(direct).union(*(self._mattering[name] for name in conditions))
        found: dict[Any, dict[str, str]] = {}
        for begun in self._complete({}, self._in_order(first)):
            # What does not matter is there for the rules: one way of it is as good as another.
            parameters = next(self._complete(begun, self._in_order(group - first)), None)
            if parameters is not None:
                stack = Stack(self._document, parameters)
                key = (*map(stack.condition, conditions), *(parameters[name] for name in direct))
                found.setdefault(key, parameters)
        return list(found.values())

    def _in_order(self, parameters: set[str]) -> list[str]:
        """Parameters of one rule behind each other, so that it is decided early."""
        by_rule = [name for names in self._rules.values() for name in sorted(names & parameters)]
        return list(dict.fromkeys([*by_rule, *sorted(parameters)]))

    def _groups(self) -> list[set[str]]:
        """The parameters that matter, together with those that a condition or rule ties them to."""
        groups: list[set[str]] = []
        for tied in [*self._mattering.values(), *self._rules.values()]:
            touched = [group for group in groups if group & tied]
            groups = [group for group in groups if not group & tied] + [tied.union(*touched)]
        mattering = set().union(*self._mattering.values())
        return [group for group in groups if group & mattering]

    def _decided_by(self, condition: str) -> set[str]:
        """The parameters that decide a condition, itself or through others."""
        names = conditions_in({"Condition": condition}, self._document)
        return parameters_in([self._conditions[name] for name in names], self._document)

    def values(self, name: str) -> list[str]:
        """The values of a parameter that matter."""
        declared = self._document["Parameters"][name]
        compared = [
            value
            for value in dict.fromkeys(compared_with(name, [self._conditions, self._document.get("Rules", {})]))
            if is_valid(declared, value)
        ]
        default = text_of(declared["Default"])
        candidates = [OTHERS.get(name, default), *map(text_of, declared.get("AllowedValues", [])), f"other-{name}"]
        other = next((value for value in candidates if value not in compared and is_valid(declared, value)), None)
        if other is None and "AllowedValues" not in declared:
            raise Problem(f"Say in OTHERS a value of the parameter {name}.")
        return sorted([*compared, *([other] if other is not None else [])], key=lambda value: value != default)

    def _complete(self, begun: dict[str, str], left: list[str]) -> Iterator[dict[str, str]]:
        if not left:
            yield begun
            return
        name = left[0]
        known = {*begun, name}
        undecided = tuple(rule for rule, tied in self._rules.items() if name not in tied or not tied <= known)
        for value in self._values[name]:
            tried = {**begun, name: value}
            if not Stack(self._document, tried).refusals(REGION, undecided):
                yield from self._complete(tried, left[1:])


def conditions_in(value: Any, document: Mapping[str, Any]) -> set[str]:
    """The conditions that a value depends on, and those that these are made of."""
    conditions = document.get("Conditions", {})
    found: set[str] = set()
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
        elif isinstance(one, Mapping):
            names = [one["Condition"]] if isinstance(one.get("Condition"), str) else []
            names += one["Fn::If"][:1] if "Fn::If" in one else []
            new = set(names) & conditions.keys() - found
            found |= new
            left += [*one.values(), *(conditions[name] for name in new)]
    return found


def parameters_in(value: Any, document: Mapping[str, Any]) -> set[str]:
    """The parameters that a value refers to."""
    if isinstance(value, list):
        return set().union(*(parameters_in(one, document) for one in value))
    if not isinstance(value, Mapping):
        return set()
    found = {value["Ref"]} if isinstance(value.get("Ref"), str) else set()
    for name, inner in value.items():
        if name == "Fn::Sub":
            found |= set(re.findall(r"\$\{([A-Za-z0-9]+)\}", as_list(inner)[0]))
        found |= parameters_in(inner, document)
    return found & document["Parameters"].keys()


def compared_with(parameter: str, value: Any) -> Iterator[str]:
    """What a template compares a parameter with."""
    if isinstance(value, list):
        for one in value:
            yield from compared_with(parameter, one)
    elif isinstance(value, Mapping):
        if "Fn::Equals" in value and {"Ref": parameter} in value["Fn::Equals"]:
            yield from (text_of(operand) for operand in value["Fn::Equals"] if not isinstance(operand, Mapping))
        for one in value.values():
            yield from compared_with(parameter, one)


def is_valid(declared: Mapping[str, Any], value: str) -> bool:
    """Whether a parameter can have this value."""
    if "AllowedValues" in declared and value not in map(text_of, declared["AllowedValues"]):
        return False
    if len(value) < int(declared.get("MinLength", 0)):
        return False
    if declared["Type"] == "Number" and not re.fullmatch(r"-?[\d.]+", value):
        return False
    if declared["Type"] == "Number":
        return float(declared.get("MinValue", "-inf")) <= float(value) <= float(declared.get("MaxValue", "inf"))
    return re.fullmatch(declared.get("AllowedPattern", r"[\s\S]*"), value) is not None
