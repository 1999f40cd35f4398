"""An account whose answers are given beforehand. botocore checks each call and each answer against the service's model."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.stub import Stubber
from deploy.account import Account

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/fluxo/51af3dc0-da77-11e4-872e-1234567db123"


class ScriptedAccount(Account):
    """Answers what is expected of it, in that order."""

    def __init__(self) -> None:
        session = boto3.Session(region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
        super().__init__(session)
        self._stubs: dict[str, Stubber] = {}
        self.calls: dict[str, list[str]] = defaultdict(list)

    def client(self, service: str, region: str | None = None) -> Any:
        """A client that calls nobody."""
        client = super().client(service, region)
        if service not in self._stubs:
            self._stubs[service] = Stubber(client)
            self._stubs[service].activate()
        return client

    def expect(self, service: str, operation: str, parameters: dict[str, Any], answer: dict[str, Any]) -> None:
        """The next call of a service."""
        self.client(service)
        self._stubs[service].add_response(operation, answer, parameters)

    def expect_error(self, service: str, operation: str, code: str, message: str = "") -> None:
        """The next call of a service, which is refused."""
        self.client(service)
        self._stubs[service].add_client_error(operation, code, message)

    def assert_all_asked(self) -> None:
        """Nothing that was expected is still open."""
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


def described(status: str, protection: str = "false", termination: bool = False) -> dict[str, Any]:
    """An answer of DescribeStacks."""
    stack = {
        "StackName": "fluxo",
        "StackId": STACK,
        "StackStatus": status,
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
        "EnableTerminationProtection": termination,
        "Parameters": [
            {"ParameterKey": "DeletionProtection", "ParameterValue": protection},
            {"ParameterKey": "LedgerPassword", "ParameterValue": "****"},
        ],
    }
    return {"Stacks": [stack]}


def resources(**kinds: str) -> dict[str, Any]:
    """An answer of ListStackResources: the types of resources by their names."""
    return {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": f"fluxo-{name}",
                "ResourceType": kind,
                "ResourceStatus": "CREATE_COMPLETE",
                "LastUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
            }
            for name, kind in kinds.items()
        ]
    }
