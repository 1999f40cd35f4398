"""Who may do what: tokens that do not hold, roles, users without a merchant."""

import pytest
from deployed.api import Answer, call
from deployed.merchant import DATE, Merchant, entry
from deployed.stack import BODIES, VARIABLES, Stack
from deployed.users import expired, signed_by_a_stranger, tampered, unsigned

TOKENS_THAT_DO_NOT_HOLD = {
    "none": lambda _stack, _merchant: None,
    "garbage": lambda _stack, _merchant: "garbage",
    "unsigned": lambda _stack, merchant: unsigned(merchant.token),
    "tampered merchant": lambda _stack, merchant: tampered(merchant.token, **{"custom:merchant_id": "somebody-else"}),
    "tampered groups": lambda stack, merchant: tampered(stack.users.id_token(merchant.id, "viewer"), **{"cognito:groups": ["clerk"]}),
    "without signature": lambda _stack, merchant: merchant.token.rsplit(".", 1)[0] + ".",
    "signed by a stranger": lambda _stack, merchant: signed_by_a_stranger(merchant.token),
    "expired": lambda stack, merchant: stack.users.sign(merchant.token, **expired()),
    "other issuer": lambda stack, merchant: stack.users.sign(merchant.token, iss="https://example.com/us-east-1_pool"),
    "other pool": lambda stack, merchant: stack.users.id_token_of_another_pool(merchant.id),
    "other audience": lambda stack, merchant: stack.users.id_token_for_another_client(merchant.id),
}


def every_answer(stack: Stack, token: str | None) -> dict[tuple[str, str], Answer]:
    """What every route of the deployed API answers someone with this token, to a request that is otherwise good."""
    return {
        (method, path): call(stack.url + path, method, token, BODIES.get((method, path)), {"Idempotency-Key": "key"})
        for method, path in stack.routes()
    }


def write_and_read(merchant: Merchant, token: str | None) -> list[Answer]:
    """What someone with this token is answered when they write and when they read."""
    url, key = merchant.stack.url, {"Idempotency-Key": "key"}
    return [call(f"{url}/entries", "POST", token, entry(), key), call(f"{url}/daily-balances/{DATE}", "GET", token)]


@pytest.mark.parametrize("kind", TOKENS_THAT_DO_NOT_HOLD)
def test_a_token_that_does_not_hold_is_refused_at_the_gateway(merchant: Merchant, stack: Stack, kind: str) -> None:
    executions = stack.workflow.names()
    token = TOKENS_THAT_DO_NOT_HOLD[kind](stack, merchant)
    for answer in write_and_read(merchant, token):
        assert (answer.status, answer.body) == (401, {"message": "Unauthorized"})
    assert stack.workflow.names() == executions


def test_a_token_signed_with_the_key_of_the_pool_holds(merchant: Merchant, stack: Stack) -> None:
    # Otherwise the tokens above that are signed so would be refused for a reason that is not theirs.
    assert [answer.status for answer in write_and_read(merchant, stack.users.sign(merchant.token))] == [202, 200]


def test_no_route_of_the_deployed_api_answers_without_a_token(stack: Stack) -> None:
    answers = every_answer(stack, None)
    assert ("POST", "/entries") in answers
    for route, answer in answers.items():
        assert answer.status == 401, route


def test_an_access_token_is_no_id_token(merchant: Merchant, stack: Stack) -> None:
    token = stack.users.tokens(merchant.id, ["clerk"])["AccessToken"]
    for route, answer in every_answer(stack, token).items():
        assert answer.problem == (403, "id_token_required"), route


def test_a_user_of_no_merchant_may_do_nothing(merchant: Merchant, stack: Stack) -> None:
    token = stack.users.tokens(None, ["clerk"])["IdToken"]
    for route, answer in every_answer(stack, token).items():
        assert answer.problem == (403, "merchant_missing"), route


@pytest.mark.parametrize("groups", [["viewer"], []], ids=str)
def test_who_is_no_clerk_reads_and_does_not_write(merchant: Merchant, stack: Stack, groups: list[str]) -> None:
    executions = stack.workflow.names()
    token = stack.users.tokens(merchant.id, groups)["IdToken"]
    for (method, path), answer in every_answer(stack, token).items():
        if method != "GET":
            assert answer.problem == (403, "clerk_required"), path
        else:
            # Nothing with this id is there.
            assert answer.status == (404 if VARIABLES["id"] in path else 200), path
    assert stack.workflow.names() == executions
    assert (merchant.day().entry_count, merchant.seals()) == (0, [])


def test_a_clerk_who_is_also_a_viewer_writes(merchant: Merchant, stack: Stack) -> None:
    token = stack.users.tokens(merchant.id, ["viewer", "clerk"])["IdToken"]
    assert [answer.status for answer in write_and_read(merchant, token)] == [202, 200]


def test_no_user_may_write_the_attribute_that_names_the_merchant(stack: Stack) -> None:
    # Whoever could would move into any merchant. The local engine does not enforce it, so the deployed setting is looked at.
    ids = {"UserPoolId": stack.ids["user_pool_id"], "ClientId": stack.ids["user_pool_client_id"]}
    client = stack.client("cognito-idp").describe_user_pool_client(**ids)["UserPoolClient"]
    assert "custom:merchant_id" in client["ReadAttributes"]
    # An empty list would mean that all may be written.
    assert client["WriteAttributes"]
    assert "custom:merchant_id" not in client["WriteAttributes"]
