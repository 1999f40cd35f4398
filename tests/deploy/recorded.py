"""An AWS account that answers from a file: calls are made as ever, and each answer has to be one that AWS's API model allows.

The files in `answers/` are written after AWS's API models and documentation; none is of a real account.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ConnectTimeoutError
from botocore.model import OperationModel, Shape
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator
from deploy.account import Account

ANSWERS = Path(__file__).with_name("answers")
# What any service may answer, in no model.
ERRORS_OF_ALL = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Throttling", "ValidationError", "InvalidClientTokenId"}
# What EC2 answers, whose model has no errors.
ERRORS_OF_EC2 = {"InvalidSubnetID.NotFound"}


class Recorded:
    """The answers of one account, and what it was asked."""

    def __init__(self, name: str, *instead: Mapping[str, Any]) -> None:
        """`instead` comes before what the file says."""
        self._answers = [*instead, *read(name)]
        self.asked: list[str] = []
        self.sent: list[Mapping[str, Any]] = []
        """What calls that change something were given."""

    def account(self, region: str = "us-east-1") -> Account:
        """The account as the preflight meets it, until another one is asked for."""
        wire, account = wired(region)
        wire.recorded = self
        return account

    def answer(self, model: OperationModel, parameters: Mapping[str, Any]) -> tuple[SimpleNamespace, dict[str, Any]]:
        """What is recorded for a call."""
        operation = f"{model.service_model.service_name}.{model.name}"
        self.asked.append(operation)
        if model.name.startswith("Send"):
            self.sent.append(parameters)
        for recorded in self._answers:
            if recorded["operation"] == operation and recorded.get("for", {}).items() <= flat(parameters).items():
                return answered(recorded, model)
        raise AssertionError(f"{operation} with {parameters} is not among the answers")


class Wire:
    """What stands between botocore's clients and AWS."""

    recorded: Recorded

    def remember(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        """Keeps what is asked for as it was said."""
        context["asked_for"] = dict(params)

    def answer(self, model: OperationModel, context: Mapping[str, Any], **_: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
        """Answers in the place of AWS."""
        return self.recorded.answer(model, context["asked_for"])


@cache
def wired(region: str) -> tuple[Wire, Account]:
    """An account without a network. Its clients take longer to make than to use."""
    wire = Wire()
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)
    session.events.register("before-parameter-build", wire.remember)
    session.events.register("before-call", wire.answer)
    return wire, Account(session)


def read(name: str) -> Iterator[Mapping[str, Any]]:
    """The answers of a file, and after them those of the file that it is based on."""
    contents = json.loads((ANSWERS / f"{name}.json").read_text())
    yield from contents["answers"]
    if "based_on" in contents:
        yield from read(contents["based_on"])


def flat(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that can be compared: of filters, what they ask for."""
    plain = {name: value for name, value in parameters.items() if isinstance(value, str | int)}
    filters = {entry["Name"]: ",".join(entry["Values"]) for entry in parameters.get("Filters", [])}
    lists = {
        name: ",".join(value) for name, value in parameters.items() if isinstance(value, list) and all(isinstance(v, str) for v in value)
    }
    return plain | filters | lists


def answered(recorded: Mapping[str, Any], model: OperationModel) -> tuple[SimpleNamespace, dict[str, Any]]:
    """One answer, held against the model."""
    if recorded.get("error") == "timeout":
        raise ConnectTimeoutError(endpoint_url="https://example.amazonaws.com/")
    if "error" in recorded:
        modelled = {shape.error_code for shape in model.error_shapes} | ERRORS_OF_ALL
        if model.service_model.service_name == "ec2":
            modelled |= ERRORS_OF_EC2
        assert recorded["error"] in modelled, f"{model.name} is never answered with {recorded['error']}"
        return SimpleNamespace(status_code=400, headers={}), {
            "Error": {"Code": recorded["error"], "Message": "recorded"},
            "ResponseMetadata": {},
        }
    report = ParamValidator().validate(recorded["answer"], model.output_shape)
    assert not report.has_errors(), f"{model.name} is never answered so: {report.generate_report()}"
    return SimpleNamespace(status_code=200, headers={}), {**typed(recorded["answer"], model.output_shape), "ResponseMetadata": {}}


def typed(value: Any, shape: Shape) -> Any:
    """An answer as botocore hands it on: with times instead of texts."""
    match shape.type_name:
        case "timestamp":
            return parse_timestamp(value)
        case "list":
            return [typed(member, shape.member) for member in value]
        case "structure":
            return {name: typed(member, shape.members[name]) for name, member in value.items()}
    return value
