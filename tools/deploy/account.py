"""An AWS account in one region, asked with limits: every call ends, and what it may not ask is said."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    LoginError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from deploy.problem import Problem

LIMITS = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3})
# For many questions of one kind: it asks as fast as AWS answers.
PATIENT = Config(connect_timeout=5, read_timeout=15, retries={"mode": "adaptive", "total_max_attempts": 10})
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "UnauthorizedException"}
SIGN_IN = "sign in (aws sso login, aws login, or AWS_PROFILE) until `aws sts get-caller-identity` answers, then run this again"
# They are there, and half, expired or not to be had.
NO_CREDENTIALS = (CredentialRetrievalError, LoginError, PartialCredentialsError, SSOError, TokenRetrievalError)
# Where IAM calls an operation otherwise than the API does.
ACTIONS = {"apigateway:GetAccount": "apigateway:GET"}


class NotAnswered(Exception):
    """A question that stays open: it may not be asked, or no answer came."""

    def __init__(self, action: str, reason: str, is_denied: bool = False) -> None:
        super().__init__(reason)
        self.action = action
        self.is_denied = is_denied


class NotThere(Exception):
    """What was asked for does not exist."""


class Account:
    """One account in one region."""

    def __init__(self, session: boto3.Session, limits: Config = LIMITS) -> None:
        self._session = session
        self._limits = limits
        if not session.region_name:
            raise Problem("No region is chosen: give REGION=…, or set AWS_DEFAULT_REGION or the region of the profile.")
        self.region: str = session.region_name
        self._clients: dict[tuple[str, str | None], Any] = {}

    @classmethod
    def of_shell(cls, region: str | None = None, profile: str | None = None, limits: Config = LIMITS) -> "Account":
        """The account that the credentials of this shell lead to."""
        try:
            return cls(boto3.Session(region_name=region, profile_name=profile), limits)
        except ProfileNotFound as error:
            raise Problem(f"{error}: name another one with AWS_PROFILE.") from None

    def sign_in(self) -> str:
        """The account's number, if there are credentials that AWS takes."""
        try:
            return self.client("sts").get_caller_identity()["Account"]
        except NoCredentialsError:
            raise Problem(f"There are no AWS credentials in this shell: {SIGN_IN}.") from None
        except NO_CREDENTIALS as error:
            raise Problem(f"The AWS credentials of this shell cannot be used ({first_line(error)}): {SIGN_IN}.") from None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise Problem(
                f"AWS does not take these credentials in {self.region} ({code}): {SIGN_IN}; a region that is off by default has to be "
                "enabled for the account first."
            ) from None
        except BotoCoreError as error:
            raise Problem(f"AWS does not answer in {self.region} ({first_line(error)}): check the region's name and the network.") from None

    @cached_property
    def number(self) -> str:
        """The account's number."""
        return self.sign_in()

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of a service: in the account's region, unless another is named."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._session.client(service, region_name=region, config=self._limits)
        return self._clients[service, region]

    def ask(
        self, service: str, operation: str, missing: tuple[str, ...] = (), region: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """One answer. `missing` are the error codes that say that what was asked for is not there."""
        client = self.client(service, region)
        action = action_of(client, operation)
        try:
            return getattr(client, operation)(**parameters)
        except ClientError as error:
            raise self._not_answered(action, error, missing) from None
        except BotoCoreError as error:
            raise NotAnswered(action, f"no answer ({first_line(error)})") from None

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """All pages of an answer."""
        client = self.client(service)
        action = action_of(client, operation)
        try:
            yield from client.get_paginator(operation).paginate(**parameters)
        except ClientError as error:
            raise self._not_answered(action, error, ()) from None
        except BotoCoreError as error:
            raise NotAnswered(action, f"no answer ({first_line(error)})") from None

    def _not_answered(self, action: str, error: ClientError, missing: tuple[str, ...]) -> Exception:
        code = error.response["Error"]["Code"]
        if code in missing:
            return NotThere(code)
        if code in DENIED:
            return NotAnswered(action, f"these credentials may not call {action}", is_denied=True)
        return NotAnswered(action, f"{action} was answered with {code}")


def action_of(client: Any, operation: str) -> str:
    """What IAM calls an operation, such as `ec2:DescribeSubnets`."""
    action = f"{client.meta.service_model.signing_name}:{client.meta.method_to_api_mapping[operation]}"
    return ACTIONS.get(action, action)


def first_line(error: Exception) -> str:
    """Without addresses and traces behind."""
    return str(error).splitlines()[0].split(" for url")[0].rstrip(".")
