"""A template as CloudFormation reads it: which resources there are for given parameters, and what their properties come to."""

import re
from collections.abc import Mapping
from typing import Any

NO_VALUE = "AWS::NoValue"
# Where rules take it to be deployed.
REGION = "us-east-1"


class Template:
    """A processed template with values for its parameters.

    Conditions and parameters are resolved. What only a deployment knows is left as a name: `Queue.Arn` for an attribute, `Queue`
    for a reference, `${AWS::Region}` for what belongs to the account.
    """

    def __init__(self, template: dict[str, Any], parameters: Mapping[str, str]) -> None:
        self._template = template
        unknown = set(parameters) - set(template["Parameters"])
        assert not unknown, f"no parameters of the template: {unknown}"
        defaults = {name: str(parameter.get("Default", "")) for name, parameter in template["Parameters"].items()}
        self._parameters = defaults | parameters

    def resources(self, of_type: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of a type that are made, by name."""
        return {
            name: self._value(resource.get("Properties", {}))
            for name, resource in self._template["Resources"].items()
            if resource["Type"] == of_type and ("Condition" not in resource or self._condition(resource["Condition"]))
        }

    def refusals(self) -> list[str]:
        """What the template's rules say against these parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self._template["Rules"].values()
            if "RuleCondition" not in rule or self._value(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._value(assertion["Assert"])
        ]

    def _condition(self, name: str) -> bool:
        return self._value(self._template["Conditions"][name])

    def _value(self, value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return self._parameters.get(name, name)
            case {"Condition": str(name)} if len(value) == 1:
                return self._condition(name)
            case {"Fn::If": [condition, then, otherwise]}:
                return self._value(then if self._condition(condition) else otherwise)
            case {"Fn::Equals": [left, right]}:
                return text(self._value(left)) == text(self._value(right))
            case {"Fn::Contains": [options, {"Ref": "AWS::Region"}]}:
                return REGION in options
            case {"Fn::Contains": [options, inner]}:
                return text(self._value(inner)) in options
            case {"Fn::Not": [operand]}:
                return not self._value(operand)
            case {"Fn::And": operands}:
                return all(self._value(operand) for operand in operands)
            case {"Fn::Or": operands}:
                return any(self._value(operand) for operand in operands)
            case {"Fn::GetAtt": [name, attribute]}:
                return f"{name}.{attribute}"
            case {"Fn::GetAtt": str(path)}:
                return path
            case {"Fn::Sub": [str(pattern), dict(names)]}:
                return self._substituted(pattern, {name: self._value(inner) for name, inner in names.items()})
            case {"Fn::Sub": str(pattern)}:
                return self._substituted(pattern, {})
            case {"Fn::Join": [separator, inner]}:
                return separator.join(self._value(inner))
            case {"Fn::Split": [separator, inner]}:
                return self._value(inner).split(separator)
            case {"Fn::Select": [index, inner]}:
                parts = self._value(inner)
                return parts[int(index)] if int(index) < len(parts) else f"{':'.join(parts)}[{index}]"
            case dict():
                resolved = {name: self._value(inner) for name, inner in value.items()}
                return {name: inner for name, inner in resolved.items() if inner != NO_VALUE}
            case list():
                return [resolved for inner in value if (resolved := self._value(inner)) != NO_VALUE]
        return value

    def _substituted(self, pattern: str, names: dict[str, Any]) -> str:
        """What is neither a name given nor a parameter stays as it is."""
        known = self._parameters | names
        return re.sub(r"\$\{([^!}]+)\}", lambda match: str(known.get(match[1], match[0])), pattern)


def text(value: Any) -> str:
    """A value as CloudFormation compares it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
