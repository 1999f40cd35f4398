"""Users of merchants in the local user pool, and their ID tokens."""

import re
from typing import Any

from fluxo_local import loopback
from fluxo_local.aws import signed_for
from fluxo_local.problem import Problem
from fluxo_local.profile import Profile

ROLES = ("clerk", "viewer")
OPERATOR = "operator"
PASSWORD_DIGITS = 10


def name_of(merchant: str, role: str) -> str:
    """The name of the merchant's user of that role. The role comes first, because a merchant may be called anything."""
    return f"{role}.{merchant}"


def password_of(profile: Profile) -> str:
    """The password of all users of the profile: upper and lower case, a digit and a symbol, as the pool's policy demands."""
    return f"Local-1{profile.secret('users_password')[:PASSWORD_DIGITS]}"


def id_token(profile: Profile, merchant: str, role: str) -> str:
    """Signs in as the merchant's user of that role, who is created if missing."""
    if not re.fullmatch("[!-~]{1,64}", merchant):
        raise Problem("A merchant's id has 1 to 64 visible ASCII characters.")
    stack = profile.stack()
    user, password = name_of(merchant, role), password_of(profile)
    token = sign_in(stack, user, password)
    if not token:
        create(stack, user, password, merchant, role)
        token = sign_in(stack, user, password)
    if not token:
        raise Problem(f"Signing in as {user} has failed.")
    return token


def sign_in(stack: dict[str, Any], user: str, password: str) -> str | None:
    """The ID token, or None when there is no such user with that password."""
    status, answer = cognito(
        stack,
        "InitiateAuth",
        {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": stack["user_pool_client_id"],
            "AuthParameters": {"USERNAME": user, "PASSWORD": password},
        },
    )
    return answer["AuthenticationResult"]["IdToken"] if status == 200 and "AuthenticationResult" in answer else None


def create(stack: dict[str, Any], user: str, password: str, merchant: str, role: str) -> None:
    """Creates the user. Several may do so at once: the password comes last, so whoever can sign in is in the group."""
    subject = {"UserPoolId": stack["user_pool_id"], "Username": user}
    attributes = [{"Name": "custom:merchant_id", "Value": merchant}]
    steps = [
        # The one that the engine would make up itself is too short for the pool.
        ("AdminCreateUser", {"UserAttributes": attributes, "MessageAction": "SUPPRESS", "TemporaryPassword": f"{password}-once"}),
        ("AdminAddUserToGroup", {"GroupName": role}),
        # On this machine, who writes also looks at the executions. Only a stack with a console has the group.
        *([("AdminAddUserToGroup", {"GroupName": OPERATOR})] if role == "clerk" and "console_url" in stack else []),
        ("AdminSetUserPassword", {"Password": password, "Permanent": True}),
    ]
    for operation, arguments in steps:
        status, answer = cognito(stack, operation, subject | arguments)
        if status != 200 and not answer["__type"].endswith("UsernameExistsException"):
            raise Problem(f"{operation} for {user} was refused: {answer.get('message', answer)}")


def cognito(stack: dict[str, Any], operation: str, arguments: dict[str, Any]) -> tuple[int, Any]:
    """Calls the user pool. Plain HTTP rather than the AWS SDK, whose import alone takes longer than all of this."""
    return loopback.request_json(
        stack["port"],
        "POST",
        "/",
        arguments,
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
            "Authorization": signed_for("cognito-idp"),
        },
    )
