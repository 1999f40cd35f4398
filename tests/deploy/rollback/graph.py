"""The resources of a stack and which of them need which, as CloudFormation sees them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from cost.template import Stack, text_of

# In the text of a Fn::Sub: `${Name}` and `${Name.Attribute}`, but not `${!Literal}`.
PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9:]+)(\.[A-Za-z0-9.]+)?\}")


@dataclass(frozen=True)
class Schema:
    """What the schema of a type says: the properties whose change makes another resource, and those that are its name."""

    create_only: frozenset[str] = frozenset()
    may_replace: frozenset[str] = frozenset()
    """Whose change makes another resource in some cases."""
    name: tuple[str, ...] = ()
    """Those that who writes the template may give. Empty if CloudFormation or the service makes the name."""

    @classmethod
    def of(cls, read: Mapping[str, Any]) -> "Schema":
        """From a type's schema, of whose paths only the property counts."""

        def properties(key: str) -> list[str]:
            return [path.split("/")[2] for path in read.get(key, [])]

        read_only = set(properties("readOnlyProperties"))
        identifier = tuple(properties("primaryIdentifier"))
        return cls(
            frozenset(properties("createOnlyProperties")),
            frozenset(properties("conditionalCreateOnlyProperties")),
            () if read_only & set(identifier) else identifier,
        )


@dataclass(frozen=True)
class Resource:
    """A resource that is deployed, with parameters and conditions put in."""

    name: str
    kind: str
    properties: Mapping[str, Any]
    needs: frozenset[str]
    """What it refers to or waits for."""
    deletion_policy: str
    replace_policy: str
    schema: Schema

    def given_name(self) -> tuple[Any, ...] | None:
        """The name that the template gives to it, if it does and no other resource is a part of that."""
        given = tuple(self.properties.get(name) for name in self.schema.name)
        return given if given and None not in given and not any(map(mentions_resource, given)) else None

    def name_of_any_creation(self) -> bool:
        """Whether the next stack of this name gives the same name again."""
        return self.given_name() is not None and "AWS::StackId" not in str(self.given_name())


class Graph:
    """The resources of one deployment by their names."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = {resource.name: resource for resource in resources}
        needs = {name: resource.needs for name, resource in self._resources.items()}
        self.order = tuple(TopologicalSorter(needs).static_order())
        """What is needed before what needs it, which is the order in which CloudFormation creates and updates.

        "Resource B is created before resource A. Resource A is deleted before resource B. Resource B is updated before resource A"
        (DependsOn attribute).
        """
        self._dependencies: dict[str, frozenset[str]] = {}
        for name in self.order:
            self._dependencies[name] = needs[name].union(*(self._dependencies[other] for other in needs[name]))

    def __getitem__(self, name: str) -> Resource:
        return self._resources[name]

    def __contains__(self, name: str) -> bool:
        return name in self._resources

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def dependencies(self, name: str) -> frozenset[str]:
        """Everything that it needs, directly or not."""
        return self._dependencies[name]

    def dependents(self, name: str) -> set[str]:
        """Everything that needs it, directly or not."""
        return {other for other in self.order if name in self._dependencies[other]}


def graph(document: Mapping[str, Any], parameters: Mapping[str, str], schemas: Mapping[str, Mapping[str, Any]]) -> Graph:
    """The graph of a template that has gone through SAM's transform."""
    stack = Stack(document, parameters)
    deployed = stack.deployed()
    resources = []
    for name, declared in deployed.items():
        properties = {key: put_in(value, stack) for key, value in declared.get("Properties", {}).items()}
        waits = declared.get("DependsOn", [])
        needs = {*references(properties), *([waits] if isinstance(waits, str) else waits)}
        policy = declared.get("DeletionPolicy", default_policy(declared["Type"], properties))
        resources.append(
            Resource(
                name,
                declared["Type"],
                properties,
                # What a condition excludes is not waited for.
                frozenset(needs & deployed.keys()),
                policy,
                declared.get("UpdateReplacePolicy", "Delete"),
                Schema.of(schemas.get(declared["Type"], {})),
            )
        )
    return Graph(resources)


def default_policy(kind: str, properties: Mapping[str, Any]) -> str:
    """What CloudFormation does at deletion when the template does not say.

    "The default policy is Snapshot for AWS::RDS::DBCluster resources and for AWS::RDS::DBInstance resources that don't specify the
    DBClusterIdentifier property" (DeletionPolicy attribute).
    """
    alone = kind == "AWS::RDS::DBInstance" and "DBClusterIdentifier" not in properties
    return "Snapshot" if kind == "AWS::RDS::DBCluster" or alone else "Delete"


def put_in(value: Any, stack: Stack) -> Any:
    """The value with what can be computed computed, so that two values differ only if what AWS gets differs."""
    if isinstance(value, list):
        return [put_in(item, stack) for item in value]
    if not isinstance(value, Mapping):
        return value
    value = {key: put_in(inner, stack) for key, inner in value.items()}
    match value:
        case {"Fn::Sub": text}:
            return substituted(text, stack)
        case {"Fn::Split": [separator, str(text)]}:
            return text.split(separator)
        case {"Fn::Select": [index, list(items)]}:
            return items[int(index)]
        case {"Fn::Join": [separator, list(parts)]} if all(isinstance(part, str) for part in parts):
            return separator.join(parts)
    return value


def substituted(text: Any, stack: Stack) -> Any:
    """A Fn::Sub with its parameters put in."""
    text, given = (text, {}) if isinstance(text, str) else text

    def replacement(found: re.Match[str]) -> str:
        name = found[1]
        value = given.get(name) if name in given else stack.resolve({"Ref": name})
        return text_of(value) if isinstance(text_of(value), str) and not found[2] else found[0]

    done = PLACEHOLDER.sub(replacement, text)
    names = {found[1] for found in PLACEHOLDER.finditer(done)}
    left = {name: value for name, value in given.items() if name in names}
    return {"Fn::Sub": [done, left] if left else done} if names else done


def references(value: Any) -> set[str]:
    """The names that a value refers to: of resources, and of AWS's own parameters."""
    if isinstance(value, list):
        return set().union(*map(references, value)) if value else set()
    if not isinstance(value, Mapping):
        return set()
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::GetAtt": str(path)}:
            return {path.split(".")[0]}
        case {"Fn::Sub": [str(text), Mapping() as given]}:
            return ({found[1] for found in PLACEHOLDER.finditer(text)} - given.keys()) | references(list(given.values()))
        case {"Fn::Sub": str(text)}:
            return {found[1] for found in PLACEHOLDER.finditer(text)}
    return references(list(value.values()))


def spelled(value: Any) -> str:
    """A name in one form, whatever it is put together from, so that two can be compared."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::Sub": [str(text), Mapping() as given]}:
            return PLACEHOLDER.sub(lambda found: spelled(given[found[1]]) if found[1] in given else found[0], text)
    return str(value)


def mentions_resource(value: Any) -> bool:
    """Whether a value refers to another resource, and not only to AWS's own parameters."""
    return any(not name.startswith("AWS::") for name in references(value))
