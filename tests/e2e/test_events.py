"""Every event in `events/` does what its name says, with the binary of its function, beside the emulator of `sam local invoke`.

The files name one merchant, and ids that follow from it. Here each event gets a merchant whom no other test knows: names and ids
are put in when the event is sent, and put back in the answer.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from deployed.emulator import Emulator, emulated
from deployed.merchant import Merchant, csv_rows, entry
from deployed.receiver import receiving
from deployed.stack import Stack
from deployed.waiting import eventually
from fluxo_local.functions import EVENTS, name_in_template

pytestmark = pytest.mark.door("lambda", "Events are what functions get.")

MERCHANT = "acme"
SALE = "cfa8bece-e667-5d04-9fd2-16305e61fcd8"
INVOICE = "fd320b8f-3275-5d20-bd21-a6fe2716f613"
REFUND = "cce9a8b1-ffc4-5ec2-a179-137f352a2673"
DAY = "2026-11-22"
# A balance token of the sale, signed with nobody's key.
TOKEN = "g-EhqiC9-VejAe7_jDID2lDxu9U8vzLfTsh0GopKs-IyIEJSTCAyMDI2LTExLTIyIDEgMSAxIDEgMTc5NTM1OTg0Ng"
ENDPOINT = "eff26b50-10af-4177-9161-e79587a766ec"
DELIVERY = "1795359846123456-4bc66e48-64b6-84d1-880b-1245d6e67440"
ALERT = "6f1b0d9e-2c57-8a4d-9b1e-3f0c5d7a9e21"
# Nobody listens there.
NOWHERE = "http://127.0.0.1:65535/"
# When the parked inputs were parked, as text and in milliseconds. They are tried for some days from then on.
PARKED_AT = "2026-11-22T15:00:02"
PARKED_AT_MS = "1795359602000"

Names = dict[str, str]
"""What stands in the files, and what is put in its place."""


def no_entry(_merchant: Merchant) -> Names:
    """The merchant has no entries; the ids of the event are nobody's."""
    return {known: str(uuid.uuid4()) for known in (SALE, INVOICE, REFUND)}


def three_entries(merchant: Merchant) -> Names:
    """The sale is recorded, and beside it the batch of `register-entry/batch`."""
    sale = body_of("register-entry/entry") | {"idempotency_key": "sale-1001"}
    batch = body_of("register-entry/batch")["entries"]
    answer = merchant.recorded_batch([sale, *batch])
    return no_entry(merchant) | {SALE: answer.body["entries"][0]["id"]}


def token_of_the_sale(merchant: Merchant) -> Names:
    """The sale is posted, and its token is known."""
    names = three_entries(merchant)
    return names | {TOKEN: merchant.posted(names[SALE])["balance_token"]}


def sealed_day(merchant: Merchant) -> Names:
    """The day of these entries is sealed."""
    names = three_entries(merchant)
    assert merchant.seal(DAY).status == 201
    return names


def entry_of_yesterday(merchant: Merchant) -> Names:
    """An entry of the day before waits to be sealed; which day that is may change meanwhile."""
    # What today is in the business time zone, an entry without a date says.
    today = date.fromisoformat(merchant.accepted(entry(date=None), "undated").body["date"])
    merchant.recorded_batch([entry(date=str(day), idempotency_key=str(day)) for day in (today - timedelta(days=1), today)])
    return {}


def parked_just_now(merchant: Merchant) -> Names:
    """The input in the message was parked a moment ago, and is not recorded."""
    now = datetime.now(UTC)
    times = {PARKED_AT: now.strftime("%Y-%m-%dT%H:%M:%S"), PARKED_AT_MS: str(int(now.timestamp() * 1000))}
    return no_entry(merchant) | times


def endpoint(merchant: Merchant) -> Names:
    """The merchant has a webhook endpoint that takes nothing, and no entries."""
    return no_entry(merchant) | {ENDPOINT: merchant.register_endpoint(NOWHERE, ["entry.posted"])["id"]}


def delivery(merchant: Merchant) -> Names:
    """The same, and an entry that it was to be told of."""
    names = endpoint(merchant)
    merchant.accepted(entry(), "told")
    (attempted,) = eventually(
        lambda: merchant.deliveries(names[ENDPOINT]), lambda found: bool(found) and "last_attempt" in found[0], "an attempt"
    )
    return names | {DELIVERY: attempted["id"]}


def alert(merchant: Merchant) -> Names:
    """The merchant has a balance alert."""
    answer = merchant.change("PUT", "/balance-alerts", body_of("balance-alerts/set"))
    assert answer.status == 200, answer
    return no_entry(merchant) | {ALERT: answer.body["id"]}


@dataclass(frozen=True)
class Case:
    """What is there before the event, and what is answered."""

    before: Callable[[Merchant], Names]
    answer: dict[str, Any] | None
    """Of an answer to API Gateway: the status and the body's members, or its rows if it is CSV. None where a function answers nothing."""
    recorded: list[str] | None = None
    """Ids of entries that are posted in the end beside those that the answer accepts."""


def at_least_one(count: int) -> bool:
    """Whether there is any."""
    return count >= 1


def all_changes(events: list[dict[str, Any]]) -> bool:
    """Whether there are events, of changed balances only."""
    return {event["type"] for event in events} == {"day.balance_changed"}


def outcomes(**counts: int) -> dict[str, Any]:
    """What became of the entries of a batch."""
    return {"outcomes": {"applied": 0, "duplicate": 0, "conflict": 0, "already_reversed": 0} | counts}


SUMS = {"total_credits": "301.50", "total_debits": "49.90", "entry_count": 3}
BALANCE = {"statusCode": 200, "date": DAY, "opening_balance": "0.00", "closing_balance": "251.60", "status": "open"} | SUMS
CLOSING_OF_MONTH = [{"closing_balance": "0.00"}] * 21 + [{"closing_balance": "251.60"}] * 9
REVERSAL = {"statusCode": 202, "status": "accepted", "reverses": SALE, "type": "debit", "amount": "150.75"}
RUNS_AGAIN = Case(parked_just_now, {"batchItemFailures": []}, recorded=[SALE])

CASES = {
    "apply-to-ledger/amount-of-zero": Case(no_entry, {"errorType": "InvalidInput"}),
    # As of a state machine that says nothing of its execution yet.
    "apply-to-ledger/bare-state": Case(no_entry, outcomes(applied=1)),
    "apply-to-ledger/batch": Case(no_entry, outcomes(applied=2)),
    "apply-to-ledger/entry": Case(no_entry, outcomes(applied=1)),
    "apply-to-ledger/reversal": Case(three_entries, outcomes(applied=1), recorded=[REFUND]),
    "balance-alerts/list": Case(alert, {"statusCode": 200, "alerts": [{"id": ALERT, "threshold": "1000.00"}]}),
    "balance-alerts/remove": Case(alert, {"statusCode": 204}),
    "balance-alerts/set": Case(
        no_entry, {"statusCode": 200, "id": bool, "threshold": "1000.00", "direction": "below", "status": "triggered"}
    ),
    "consolidate-day/bare-state": Case(no_entry, outcomes(applied=1) | {"written": 2, "up_to_date": 0}),
    "consolidate-day/day": Case(no_entry, outcomes(applied=1) | {"written": 2, "up_to_date": 0}),
    "consolidate-day/totals-past-64-bits": Case(no_entry, outcomes(duplicate=1) | {"written": 1, "up_to_date": 0}),
    "deliver-events/bus": Case(three_entries, {"batchItemFailures": []}),
    "deliver-events/endpoint": Case(delivery, {"batchItemFailures": []}),
    "export-entries/month": Case(three_entries, {"statusCode": 200, "rows": [{"date": DAY, "currency": "BRL"}] * 3}),
    # The entries came later than the moment that is asked about.
    "get-balance-as-of/instant": Case(
        three_entries, {"statusCode": 200, "date": DAY, "as_of": "2026-11-22T18:00:00Z", "closing_balance": "0.00", "entry_count": 0}
    ),
    "get-daily-balance/csv": Case(three_entries, {"statusCode": 200, "rows": CLOSING_OF_MONTH}),
    "get-daily-balance/day": Case(three_entries, BALANCE),
    "get-daily-balance/impossible-date": Case(
        no_entry, {"statusCode": 400, "code": "parameter_invalid", "errors": [{"parameter": "date"}]}
    ),
    "get-daily-balance/range": Case(three_entries, {"statusCode": 200, "balances": CLOSING_OF_MONTH}),
    "get-daily-balance/token": Case(token_of_the_sale, BALANCE),
    "get-entry/entry": Case(
        three_entries, {"statusCode": 200, "id": SALE, "merchant_id": MERCHANT, "status": "posted", "amount": "150.75"}
    ),
    "list-entries/day": Case(three_entries, {"statusCode": 200, "entries": [{"date": DAY}] * 2, "next_cursor": bool}),
    "list-events/oldest": Case(three_entries, {"statusCode": 200, "events": bool, "next": bool, "has_more": False}),
    "list-events/types": Case(three_entries, {"statusCode": 200, "events": all_changes, "next": bool}),
    "list-seals/day": Case(sealed_day, {"statusCode": 200, "seals": [{"number": 1} | SUMS]}),
    "read-events/active": Case(three_entries, {"merchants": bool, "until": bool}),
    "read-events/append": Case(no_entry, {}),
    "read-events/end": Case(no_entry, {"next": bool}),
    "read-events/page": Case(three_entries, {"events": bool, "next": bool, "has_more": False}),
    "reconcile-balances/everything": Case(three_entries, {"complete": True, "months_compared": at_least_one}),
    "reconcile-balances/merchant": Case(three_entries, {"complete": True, "months_compared": 1, "repaired": 0}),
    "reconcile-balances/schedule": Case(three_entries, {"complete": True, "months_compared": at_least_one}),
    "register-entry/amount-as-number": Case(no_entry, {"statusCode": 400, "code": "validation_failed", "errors": [{"pointer": "/amount"}]}),
    "register-entry/batch": Case(no_entry, {"statusCode": 202, "entries": [{"status": "accepted"}] * 2}),
    "register-entry/entry": Case(no_entry, {"statusCode": 202, "status": "accepted", "type": "credit", "amount": "150.75", "date": DAY}),
    "register-entry/entry-without-date": Case(no_entry, {"statusCode": 202, "status": "accepted", "type": "debit", "amount": "20.00"}),
    "register-entry/viewer": Case(no_entry, {"statusCode": 403, "code": "clerk_required"}),
    "relay-events/balances-changed": Case(endpoint, None),
    "relay-events/sweep": Case(endpoint, None),
    "replay-parked/brought-back": RUNS_AGAIN,
    "replay-parked/parked": RUNS_AGAIN,
    "replay-parked/stopped-execution": RUNS_AGAIN,
    "replay-parked/waited": RUNS_AGAIN,
    "reverse-entry/reversal": Case(three_entries, REVERSAL | {"date": "2026-11-23", "description": "Returned goods"}),
    "reverse-entry/without-body": Case(three_entries, REVERSAL),
    "seal-day/day": Case(three_entries, {"statusCode": 201, "date": DAY, "number": 1} | SUMS),
    "seal-past-day/schedule": Case(entry_of_yesterday, {"sealed": at_least_one}),
    "webhook-endpoints/add": Case(
        no_entry, {"statusCode": 201, "status": "enabled", "types": ["entry.posted", "day.sealed"], "secret": bool}
    ),
    "webhook-endpoints/deliveries": Case(delivery, {"statusCode": 200, "deliveries": [{"id": DELIVERY, "event_type": "entry.posted"}]}),
    "webhook-endpoints/enable": Case(endpoint, {"statusCode": 200, "id": ENDPOINT, "status": "enabled"}),
    "webhook-endpoints/list": Case(endpoint, {"statusCode": 200, "endpoints": [{"id": ENDPOINT, "url": NOWHERE}]}),
    "webhook-endpoints/redeliver": Case(delivery, {"statusCode": 202}),
    "webhook-endpoints/remove": Case(endpoint, {"statusCode": 204}),
    "webhook-endpoints/rotate-secret": Case(endpoint, {"statusCode": 200, "secret": bool, "previous_valid_until": bool}),
    "webhook-endpoints/show": Case(endpoint, {"statusCode": 200, "id": ENDPOINT, "url": NOWHERE, "types": ["entry.posted"]}),
}

ALL = {f"{file.parent.name}/{file.stem}" for file in EVENTS.glob("*/*.json")}
# These are answered at an address that they name.
OF_CLOUDFORMATION = {name for name in ALL if name.startswith("migrate-ledger/")}


@pytest.fixture(scope="module")
def emulator_of(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Emulator]]:
    """Answers the running emulator of a function."""
    with ExitStack() as running:
        yield cache(lambda function: running.enter_context(emulated(stack, name_in_template(function), tmp_path_factory.mktemp(function))))


def test_what_every_event_does_is_known() -> None:
    assert CASES.keys() == ALL - OF_CLOUDFORMATION


@pytest.mark.parametrize("name", CASES)
def test_an_event_is_answered_by_its_binary_through_the_emulator_of_sam(
    name: str, merchant: Merchant, emulator_of: Callable[[str], Emulator]
) -> None:
    case = CASES[name]
    names = {MERCHANT: merchant.id} | case.before(merchant)
    answer = emulator_of(name.split("/")[0]).invoke(renamed(text_of(name), names))
    seen = read(json.loads(renamed(answer, {put: known for known, put in names.items()})))
    assert is_within(case.answer, seen), seen
    for entry_id in accepted_ids(seen) + (case.recorded or []):
        merchant.posted(names.get(entry_id, entry_id))


@pytest.mark.parametrize("name", sorted(OF_CLOUDFORMATION))
def test_a_request_of_cloudformation_is_answered_with_success(name: str, emulator_of: Callable[[str], Emulator]) -> None:
    request = json.loads(text_of(name))
    with receiving() as receiver:
        emulator_of("migrate-ledger").invoke(renamed(text_of(name), {request["ResponseURL"]: receiver.url}))
    (answer,) = receiver.taken
    known = {field: request[field] for field in ("StackId", "RequestId", "LogicalResourceId")}
    # Another physical id would make CloudFormation delete what had the old one.
    assert is_within(known | {"Status": "SUCCESS", "PhysicalResourceId": request.get("PhysicalResourceId", bool)}, answer), answer


def text_of(name: str) -> str:
    """The event in `events/{name}.json`."""
    return (EVENTS / f"{name}.json").read_text()


def body_of(name: str) -> dict[str, Any]:
    """The body of a request to API Gateway."""
    return json.loads(json.loads(text_of(name))["body"])


def renamed(text: str, names: Names) -> str:
    """The text with every name replaced."""
    for known, put in names.items():
        text = text.replace(known, put)
    return text


def read(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    """An answer to API Gateway as the status beside what the body says; anything else is itself."""
    if not answer or "statusCode" not in answer:
        return answer
    if not answer.get("body"):
        return {"statusCode": answer["statusCode"]}
    is_csv = answer["headers"]["content-type"].startswith("text/csv")
    body = {"rows": csv_rows(answer["body"])} if is_csv else json.loads(answer["body"])
    return {"statusCode": answer["statusCode"]} | body


def is_within(expected: Any, seen: Any) -> bool:
    """Whether all that is expected is seen; of objects, other members do not matter. A function stands for what it holds of."""
    if isinstance(expected, dict):
        return all(name in seen and is_within(value, seen[name]) for name, value in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(seen) and all(map(is_within, expected, seen))
    return bool(expected(seen)) if callable(expected) else expected == seen


def accepted_ids(seen: dict[str, Any] | None) -> list[str]:
    """The entries that an answer accepts: they have to be recorded."""
    accepted = seen.get("entries", [seen]) if seen and seen.get("statusCode") == 202 else []
    return [each["id"] for each in accepted if each.get("status") == "accepted"]
