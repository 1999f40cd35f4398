"""The template as it is deployed with given parameters: processed by SAM, conditions decided, and every name and ARN made up."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cost.template import Stack

from rights import Problem
from rights.combinations import REGION, conditions_in, parameters_in
from rights.policies import as_list

ACCOUNT, STACK = "123456789012", "fluxo"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": STACK,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/0f1e2d3c",
}


def arn(service: str, resource: str) -> str:
    """An ARN of the account."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


# What `Ref` answers where it is not the name, and attributes that are compared with others.
ATTRIBUTES: dict[str, dict[str, str]] = {
    "AWS::DynamoDB::Table": {"Arn": arn("dynamodb", "table/{name}"), "StreamArn": arn("dynamodb", "table/{name}/stream/2026-11-28")},
    "AWS::ElastiCache::ServerlessCache": {"Endpoint.Address": "{name}.serverless.cache.amazonaws.com", "Endpoint.Port": "6379"},
    "AWS::Events::EventBus": {"Arn": arn("events", "event-bus/{name}")},
    "AWS::Events::Rule": {"Arn": arn("events", "rule/{name}")},
    "AWS::IAM::Role": {"Arn": f"arn:aws:iam::{ACCOUNT}:role/{{name}}"},
    "AWS::KMS::Key": {"Arn": arn("kms", "key/{name}")},
    "AWS::Lambda::Function": {"Arn": arn("lambda", "function:{name}")},
    # With `:*` for its streams.
    "AWS::Logs::LogGroup": {"Arn": arn("logs", "log-group:{name}:*")},
    "AWS::MSK::Cluster": {"Ref": arn("kafka", "cluster/{name}/0f1e2d3c-1")},
    "AWS::MSK::Topic": {"Ref": arn("kafka", "topic/Log/0f1e2d3c-1/{name}")},
    "AWS::RDS::DBCluster": {
        "DBClusterResourceId": "cluster-{name}",
        "Endpoint.Address": "{name}.cluster.rds.amazonaws.com",
        "MasterUserSecret.SecretArn": arn("secretsmanager", "secret:rds!{name}"),
    },
    "AWS::RDS::DBProxy": {"DBProxyArn": arn("rds", "db-proxy:prx-{name}"), "Endpoint": "{name}.proxy.rds.amazonaws.com"},
    "AWS::SecretsManager::Secret": {"Ref": arn("secretsmanager", "secret:{name}")},
    "AWS::SQS::Queue": {"Ref": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{{name}}", "Arn": arn("sqs", "{name}")},
    "AWS::StepFunctions::StateMachine": {"Ref": arn("states", "stateMachine:{name}"), "Arn": arn("states", "stateMachine:{name}")},
}


# Resources that need no right, give none and are on no way.
APART = ("AWS::CloudWatch::", "AWS::Cognito::")


class Template:
    """A processed template, and what its resources come to: the same for all parameters that a resource does not depend on."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._uses: dict[str, tuple[list[str], list[str]]] = {}
        self._decided: dict[str, dict[Any, dict[str, Any]]] = {}

    def changed(self, name: str, body: Mapping[str, Any] | None) -> "Template":
        """The template with another body of this resource, or without it."""
        others = {other: resource for other, resource in self.document["Resources"].items() if other != name}
        changed = Template({**self.document, "Resources": others if body is None else {**others, name: body}})
        # The others are what they were.
        changed._uses = {other: uses for other, uses in self._uses.items() if other != name}
        changed._decided = {other: decided for other, decided in self._decided.items() if other != name}
        return changed

    def decided(self, name: str, stack: "Deployed") -> dict[str, Any]:
        """A resource as it is deployed."""
        resource = self.document["Resources"][name]
        if name not in self._uses:
            self._uses[name] = (sorted(conditions_in(resource, self.document)), sorted(parameters_in(resource, self.document)))
        conditions, parameters = self._uses[name]
        decided = self._decided.setdefault(name, {})
        key = (*map(stack.condition, conditions), *map(stack.parameter, parameters))
        if key not in decided:
            properties = stack.resolve(resource.get("Properties", {}))
            after = mentioned(properties) | set(as_list(resource.get("DependsOn", [])))
            decided[key] = {"Type": resource["Type"], "Properties": stack.concrete(properties), "After": after}
        return decided[key]


class Deployed(Stack):
    """A processed template with these parameters."""

    def __init__(self, template: Template, parameters: Mapping[str, str]) -> None:
        super().__init__(template.document, parameters)
        self.template = template
        self.document = template.document
        self._types: dict[str, dict[str, dict[str, Any]]] = {}

    @cached_property
    def all(self) -> dict[str, dict[str, Any]]:
        """The resources that are deployed, by name, each with `Type`, `Properties` and, in `After`, what it refers to."""
        return {
            name: self.template.decided(name, self)
            for name, resource in self.document["Resources"].items()
            if not resource["Type"].startswith(APART) and self._is_deployed(resource)
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the deployed resources of a type, by name."""
        if kind not in self._types:
            self._types[kind] = {name: resource["Properties"] for name, resource in self.all.items() if resource["Type"] == kind}
        return self._types[kind]

    def name_of(self, identifier: Any) -> str | None:
        """The resource that an ARN, URL or name belongs to."""
        return self._by_identifier.get(identifier) if isinstance(identifier, str) else None

    def name_of_host(self, host: str) -> str | None:
        """The store that is at a host name, which is taken for the same in upper and lower case."""
        return next((name for address, name in self._by_identifier.items() if address.lower() == host.lower()), None)

    def identifier(self, name: str, attribute: str = "Ref") -> str:
        """What `Ref` or `GetAtt` answers."""
        kind = self.document["Resources"][name]["Type"]
        known = ATTRIBUTES.get(kind, {}).get(attribute)
        if known is not None:
            return known.format(name=name)
        return name if attribute in ("Ref", "Name") else f"{name}.{attribute}"

    def before(self, name: str) -> set[str]:
        """The resources that are there before this one is made: all that it refers to, by itself or through others."""
        found: set[str] = set()
        left = [name]
        while left:
            new = self.all[left.pop()]["After"] & self.all.keys() - found
            found |= new
            left += new
        return found

    @cached_property
    def _by_identifier(self) -> dict[str, str]:
        found = {}
        for name, resource in self.all.items():
            for attribute in {"Ref", "Arn", *ATTRIBUTES.get(resource["Type"], {})}:
                found[self.identifier(name, attribute)] = name
        return found

    def concrete(self, value: Any) -> Any:
        """The value with what only AWS knows made up."""
        if isinstance(value, list):
            return [self.concrete(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._call(function, argument)
        return {name: self.concrete(inner) for name, inner in value.items()}

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._named(argument)
            case "Fn::GetAtt":
                name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                return self.identifier(name, attribute)
            case "Fn::Sub":
                text, given = argument if isinstance(argument, list) else (argument, {})
                return self._substituted(text, {name: self.concrete(inner) for name, inner in given.items()})
            case "Fn::Join":
                separator, parts = argument
                return separator.join(self.concrete(parts))
            case "Fn::Split":
                separator, text = argument
                return self.concrete(text).split(separator)
            case "Fn::Select":
                index, values = argument
                return self.concrete(values)[int(index)]
            case "Fn::GetAZs":
                return [f"{REGION}a", f"{REGION}b", f"{REGION}c"]
            case "Fn::Cidr":
                return [f"{self.concrete(argument[0])}#{index}" for index in range(int(argument[1]))]
            case _:
                raise Problem(f"The template uses {function}, which is not understood: extend deployed.py.")

    def _named(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        return self.identifier(name) if name in self.document["Resources"] else self.parameter(name)

    def _substituted(self, text: str, given: Mapping[str, str]) -> str:
        parts = text.split("${")
        done = [parts[0]]
        for part in parts[1:]:
            name, rest = part.split("}", 1)
            value = given[name] if name in given else self._call("Fn::GetAtt", name) if "." in name else self._named(name)
            done += [value, rest]
        return "".join(done)


def mentioned(value: Any) -> set[str]:
    """Every name that a value with conditions decided refers to, of resources or not."""
    if isinstance(value, list):
        return set().union(*map(mentioned, value))
    if not isinstance(value, Mapping):
        return set()
    found: set[str] = set()
    for name, inner in value.items():
        if name == "Ref":
            found.add(inner)
        elif name == "Fn::GetAtt":
            found.add(inner[0] if isinstance(inner, list) else inner.split(".")[0])
        elif name == "Fn::Sub":
            text, given = inner if isinstance(inner, list) else (inner, {})
            found |= {part.split("}")[0].split(".")[0] for part in text.split("${")[1:]} | mentioned(given)
        else:
            found |= mentioned(inner)
    return found
