"""Reads template.yaml as CloudFormation would with given parameters: conditions decided, references to parameters replaced."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cost.problem import Problem

CHECKOUT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = CHECKOUT / "template.yaml"
FUNCTION = "AWS::Serverless::Function"

# What stands for a property or a member of a list that is left out.
NO_VALUE = object()
ALWAYS = {"Fn::Equals": ["", ""]}


# The one in C is eight times as fast, and not everywhere.
class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML with CloudFormation's short forms: `!Ref X` reads as `{"Ref": "X"}`."""


def read_short_form(loader: Loader, name: str, node: yaml.Node) -> Any:
    """One tagged value."""
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


Loader.add_multi_constructor("!", read_short_form)


@cache
def read(path: Path) -> dict[str, Any]:
    """A template as it is written. Nobody changes it."""
    with path.open() as file:
        return yaml.load(file, Loader)


class Stack:
    """The template deployed with these parameters, the others having their defaults."""

    def __init__(self, document: Mapping[str, Any], parameters: Mapping[str, str] | None = None) -> None:
        self._document = document
        self._parameters = dict(parameters or {})
        # Neither changes, and a cost is computed from a few properties that are asked for thousands of times.
        self._conditions: dict[str, bool] = {}
        self._resources: dict[str, dict[str, dict[str, Any]]] = {}
        self._functions: dict[str, dict[str, Any]] = {}
        unknown = self._parameters.keys() - document.get("Parameters", {}).keys()
        if unknown:
            raise Problem(f"The template has no parameter {', '.join(sorted(unknown))}.")

    @classmethod
    def load(cls, path: Path = TEMPLATE, parameters: Mapping[str, str] | None = None) -> "Stack":
        """Reads a template."""
        return cls(read(path), parameters)

    def having(self, parameters: Mapping[str, str]) -> "Stack":
        """The same with some parameters changed."""
        return Stack(self._document, {**self._parameters, **parameters})

    def parameter(self, name: str) -> str:
        """The value of a parameter. CloudFormation's are all text."""
        if name in self._parameters:
            return self._parameters[name]
        declared = self._document.get("Parameters", {}).get(name)
        if declared is None:
            raise Problem(f"The template has no parameter {name}.")
        if "Default" not in declared:
            raise Problem(f"The parameter {name} has no default, and what it decides costs something: say what it is.")
        return text_of(declared["Default"])

    def parameters(self) -> list[str]:
        """The names of the template's parameters."""
        return list(self._document.get("Parameters", {}))

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of this type that are deployed, by their names in the template. Nobody changes them."""
        if kind not in self._resources:
            self._resources[kind] = {
                name: self.resolve(resource.get("Properties", {}))
                for name, resource in self._document["Resources"].items()
                if resource["Type"] == kind and self._is_deployed(resource)
            }
        return self._resources[kind]

    def deployed(self) -> dict[str, dict[str, Any]]:
        """Every resource that is deployed, as the template declares it, by its name there."""
        return {name: self.resolve(resource) for name, resource in self._document["Resources"].items() if self._is_deployed(resource)}

    def required(self, kind: str) -> dict[str, dict[str, Any]]:
        """As `resources`, but there has to be one: in the template, deployed or not."""
        if all(resource["Type"] != kind for resource in self._document["Resources"].values()):
            raise Problem(f"The template has no {kind}, whose cost was to be computed.")
        return self.resources(kind)

    def only(self, kind: str) -> dict[str, Any]:
        """The properties of the one resource of this type."""
        found = self.required(kind)
        if len(found) != 1:
            raise Problem(f"The template deploys {len(found)} resources of the type {kind}; one was expected.")
        return next(iter(found.values()))

    def function(self, name: str) -> dict[str, Any]:
        """The properties of a function, with what the template's Globals say of all. Nobody changes them."""
        if name not in self._functions:
            functions = self.resources(FUNCTION)
            if name not in functions:
                raise Problem(f"The template deploys no function {name}.")
            of_all = self.resolve(self._document.get("Globals", {}).get("Function", {}))
            self._functions[name] = merged(of_all, functions[name])
        return self._functions[name]

    def refusals(self, region: str, without: tuple[str, ...] = ()) -> list[str]:
        """What the template's rules say against these parameters in a region, but for the rules left out."""
        return [
            assertion["AssertDescription"]
            for name, rule in self._document.get("Rules", {}).items()
            if name not in without and self._holds(rule.get("RuleCondition", ALWAYS), region)
            for assertion in rule["Assertions"]
            if not self._holds(assertion["Assert"], region)
        ]

    def binary(self, function: str) -> str:
        """The program that a function of the template runs."""
        try:
            return self._document["Resources"][function]["Metadata"]["BuildProperties"]["Binary"]
        except KeyError:
            raise Problem(f"The template does not say which program the function {function} runs.") from None

    def resolve(self, value: Any) -> Any:
        """The value with parameters and conditions put in. What only AWS or whoever deploys knows stays a reference."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if value.keys() == {"Ref"}:
            return self._reference(value["Ref"])
        if value.keys() == {"Fn::If"}:
            condition, then, otherwise = value["Fn::If"]
            return self.resolve(then if self.condition(condition) else otherwise)
        resolved = {name: self.resolve(inner) for name, inner in value.items()}
        return {name: inner for name, inner in resolved.items() if inner is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self._conditions:
            try:
                expression = self._document["Conditions"][name]
            except KeyError:
                raise Problem(f"The template has no condition {name}.") from None
            self._conditions[name] = self._holds(expression)
        return self._conditions[name]

    def _is_deployed(self, resource: Mapping[str, Any]) -> bool:
        return "Condition" not in resource or self.condition(resource["Condition"])

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        declared = self._document.get("Parameters", {}).get(name)
        known = name in self._parameters or (declared is not None and "Default" in declared)
        return self.parameter(name) if known else {"Ref": name}

    def _holds(self, expression: Mapping[str, Any], region: str | None = None) -> bool:
        """Whether a condition holds, or, of rules, an assertion. Only those of rules depend on the region."""
        ((operator, operands),) = expression.items()
        match operator:
            case "Condition":
                return self.condition(operands)
            case "Fn::Not":
                return not self._holds(operands[0], region)
            case "Fn::And":
                return all(self._holds(operand, region) for operand in operands)
            case "Fn::Or":
                return any(self._holds(operand, region) for operand in operands)
            case "Fn::Contains" if region is not None:
                options, wanted = operands
                return (region if wanted == {"Ref": "AWS::Region"} else self._operand(wanted)) in options
            case "Fn::Equals":
                left, right = (self._operand(operand) for operand in operands)
                return left == right
            case _:
                raise Problem(f"Conditions with {operator} are not supported.")

    def _operand(self, operand: Any) -> Any:
        """What `Equals` compares: text, or conditions."""
        if isinstance(operand, Mapping) and operand.keys() <= {"Condition", "Fn::Not", "Fn::And", "Fn::Or", "Fn::Equals"}:
            return self._holds(operand)
        value = self.resolve(operand)
        if isinstance(value, Mapping) and "Ref" in value:
            # What only AWS knows, such as the account, is none of what a template can compare it with here.
            return value if value["Ref"].startswith("AWS::") else self.parameter(value["Ref"])
        return text_of(value)


def merged(of_all: Any, own: Any) -> Any:
    """What a resource has, with what SAM adds to it from the Globals: maps are merged, lists added, everything else is replaced."""
    if isinstance(of_all, list) and isinstance(own, list):
        return of_all + own
    if not isinstance(of_all, Mapping) or not isinstance(own, Mapping):
        return own
    return dict(of_all) | {name: merged(of_all.get(name), value) for name, value in own.items()}


def text_of(value: Any) -> Any:
    """A value as CloudFormation compares it: numbers and truth values are text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def target_of(reference: Any, attribute: str = "Arn") -> str:
    """The name of the resource that `!GetAtt Name.Arn` leads to."""
    if isinstance(reference, Mapping) and reference.keys() == {"Fn::GetAtt"} and reference["Fn::GetAtt"][1:] == [attribute]:
        return reference["Fn::GetAtt"][0]
    raise Problem(f"{reference} does not name a resource of the template.")
