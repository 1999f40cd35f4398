"""A stack on AWS, as far as deploying and destroying ask about it."""

from typing import Any

from botocore.exceptions import ClientError, WaiterError

from deploy.problem import Problem
from deploy.protection import PARAMETER

# "Stack status codes" in AWS's "Describing and listing your stacks": from these, CloudFormation updates a stack.
STANDING = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
# The same: a change set was made and never carried out. There is nothing in it.
ONLY_PLANNED = "REVIEW_IN_PROGRESS"
# The same: all that was made is deleted. "When in this state, only a delete operation can be performed."
ROLLED_BACK = "ROLLBACK_COMPLETE"
# What CloudFormation shows of a parameter with NoEcho.
SECRET = "****"
# Nothing that deploying waits for takes longer: of the protected resources, Aurora is the slowest, with some minutes.
WAIT = {"Delay": 5, "MaxAttempts": 360}


class DeployedStack:
    """The stack of this name."""

    def __init__(self, cloudformation: Any, name: str) -> None:
        self._cloudformation = cloudformation
        self.name = name

    def describe(self) -> dict[str, Any] | None:
        """What CloudFormation says of it; nothing if there is none."""
        try:
            (stack,) = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            # CloudFormation has no code of its own for that.
            if error.response["Error"]["Message"].endswith("does not exist"):
                return None
            raise
        return None if stack["StackStatus"] == ONLY_PLANNED else stack

    def resources(self) -> dict[str, dict[str, Any]]:
        """What belongs to it, by the names in the template."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.name)
        listed = [resource for page in pages for resource in page["StackResourceSummaries"]]
        return {resource["LogicalResourceId"]: resource for resource in listed if resource["ResourceStatus"] != "DELETE_COMPLETE"}

    def open_change_sets(self) -> set[str]:
        """The change sets that could be carried out. When one is, CloudFormation deletes all others ("ExecuteChangeSet")."""
        try:
            pages = list(self._cloudformation.get_paginator("list_change_sets").paginate(StackName=self.name))
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return set()
            raise
        return {item["ChangeSetId"] for page in pages for item in page["Summaries"] if item["ExecutionStatus"] == "AVAILABLE"}

    def template(self) -> dict[str, Any]:
        """The template that it was deployed from, after SAM's transform."""
        return self._cloudformation.get_template(StackName=self.name, TemplateStage="Processed")["TemplateBody"]

    def remove_rolled_back(self) -> None:
        """Deletes what is left of a stack whose creation was rolled back: its name."""
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def protect_resources(self, described: dict[str, Any]) -> None:
        """Switches deletion protection on, and changes nothing else: the template and all other parameters stay as they are."""
        others = [parameter["ParameterKey"] for parameter in described["Parameters"] if parameter["ParameterKey"] != PARAMETER]
        self._cloudformation.update_stack(
            StackName=self.name,
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": PARAMETER, "ParameterValue": "true"},
                *({"ParameterKey": name, "UsePreviousValue": True} for name in others),
            ],
            # The second is for SAM's transform, which CloudFormation asks for when no change set was looked at.
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        self._wait("stack_update_complete")

    def set_termination_protection(self, enabled: bool, described: dict[str, Any]) -> None:
        """Whether CloudFormation refuses to delete the stack."""
        if described.get("EnableTerminationProtection", False) != enabled:
            self._cloudformation.update_termination_protection(StackName=self.name, EnableTerminationProtection=enabled)

    def _wait(self, waiter: str) -> None:
        try:
            self._cloudformation.get_waiter(waiter).wait(StackName=self.name, WaiterConfig=WAIT)
        except WaiterError as error:
            described = self.describe() or {}
            reason = described.get("StackStatusReason") or str(error)
            raise Problem(f"The stack {self.name} is {described.get('StackStatus', 'gone')}: {reason}") from error


def parameter(described: dict[str, Any], name: str) -> str | None:
    """The value that a stack has for a parameter."""
    return next((item["ParameterValue"] for item in described.get("Parameters", []) if item["ParameterKey"] == name), None)


def kept_parameters(described: dict[str, Any]) -> dict[str, str]:
    """What a stack keeps of its parameters when a deployment does not name them, as far as CloudFormation tells."""
    values = {item["ParameterKey"]: item["ParameterValue"] for item in described.get("Parameters", [])}
    # A stage that does not name protection means the template's default.
    return {name: value for name, value in values.items() if value != SECRET and name != PARAMETER}
