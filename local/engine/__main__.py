"""MiniStack, the AWS engine, with one difference: a call to a busy function waits for its turn.

AWS has as many machines as there are calls. Here every concurrent call is one more process on the same few cores, and MiniStack
refuses those beyond its limit: a burst that AWS would not notice ends in throttling and timeouts. This bounds the processes of
each function and lets calls queue for them instead. Each function has turns of its own, so that calls which hang on a dead store
keep nobody else waiting. It replaces two functions of MiniStack, whose version is pinned in `requirements/engine.txt`.
"""

import os
import threading
from collections import defaultdict

from ministack import app
from ministack.services import lambda_svc

# Shorter than API Gateway's 30 s: a call that waits longer is refused with 429, as on AWS.
WAIT_TIMEOUT_S = 25

turns_of = defaultdict(lambda: threading.Semaphore(int(os.environ["FLUXO_CALLS_AT_ONCE"])))
lock = threading.Lock()
reserve = lambda_svc._acquire_execution_slot
give_back = lambda_svc._release_execution_slot


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


lambda_svc._acquire_execution_slot = wait_and_reserve
lambda_svc._release_execution_slot = give_back_both
app.main()
