"""Bad input gets a clear 4xx that names every fault, and neither ledger nor balance changes."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from deployed.api import Answer, call, read
from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import VARIABLES, Stack

NOTHING = Day("0.00", "0.00", "0.00", "0.00", 0)
BODY_BYTES_MAX = 256 * 1024

# What is sent in place of a good field, and where the faults are.
FAULTY_FIELDS = {
    "amount as a number": ({"amount": 10.5}, ["/amount"]),
    "amount of zero": ({"amount": "0.00"}, ["/amount"]),
    "negative amount": ({"amount": "-1.00"}, ["/amount"]),
    "more digits than BRL has": ({"amount": "1.005"}, ["/amount"]),
    "more digits than JPY has": ({"amount": "1.5", "currency": "JPY"}, ["/amount"]),
    "NaN": ({"amount": "NaN"}, ["/amount"]),
    "exponent": ({"amount": "1e3"}, ["/amount"]),
    "10^30": ({"amount": "1" + "0" * 30}, ["/amount"]),
    "past the largest amount": ({"amount": "10000000000000.00"}, ["/amount"]),
    "no amount": ({"amount": None}, ["/amount"]),
    "unknown type": ({"type": "refund"}, ["/type"]),
    "unknown currency": ({"currency": "BRX"}, ["/currency"]),
    "lower-case currency": ({"currency": "brl"}, ["/currency"]),
    "impossible date": ({"date": "2026-02-30"}, ["/date"]),
    "date with a time": ({"date": "2026-02-03T00:00:00Z"}, ["/date"]),
    "date before 1900": ({"date": "1899-12-31"}, ["/date"]),
    "date far ahead": ({"date": "2999-01-01"}, ["/date"]),
    "description of 10,000 characters": ({"description": "x" * 10_000}, ["/description"]),
    "NUL in the description": ({"description": "a\0b"}, ["/description"]),
    "escape in the category": ({"category": "a\x1b[31mb"}, ["/category"]),
    "category of 101 characters": ({"category": "x" * 101}, ["/category"]),
    "merchant in the body": ({"merchant_id": "somebody-else"}, ["/merchant_id"]),
    "id in the body": ({"id": "00000000-0000-5000-8000-000000000001"}, ["/id"]),
    "everything": (
        {"type": "x", "amount": 1, "currency": "?", "date": "?", "description": "\n", "category": 7, "a/b~c": 1},
        ["/type", "/currency", "/amount", "/date", "/description", "/category", "/a~1b~0c"],
    ),
}

# What is sent as the whole body, and the code of the refusal.
FAULTY_BODIES = {
    "nothing": (b"", "malformed_json"),
    "half an object": (b'{"type": "credit", "amount": "10.00"', "malformed_json"),
    "two objects": (b'{"type": "credit", "amount": "10.00"} {}', "malformed_json"),
    "comment": (b'{"type": "credit", "amount": "10.00" /* ten */}', "malformed_json"),
    "number that JSON has not": (b'{"type": "credit", "amount": NaN}', "malformed_json"),
    "lone surrogate": (b'{"type": "credit", "amount": "10.00", "description": "\\ud83d"}', "malformed_json"),
    "a thousand brackets": (b"[" * 1000, "malformed_json"),
    "array": (b'[{"type": "credit", "amount": "10.00"}]', "validation_failed"),
    "null": (b"null", "validation_failed"),
    "text in ISO-8859-1": (b'{"type": "credit", "amount": "10.00", "description": "caf\xe9"}', "malformed_json"),
    "UTF-16": ('{"type": "credit", "amount": "10.00"}'.encode("utf-16"), "malformed_json"),
    "number past all floats": (b'{"type": "credit", "amount": 1e400}', "validation_failed"),
    "two amounts": (b'{"type": "credit", "amount": "10.00", "amount": "20.00"}', "validation_failed"),
}

FAULTY_KEYS = {
    "none": (None, "idempotency_key_missing"),
    "empty": ("", "idempotency_key_invalid"),
    "65 characters": ("x" * 65, "idempotency_key_invalid"),
    "with a space": ("a b", "idempotency_key_invalid"),
    "not ASCII": ("café", "idempotency_key_invalid"),
    "open quote": ('"key', "idempotency_key_invalid"),
    "two keys, as the gateway joins them": ("key-1,key-2", "idempotency_key_invalid"),
    "two quoted keys": ('"key-1","key-2"', "idempotency_key_invalid"),
}

FAULTY_QUERIES = {
    "/daily-balances/2026-02-30": ["date"],
    "/daily-balances/today": ["date"],
    f"/daily-balances/{DATE}?currency=BRX": ["currency"],
    f"/daily-balances/{DATE}?curency=USD": ["curency"],
    f"/daily-balances/{DATE}?merchant_id=somebody-else": ["merchant_id"],
    "/daily-balances": ["from", "to"],
    "/daily-balances?from=2026-03-10&to=2026-03-09": ["to"],
    "/daily-balances?from=2025-01-01&to=2026-01-02": ["to"],
    "/daily-balances.csv": ["from", "to"],
    "/daily-balances.csv?from=2025-01-01&to=2026-01-02": ["to"],
    f"/daily-balances.csv?from={DATE}&to={DATE}&format=xlsx": ["format"],
    f"/daily-balances/{DATE}/as-of/yesterday": ["instant"],
    f"/daily-balances/{DATE}/as-of/2026-03-10": ["instant"],
    f"/daily-balances/{DATE}/as-of/2026-03-10T12:00:00": ["instant"],
    f"/daily-balances/{DATE}/as-of/2026-03-10T25:00:00Z": ["instant"],
    f"/daily-balances/{DATE}/as-of/1773144000": ["instant"],
    "/daily-balances/2026-02-30/as-of/noon?currency=BRX&x=1": ["date", "instant", "currency", "x"],
    "/entries": ["date"],
    "/entries?date=2026-02-30": ["date"],
    f"/entries?date={DATE}&limit=0": ["limit"],
    f"/entries?date={DATE}&limit=501": ["limit"],
    f"/entries?date={DATE}&limit=-1": ["limit"],
    f"/entries?date={DATE}&limit=ten": ["limit"],
    f"/entries?date={DATE}&limit=1e2": ["limit"],
    f"/entries?date={DATE}&currency=brl": ["currency"],
    f"/entries?date={DATE}&cursor=": ["cursor"],
    f"/entries?date={DATE}&cursor=garbage": ["cursor"],
    f"/entries?date={DATE}&offset=10": ["offset"],
    f"/entries?date={DATE}&merchant_id=somebody-else": ["merchant_id"],
    f"/entries?date={DATE}&date=2026-03-11": ["date"],
    "/entries.csv": ["from", "to"],
    "/entries.csv?from=2026-03-10&to=2026-03-09": ["to"],
    "/entries.csv?from=2025-01-01&to=2026-01-02": ["to"],
    f"/entries.csv?from={DATE}&to={DATE}&limit=10": ["limit"],
    f"/entries.csv?from={DATE}&to={DATE}&cursor=garbage": ["cursor"],
    "/entries/not-a-uuid": ["id"],
    "/entries/batch": ["id"],
    "/entries/%20": ["id"],
    "/entries/%C3%A9%23%3F%25": ["id"],
    f"/entries/{VARIABLES['id']}0": ["id"],
    f"/entries/%7B{VARIABLES['id']}%7D": ["id"],
    f"/entries/{VARIABLES['id']}?currency=BRL": ["currency"],
    "/days/2026-02-30/seals": ["date"],
    f"/days/{DATE}/seals?currency=BRX&limit=0": ["currency", "limit"],
    f"/days/{DATE}/seals?cursor=garbage&offset=1": ["cursor", "offset"],
}

FAULTY_ORDERS = {
    "/days/2026-02-30/seal": ["date"],
    "/days/today/seal?currency=BRX": ["date", "currency"],
    f"/days/{DATE}/seal?merchant_id=somebody-else": ["merchant_id"],
    "/entries/not-a-uuid/reversal": ["id"],
}

# What is sent as the body of a reversal, and where the faults are.
FAULTY_REVERSALS = {
    "impossible date": ({"date": "2026-02-30"}, ["/date"]),
    "date far ahead": ({"date": "2999-01-01"}, ["/date"]),
    "date as a number": ({"date": 20260310}, ["/date"]),
    "description of 256 characters": ({"description": "x" * 256}, ["/description"]),
    "NUL in the description": ({"description": "a\0b"}, ["/description"]),
    "another amount": ({"amount": "1.00"}, ["/amount"]),
    "another category": ({"category": "returns"}, ["/category"]),
    "everything": ({"date": "?", "description": 7, "type": "debit"}, ["/date", "/description", "/type"]),
}


PATHS_OF_OTHER_METHODS = [
    ("POST", "/entries.csv"),
    ("DELETE", f"/entries/{VARIABLES['id']}"),
    ("PUT", f"/entries/{VARIABLES['id']}"),
    ("GET", f"/entries/{VARIABLES['id']}/reversal"),
    ("GET", f"/days/{DATE}/seal"),
    ("DELETE", f"/days/{DATE}/seals"),
    ("GET", f"/entries/{VARIABLES['id']}/"),
]


@pytest.fixture
def untouched(merchant: Merchant, stack: Stack) -> Iterator[Merchant]:
    """A merchant of whom, after the test, there is nothing in ledger, workflow or balance."""
    executions = stack.workflow.names()
    yield merchant
    assert stack.workflow.names() == executions
    assert merchant.entries() == []
    assert merchant.day() == NOTHING


def assert_problem(case: str, answer: Answer, status: int, code: str) -> None:
    """The form that every refusal by a function has (RFC 9457)."""
    assert answer.problem == (status, code), f"{case}: {answer}"
    assert answer.headers["content-type"] == "application/problem+json", case
    assert answer.body["type"] == f"urn:fluxo:problem:{code}", case
    assert answer.body["status"] == status, case
    assert answer.body["title"], case
    assert answer.body["detail"], case


def test_faulty_entries_are_refused_with_the_place_of_every_fault(untouched: Merchant) -> None:
    answers = {name: untouched.post(entry() | fields, "key") for name, (fields, _) in FAULTY_FIELDS.items()}
    assert {name: answer.faults for name, answer in answers.items()} == {name: faults for name, (_, faults) in FAULTY_FIELDS.items()}
    for name, answer in answers.items():
        assert_problem(name, answer, 400, "validation_failed")


def test_bodies_that_are_no_entries_are_refused(untouched: Merchant) -> None:
    for name, (body, code) in FAULTY_BODIES.items():
        assert_problem(name, untouched.post(body, "key"), 400, code)


def test_entries_without_a_proper_key_are_refused(untouched: Merchant) -> None:
    for name, (key, code) in FAULTY_KEYS.items():
        assert_problem(name, untouched.post(entry(), key), 400, code)


def test_bodies_that_are_not_declared_to_be_json_in_utf_8_are_refused(untouched: Merchant) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""):
        refused = untouched.post(entry(), "key", headers={"Content-Type": content_type})
        assert_problem(content_type, refused, 415, "unsupported_media_type")
    named = untouched.post(entry(), "key", headers={"Content-Type": "application/json; charset=ISO-8859-1"})
    assert_problem("charset", named, 415, "unsupported_media_type")
    assert "iso-8859-1" in named.body["detail"].lower()
    encoded = untouched.post(entry(), "key", headers={"Content-Encoding": "gzip"})
    assert_problem("gzip", encoded, 415, "unsupported_media_type")


def test_a_request_with_two_keys_is_refused(untouched: Merchant) -> None:
    url = urlsplit(f"{untouched.stack.url}/entries")
    body = json.dumps(entry()).encode()
    headers = {"Authorization": f"Bearer {untouched.token}", "Content-Type": "application/json", "Content-Length": str(len(body))}
    connection = HTTPConnection(url.netloc, timeout=35)
    connection.putrequest("POST", url.path)
    for name, value in [*headers.items(), ("Idempotency-Key", "key-1"), ("Idempotency-Key", "key-2")]:
        connection.putheader(name, value)
    connection.endheaders(body)
    assert_problem("two keys", read(connection.getresponse()), 400, "idempotency_key_invalid")


def test_one_faulty_entry_refuses_the_whole_batch(untouched: Merchant) -> None:
    entries = [entry(idempotency_key=f"key-{n}") for n in range(20)]
    entries[17] |= {"amount": "-1.00", "date": "tomorrow"}
    entries[19] |= {"idempotency_key": "key-0"}
    refused = untouched.post_batch(entries)
    assert_problem("batch", refused, 400, "validation_failed")
    assert sorted(refused.faults) == ["/entries/17/amount", "/entries/17/date", "/entries/19/idempotency_key"]


def test_a_batch_has_1_to_500_entries(untouched: Merchant) -> None:
    for count in (0, 501):
        refused = untouched.post_batch([entry(idempotency_key=f"key-{n}") for n in range(count)])
        assert_problem(f"{count} entries", refused, 400, "validation_failed")
        assert refused.faults == ["/entries"]


def test_a_batch_that_the_workflow_could_not_carry_is_refused(untouched: Merchant) -> None:
    # Within the limit of a body, and 500 entries.
    entries = [entry(description="x" * 255, idempotency_key=f"key-{n}") for n in range(500)]
    assert len(json.dumps({"entries": entries})) < BODY_BYTES_MAX
    refused = untouched.post_batch(entries)
    assert_problem("batch", refused, 413, "batch_too_large")
    assert "204800" in refused.body["detail"]


def test_a_body_may_have_256_kib_and_not_a_byte_more(untouched: Merchant) -> None:
    text = json.dumps(entry())
    assert_problem("too long", untouched.post(text.ljust(BODY_BYTES_MAX + 1).encode(), "key"), 413, "body_too_large")
    # As long as allowed, and refused for another reason.
    faulty = text.replace("credit", "refund").ljust(BODY_BYTES_MAX)
    assert_problem("not too long", untouched.post(faulty.encode(), "key"), 400, "validation_failed")


def test_questions_that_make_no_sense_are_refused(untouched: Merchant) -> None:
    for path, faults in FAULTY_QUERIES.items():
        refused = untouched.get(path)
        assert_problem(path, refused, 400, "parameter_invalid")
        assert sorted(refused.faults) == sorted(faults), path


def test_orders_that_make_no_sense_are_refused(untouched: Merchant) -> None:
    for path, faults in FAULTY_ORDERS.items():
        refused = call(untouched.stack.url + path, "POST", untouched.token, None, {"Idempotency-Key": "key"})
        assert_problem(path, refused, 400, "parameter_invalid")
        assert sorted(refused.faults) == sorted(faults), path
    assert untouched.seals() == []


def test_faulty_reversals_are_refused_before_anything_is_looked_up(untouched: Merchant) -> None:
    for name, (body, faults) in FAULTY_REVERSALS.items():
        refused = untouched.reverse(VARIABLES["id"], "key", body)
        assert_problem(name, refused, 400, "validation_failed")
        assert sorted(refused.faults) == sorted(faults), name
    for name, (key, code) in FAULTY_KEYS.items():
        assert_problem(name, untouched.reverse(VARIABLES["id"], key), 400, code)
    for name in ("half an object", "a thousand brackets", "two objects"):
        assert_problem(name, untouched.reverse(VARIABLES["id"], "key", FAULTY_BODIES[name][0]), 400, "malformed_json")
    assert_problem("array", untouched.reverse(VARIABLES["id"], "key", FAULTY_BODIES["array"][0]), 400, "validation_failed")
    assert_problem("too long", untouched.reverse(VARIABLES["id"], "key", b"{}".ljust(BODY_BYTES_MAX + 1)), 413, "body_too_large")


def test_a_refusal_is_not_remembered(merchant: Merchant) -> None:
    assert merchant.post(entry("-10.00"), "key").status == 400
    corrected = merchant.accepted(entry("10.00"), "key")
    assert not corrected.is_repeat
    merchant.recorded(corrected)
    assert merchant.day().closing == "10.00"


def test_what_is_not_there_is_not_found(untouched: Merchant) -> None:
    for method, path in (
        ("GET", "/nothing"),
        ("DELETE", "/entries"),
        ("POST", f"/daily-balances/{DATE}"),
        ("GET", "/"),
        *PATHS_OF_OTHER_METHODS,
    ):
        body = entry() if method == "POST" else None
        answer = call(untouched.stack.url + path, method, untouched.token, body, {"Idempotency-Key": "key"})
        assert (answer.status, answer.body) == (404, {"message": "Not Found"}), (method, path)
