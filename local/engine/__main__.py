"""MiniStack, the AWS engine, with ten differences.

Calls to a busy function queue, none waits for nothing, nor for Python, and a request's body reaches its function undamaged. The console
keeps its address, a token that is refreshed keeps its groups, and a queue its messages. What stands before services hands on their
answers whole (`http_proxy.py`).

AWS has as many machines as there are calls. Here every concurrent call is one more process on the same few cores, and MiniStack
refuses those beyond its limit: a burst that AWS would not notice ends in throttling and timeouts. This bounds the processes of
each function and lets calls queue for them instead. Each function has turns of its own, so that calls which hang on a dead store
keep nobody else waiting.

MiniStack hands a call to its process in two small packets, of which TCP holds the second back until the first is acknowledged, 40 ms
later; and of a call that has logged nothing it expects for 50 ms that it still will. Neither is so on AWS.

It remembers every execution with its history, in one process. From time to time Python's garbage collector looks at all of that,
and nobody is answered meanwhile: for 3.4 s, when it was put off to the end of a fault suite. What has survived such a search once is
left out of the next, so that each looks at what is new.

Its gateway hands a body that is declared as JSON on as text, and puts U+FFFD in the place of what is not UTF-8, so that a function could
not know. What is not UTF-8 is handed on in base64 here, as all is that is not declared as text.

It gives a distribution of CloudFront a random name. The address of the console would be another after each `make run --fresh`, and not
known before it is deployed, as the callbacks of signing in have to be. Here the first distribution has the name that the launcher gives.

Its `/oauth2/token` leaves the groups of a user out of tokens that it refreshes, as Cognito does not: who could write could do so no more.

It looks for the queue of an event source, or one that is to be created, under a URL with its own port. A profile whose ports are free
ones has another after each start, so that nobody took what had been parked. Here a queue is found by its name.

Conditions of a template that ask for the account see a text there that no account has. Here they see its number.

The values of a template's parameters are texts, and it compares the MaximumConcurrency of a queue's mapping with a number: it polled no
queue at all any more. Here that is a number.

This replaces eleven functions of MiniStack, whose version is pinned in `requirements/engine.txt`.
"""

import gc
import os
import threading
from collections import defaultdict
from contextvars import ContextVar
from socketserver import StreamRequestHandler
from typing import Any

import http_proxy
from ministack import app
from ministack.core import lambda_runtime
from ministack.core.responses import get_account_id
from ministack.services import apigateway, cloudfront, cognito, lambda_svc, sqs
from ministack.services.cloudformation import changesets, engine, handlers, stacks

# Shorter than API Gateway's 30 s: a call that waits longer is refused with 429, as on AWS.
WAIT_TIMEOUT_S = 25
# What a call writes later than this after its answer is shown with the next one's.
LOG_WAIT_S = 0.005

turns_of = defaultdict(lambda: threading.Semaphore(int(os.environ["FLUXO_CALLS_AT_ONCE"])))
lock = threading.Lock()
reserve = lambda_svc._acquire_execution_slot
give_back = lambda_svc._release_execution_slot
read_log = lambda_runtime.Worker._drain_stderr_bounded
invoke = apigateway._invoke_lambda_proxy
is_declared_as_text = apigateway._v2_request_body_is_text
random_domain = cloudfront._cloudfront_domain
make_token = cognito._fake_token
make_queue_url = sqs._queue_url
batches_at_once = lambda_svc._sqs_esm_concurrency
evaluate_conditions = engine._evaluate_conditions
body_is_utf8 = ContextVar("body_is_utf8", default=True)


def turns(key: str) -> threading.Semaphore:
    """The turns of one function."""
    with lock:
        return turns_of[key]


def wait_and_reserve(function: dict, configuration: dict) -> tuple[str | None, str | None]:
    """Takes a turn of the function, then what MiniStack calls a slot."""
    key = lambda_svc._inflight_key(configuration)
    if not turns(key).acquire(timeout=WAIT_TIMEOUT_S):
        return None, "function"
    slot, limit = reserve(function, configuration)
    if slot is None:
        turns(key).release()
    return slot, limit


def give_back_both(slot: str | None) -> None:
    """Lets the next call have its turn."""
    give_back(slot)
    if slot is not None:
        turns(slot).release()


def read_log_at_once(worker: lambda_runtime.Worker, first_line_wait: float = LOG_WAIT_S, **limits: Any) -> str:
    """What a call has logged."""
    return read_log(worker, first_line_wait, **limits)


async def invoke_undamaged(
    integration: dict, api_id: str, stage: str, path: str, method: str, headers: dict, body: bytes | None, *more: Any, **named: Any
) -> tuple:
    """Calls a function with a request, and remembers meanwhile what its body is."""
    try:
        (body or b"").decode()
        is_utf8 = True
    except UnicodeDecodeError:
        is_utf8 = False
    reset = body_is_utf8.set(is_utf8)
    try:
        return await invoke(integration, api_id, stage, path, method, headers, body, *more, **named)
    finally:
        body_is_utf8.reset(reset)


def is_text(content_type: str | None) -> bool:
    """Whether the body is handed on as text, and not in base64."""
    return is_declared_as_text(content_type) and body_is_utf8.get()


def known_domain() -> str:
    """The domain of a new distribution: the one that the launcher expects, unless there is one of that name."""
    label = os.environ.get("FLUXO_DISTRIBUTION", "")
    return f"{label}.cloudfront.net" if label and not cloudfront.find_distribution_for_label(label) else random_domain()


def token_with_groups(sub: str, pool_id: str, client_id: str, token_type: str = "access", username: str = "", **more: Any) -> str:
    """A token, with the user's groups also where the caller has left them out."""
    pool = cognito._get_pool_unscoped(pool_id) if username and "groups" not in more else None
    user = pool["_users"].get(username) if pool else None
    groups = {"groups": user.get("_groups", [])} if user else {}
    return make_token(sub, pool_id, client_id, token_type, username, **groups, **more)


def known_queue_url(name: str) -> str:
    """The URL of the queue of this name, also of one that was made on another port."""
    return sqs._queue_name_to_url.get(name) or make_queue_url(name)


def conditions_with_account(template: dict, params: dict) -> dict[str, bool]:
    """The conditions of a template."""
    return evaluate_conditions(template, {**params, "AWS::AccountId": {"Value": get_account_id()}})


def numbered_batches_at_once(mapping: dict, *more: Any) -> int:
    """How many batches of a queue may be with its function, also where that was written as text."""
    scaling = mapping.get("ScalingConfig") or {}
    if "MaximumConcurrency" in scaling:
        scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
    return batches_at_once(mapping, *more)


def leave_out_survivors(phase: str, info: dict[str, int]) -> None:
    """Keeps what has survived a search through everything out of later ones. What nobody refers to any more is freed all the same."""
    if phase == "stop" and info["generation"] == len(gc.get_threshold()) - 1:
        gc.freeze()


lambda_svc._acquire_execution_slot = wait_and_reserve
lambda_svc._release_execution_slot = give_back_both
lambda_runtime.Worker._drain_stderr_bounded = read_log_at_once
apigateway._invoke_lambda_proxy = invoke_undamaged
apigateway._v2_request_body_is_text = is_text
apigateway._invoke_http_proxy = http_proxy.forward
cloudfront._cloudfront_domain = known_domain
cognito._fake_token = token_with_groups
sqs._queue_url = known_queue_url
lambda_svc._sqs_esm_concurrency = numbered_batches_at_once
for module in (engine, handlers, changesets, stacks):
    module._evaluate_conditions = conditions_with_account
StreamRequestHandler.disable_nagle_algorithm = True
gc.callbacks.append(leave_out_survivors)
app.main()
