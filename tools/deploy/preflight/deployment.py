"""What is to be deployed, and what is there already."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cost.template import FUNCTION, Stack

from deploy.account import Account, NotThere
from deploy.stage import Stage

# In the place of a part of the stack's id, which a stack that is not there does not have. As long as that, and of no stack.
CREATION = "creation"


@dataclass(frozen=True)
class Resource:
    """One resource of a stack that exists."""

    kind: str
    physical_id: str


@dataclass(frozen=True)
class Existing:
    """The stack as it is."""

    status: str
    parameters: Mapping[str, str]
    resources: Mapping[str, Resource]
    """By their names in the template."""

    def has(self, physical_id: str) -> bool:
        """Whether something of this name or id belongs to it. Names are compared as AWS does where it lowers them."""
        return any(resource.physical_id.lower() == physical_id.lower() for resource in self.resources.values())


@dataclass(frozen=True)
class Deployment:
    """A stage, the account that it goes to, and what the template makes of its parameters."""

    account: Account
    stage: Stage
    existing: Existing | None
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What the stage does not say and the stack keeps."""

    @cached_property
    def template(self) -> Stack:
        """The template with the stage's parameters, those that the stack keeps, and the defaults."""
        return Stack.load(parameters={**self.defaults, **self.stage.parameters})

    @property
    def region(self) -> str:
        """The region that it goes to."""
        return self.account.region

    def made(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of a type that there will be."""
        return self.template.resources(kind)

    def is_made(self, kind: str) -> bool:
        """Whether there will be one of this type."""
        return bool(self.made(kind))

    def named(self, value: Any) -> str:
        """A name of the template that follows from the stack's."""
        match value:
            case {"Ref": "AWS::StackName"}:
                return self.stage.stack_name
            case {"Fn::Select": _}:
                return CREATION
            case {"Fn::Sub": [text, given]}:
                for name, inner in given.items():
                    text = text.replace(f"${{{name}}}", self.named(inner))
            case {"Fn::Sub": text}:
                pass
            case text:
                pass
        return text.replace("${AWS::StackName}", self.stage.stack_name).replace("${AWS::Region}", self.region)

    def names(self, kind: str, name_property: str) -> list[str]:
        """The fixed names of the resources of a type that there will be."""
        return [self.named(properties[name_property]) for properties in self.made(kind).values() if name_property in properties]

    def functions(self) -> dict[str, dict[str, Any]]:
        """The functions that there will be."""
        return self.made(FUNCTION)

    def standing(self, name: str) -> str | None:
        """The id of a resource that the stack has already, by its name in the template."""
        resource = self.existing.resources.get(name) if self.existing else None
        return resource.physical_id if resource else None

    def owns(self, physical_id: str) -> bool:
        """Whether the stack that exists has it already."""
        return self.existing is not None and self.existing.has(physical_id)


# What CloudFormation says of a change set that never ran: there is a name, and nothing under it.
NOTHING_YET = "REVIEW_IN_PROGRESS"


def look_up(account: Account, stack_name: str) -> Existing | None:
    """The stack of this name, if there is one."""
    try:
        answer = account.ask("cloudformation", "describe_stacks", missing=("ValidationError",), StackName=stack_name)
    except NotThere:
        return None
    stack = answer["Stacks"][0]
    if stack["StackStatus"] == NOTHING_YET:
        return None
    return Existing(
        status=stack["StackStatus"],
        parameters={parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in stack.get("Parameters", [])},
        resources=dict(resources_of(account, stack_name)),
    )


def resources_of(account: Account, stack_name: str) -> Iterator[tuple[str, Resource]]:
    """The resources that a stack has, by their names in the template."""
    for page in account.pages("cloudformation", "list_stack_resources", StackName=stack_name):
        for resource in page["StackResourceSummaries"]:
            if "PhysicalResourceId" in resource and not resource["ResourceStatus"].startswith("DELETE_COMPLETE"):
                yield resource["LogicalResourceId"], Resource(resource["ResourceType"], resource["PhysicalResourceId"])


# CloudFormation shows stars for the value of a secret parameter, also for an empty one. What else there is tells whether it is given.
GIVEN_IF: Mapping[str, Callable[[Existing], bool]] = {
    "RedisUrl": lambda stack: all(resource.kind != "AWS::ElastiCache::ServerlessCache" for resource in stack.resources.values()),
    "LedgerPassword": lambda stack: stack.parameters.get("LedgerAuth") == "password",
    "LedgerLookupPassword": lambda stack: stack.parameters.get("LedgerAuth") == "password",
    "LedgerMaintenancePassword": lambda stack: stack.parameters.get("LedgerAuth") == "password",
    "LedgerOwnerPassword": lambda stack: bool(stack.parameters.get("LedgerOwnerUser")),
    "EntraClientSecret": lambda stack: bool(stack.parameters.get("EntraTenantId")),
}


def kept(existing: Existing | None, declared: set[str]) -> dict[str, str]:
    """The parameters that a stack keeps where the stage says nothing."""
    if existing is None:
        return {}
    hidden = {name for name, is_given in GIVEN_IF.items() if not is_given(existing)}
    return {name: "" if name in hidden else value for name, value in existing.parameters.items() if name in declared}
