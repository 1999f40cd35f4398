"""What no schema can say of a request that is to be accepted.

A key names one request, dates depend on today or on each other, and cursors and tokens are only good if the API has given them
out. A generated request that is to be accepted is changed where it would break one of these rules; one that is to be refused is
sent as it is.
"""

import copy
import datetime
import itertools
import re
from typing import Any

import schemathesis

RANGE_DAYS_MAX = 366
WAIT_MAX_S = 20
# A cursor goes with its statement.
STATEMENT = ("date", "currency")

used_keys: set[str] = set()
numbers = itertools.count(1)
cursors: dict[str, dict[str, str]] = {}
tokens: set[str] = set()
places: set[str] = set()
# Nobody listens there (RFC 863): what is sent is refused at once, and stays on this machine.
RECEIVER = "http://127.0.0.1:9/"


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """Makes acceptable what is to be accepted, and remembers the keys of everything."""
    is_to_be_accepted = case.meta is None or case.meta.generation.mode.is_positive
    name_request(case, is_to_be_accepted)
    if is_to_be_accepted:
        keep_to_the_calendar(case)
        forget_what_was_never_given_out(case)
        send_to_this_machine(case)
    # One who waits keeps all that follow waiting.
    if case.query.get("wait") is not None and str(case.query["wait"]).isdigit() and int(case.query["wait"]) <= WAIT_MAX_S:
        case.query["wait"] = min(int(case.query["wait"]), 1)


@schemathesis.hook
def after_call(_context: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response) -> None:
    """Remembers what the API gives out."""
    if response.status_code != 200 or "json" not in response.headers.get("content-type", [""])[0]:
        return
    body = response.json()
    if body.get("next_cursor"):
        cursors[body["next_cursor"]] = statement_of(case)
    if body.get("balance_token"):
        tokens.add(body["balance_token"])
    if body.get("next"):
        places.add(body["next"])


def name_request(case: schemathesis.Case, is_to_be_accepted: bool) -> None:
    """Two requests of one name would have to be equal; nearly all that are generated are not."""
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str):
        name = bare(key)
        if name in used_keys and is_to_be_accepted:
            case.headers["Idempotency-Key"] = name = fresh_key()
        used_keys.add(name)
    if isinstance(case.body, dict) and isinstance(case.body.get("entries"), list):
        body = copy.deepcopy(case.body)
        for entry in body["entries"]:
            if not isinstance(entry, dict) or not isinstance(entry.get("idempotency_key"), str):
                continue
            if entry["idempotency_key"] in used_keys and is_to_be_accepted:
                entry["idempotency_key"] = fresh_key()
            used_keys.add(entry["idempotency_key"])
        if body != case.body:
            case.body = body


def bare(key: str) -> str:
    """A quoted key names the same request as the bare one (RFC 8941)."""
    return re.sub(r"\\(.)", r"\1", key[1:-1]) if key.startswith('"') else key


def fresh_key() -> str:
    """A key that no request has had."""
    return f"generated-{next(numbers)}"


def keep_to_the_calendar(case: schemathesis.Case) -> None:
    """An entry may be dated a year ahead at most, a reversal not before its entry, and a range has an order and a length."""
    if isinstance(case.body, dict):
        body = copy.deepcopy(case.body)
        for entry in [body, *body.get("entries", [])]:
            if entry.get("date"):
                entry["date"] = not_in_the_future(datetime.date.fromisoformat(entry["date"])).isoformat()
        if body.get("date") and case.operation.path.endswith("/reversal"):
            # Not before the entry, which is not in the future.
            body["date"] = datetime.date.today().isoformat()
        if body != case.body:
            case.body = body
    if "from" in case.query and "to" in case.query:
        first, last = (datetime.date.fromisoformat(case.query[name]) for name in ("from", "to"))
        if not 0 <= (last - first).days < RANGE_DAYS_MAX:
            days = min(abs((last - first).days) % RANGE_DAYS_MAX, (datetime.date.max - first).days)
            case.query["to"] = (first + datetime.timedelta(days)).isoformat()


def not_in_the_future(date: datetime.date) -> datetime.date:
    """The date itself, or the same day of a year that is over."""
    today = datetime.date.today()
    if date <= today:
        return date
    # Not every year has a 29 February.
    return date.replace(year=1900 + date.year % (today.year - 1900), day=min(date.day, 28))


def forget_what_was_never_given_out(case: schemathesis.Case) -> None:
    """Any text is a cursor or a token as far as the schema can tell."""
    if "cursor" in case.query and cursors.get(case.query["cursor"]) != statement_of(case):
        del case.query["cursor"]
    if "token" in case.query and case.query["token"] not in tokens:
        del case.query["token"]
    if "after" in case.query and case.query["after"] not in places:
        del case.query["after"]


def send_to_this_machine(case: schemathesis.Case) -> None:
    """Nothing that is generated goes to somebody else's host, and not every host is one that is taken."""
    if isinstance(case.body, dict) and isinstance(case.body.get("url"), str):
        case.body = copy.deepcopy(case.body) | {"url": RECEIVER}


def statement_of(case: schemathesis.Case) -> dict[str, Any]:
    """Which statement a request asks for."""
    return {name: case.query.get(name) for name in STATEMENT}
