"""Closing a day: a seal says what the day was, and refuses nothing."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from deployed.merchant import DATE, Day, Merchant, entry
from deployed.stack import Stack
from deployed.waiting import at_once
from fluxo_local.profile import CHECKOUT

FIELDS = {"date", "currency", "number", "total_credits", "total_debits", "entry_count", "sealed_at", "snapshot", "sha256"}
SEALED_FIELDS = ["id", "type", "amount_minor", "currency", "date", "description", "category", "reverses"]
TEXTS = [
    "Venda no cartão",
    None,
    "",
    "  padded  ",
    "☕ 👩‍👩‍👧‍👦",
    "日本語 עברית",
    "6:credit",
    "absent",
    "line\u2028separator",
    "e\u0301",
    "🧾" * 100,
]


def digest(entries: list[dict[str, Any]]) -> str:
    """What a seal of these entries says, computed from their statement as an auditor would."""
    text = b""
    for each in sorted(entries, key=lambda line: line["id"]):
        fields = each | {"amount_minor": each["amount"].replace(".", "").lstrip("0")}
        for value in (fields[name] for name in SEALED_FIELDS):
            text += b"absent\n" if value is None else b"%d:%s\n" % (len(value.encode()), value.encode())
    return hashlib.sha256(text).hexdigest()


def covered(statement: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """The entries that a seal covers."""
    return [line for line in statement if line["seal"] is not None and line["seal"] <= number]


def assert_seals_hold(merchant: Merchant, currency: str = "BRL") -> None:
    """Every seal of the day says what the statement says of it."""
    statement = merchant.statement(currency=currency)
    for seal in merchant.seals(currency=currency):
        entries = covered(statement, seal["number"])
        assert seal["sha256"] == digest(entries), seal
        assert seal["entry_count"] == len(entries)
        for kind, total in (("credit", seal["total_credits"]), ("debit", seal["total_debits"])):
            minor = sum(int(line["amount"].replace(".", "")) for line in entries if line["type"] == kind)
            assert int(total.replace(".", "")) == minor


def status(merchant: Merchant, day: str = DATE) -> str:
    """The status of the day's balance."""
    return merchant.get(f"/daily-balances/{day}").body["status"]


def test_a_day_is_open_sealed_restated_and_sealed_again(merchant: Merchant) -> None:
    """A late entry restates it."""
    merchant.recorded(merchant.accepted(entry("10.00"), "early"))
    merchant.recorded(merchant.accepted(entry("4.00", type="debit"), "rent"))
    assert status(merchant) == "open"
    assert merchant.seals() == []

    before = datetime.now(UTC)
    first = merchant.seal()
    assert first.status == 201
    assert first.body.keys() == FIELDS
    assert first.body == first.body | {
        "date": DATE, "currency": "BRL", "number": 1, "total_credits": "10.00", "total_debits": "4.00", "entry_count": 2,
    }  # fmt: skip
    assert before <= datetime.fromisoformat(first.body["sealed_at"]) <= datetime.now(UTC)
    assert status(merchant) == "sealed"
    assert [(line["seal"], line["late"]) for line in merchant.statement()] == [(1, False), (1, False)]

    late = merchant.accepted(entry("0.50"), "late")
    merchant.recorded(late)
    assert status(merchant) == "restated"
    assert merchant.day() == Day("0.00", "10.50", "4.00", "6.50", 3)
    shown = merchant.look_up(late.body["id"]).body
    assert (shown["seal"], shown["late"]) == (None, True)

    second = merchant.seal()
    assert (second.status, second.body["number"], second.body["entry_count"]) == (201, 2, 3)
    assert status(merchant) == "sealed"
    shown = merchant.look_up(late.body["id"]).body
    assert (shown["seal"], shown["late"]) == (2, False)
    assert merchant.seals() == [second.body, first.body]
    assert_seals_hold(merchant)
    # The days beside it are open.
    balances = merchant.get("/daily-balances?from=2026-03-09&to=2026-03-11").body["balances"]
    assert [balance["status"] for balance in balances] == ["open", "sealed", "open"]


def test_sealing_twice_without_new_entries_is_sealing_once(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("10.00"), "sale"))
    first = merchant.seal()
    # Entries of other days, currencies and merchants are none of this day's.
    merchant.recorded(merchant.accepted(entry("10.00", date="2026-03-11"), "next-day"))
    merchant.recorded(merchant.accepted(entry("10.00", currency="USD"), "dollars"))
    for _ in range(2):
        again = merchant.seal()
        assert (again.status, again.body) == (200, first.body)
    assert merchant.seals() == [first.body]


def test_a_day_without_entries_can_be_sealed(merchant: Merchant) -> None:
    assert status(merchant) == "open"
    first = merchant.seal()
    assert (first.status, first.body["entry_count"], first.body["sha256"]) == (201, 0, hashlib.sha256(b"").hexdigest())
    assert (first.body["total_credits"], first.body["total_debits"]) == ("0.00", "0.00")
    assert status(merchant) == "sealed"
    assert (merchant.seal().status, merchant.seal().body) == (200, first.body)
    merchant.recorded(merchant.accepted(entry("10.00"), "late"))
    assert status(merchant) == "restated"
    assert merchant.seal().body["number"] == 2
    assert_seals_hold(merchant)


def test_the_hash_of_a_seal_can_be_recomputed_whatever_the_texts(merchant: Merchant) -> None:
    merchant.recorded_batch(
        [
            entry(
                f"{n}.0{n % 10}",
                type="credit" if n % 3 else "debit",
                description=text,
                category=text and text[:100],
                idempotency_key=f"{n}",
            )
            for n, text in enumerate(TEXTS, start=1)
        ]
    )
    merchant.recorded_batch([entry("0.01", idempotency_key="cent"), entry("9999999999999.99", idempotency_key="largest")])
    original = merchant.posted(merchant.accepted(entry("7.00"), "sale").body["id"])
    assert merchant.seal().status == 201
    merchant.recorded(merchant.accepted_reversal(original["id"], "refund", {"date": DATE, "description": "estornó ☕"}))
    assert merchant.seal().status == 201
    assert_seals_hold(merchant)
    assert [seal["entry_count"] for seal in merchant.seals()] == [len(TEXTS) + 4, len(TEXTS) + 3]


def test_a_currency_is_sealed_for_itself(merchant: Merchant) -> None:
    amounts = {"BRL": "1.50", "JPY": "1500", "KWD": "0.015"}
    merchant.recorded_batch([entry(amount, currency=currency, idempotency_key=currency) for currency, amount in amounts.items()])
    seal = merchant.seal(currency="JPY")
    assert (seal.status, seal.body["currency"], seal.body["total_credits"]) == (201, "JPY", "1500")
    assert merchant.seals() == []
    assert merchant.get(f"/daily-balances/{DATE}?currency=JPY").body["status"] == "sealed"
    assert status(merchant) == "open"
    for currency in amounts:
        merchant.seal(currency=currency)
        assert_seals_hold(merchant, currency)


def test_seals_made_while_entries_arrive_cover_what_they_say(merchant: Merchant) -> None:
    merchant.recorded_batch([entry("1.00", idempotency_key=f"early-{n}") for n in range(10)])

    def post_or_seal(number: int) -> int:
        if number % 7 == 3:
            return merchant.seal().status
        return merchant.accepted(entry(f"{number + 1}.00", description=f"nº {number}"), f"key-{number}").status

    # Thirty posts, five seals.
    statuses = at_once(post_or_seal, 35)
    assert [each for number, each in enumerate(statuses) if number % 7 != 3] == [202] * 30
    assert {each for number, each in enumerate(statuses) if number % 7 == 3} <= {200, 201, 409}
    merchant.settled_day(40)
    statement = merchant.statement()
    assert len(statement) == 40
    assert_seals_hold(merchant)
    assert all(line["late"] == (line["seal"] is None) for line in statement)
    merchant.seal()
    assert_seals_hold(merchant)
    assert covered(merchant.statement(), merchant.seals()[0]["number"]) == merchant.statement()
    assert status(merchant) == "sealed"
    seals = merchant.seals()
    assert [seal["number"] for seal in seals] == list(range(len(seals), 0, -1))
    counts = [seal["entry_count"] for seal in seals]
    assert counts == sorted(set(counts), reverse=True)


def test_simultaneous_seals_of_a_quiet_day_are_one(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("1.00"), "sale"))
    answers = at_once(lambda _: merchant.seal(), 10)
    # One makes the seal. Who comes meanwhile is told to come again, and who comes later is answered with it.
    (made,) = [answer for answer in answers if answer.status == 201]
    for answer in answers:
        assert answer.problem == (409, "seal_in_progress") if answer.status == 409 else answer.body == made.body
    assert (merchant.seal().status, merchant.seals()) == (200, [made.body])


def test_a_seal_shows_in_the_balance_of_a_day_that_was_not_consolidated(merchant: Merchant, stack: Stack) -> None:
    with stack.balances_unwritable():
        accepted = merchant.accepted(entry("1.00"), "sale")
        merchant.posted(accepted.body["id"])
        assert merchant.seal().status == 201
    assert merchant.recorded(accepted).status == "SUCCEEDED"
    assert (status(merchant), merchant.day().entry_count) == ("sealed", 1)


def test_who_is_no_clerk_seals_nothing_and_reads_the_seals(merchant: Merchant, stack: Stack) -> None:
    viewer = stack.users.id_token(merchant.id, "viewer")
    assert merchant.seal(token=viewer).problem == (403, "clerk_required")
    assert merchant.seals() == []
    seal = merchant.seal().body
    assert merchant.get(f"/days/{DATE}/seals", token=viewer).body == {"seals": [seal], "next_cursor": None}


def test_a_seal_of_one_merchant_seals_nothing_of_another(merchant: Merchant, stack: Stack) -> None:
    stranger = Merchant(stack)
    for who in (merchant, stranger):
        who.recorded(who.accepted(entry("1.00"), "sale"))
    merchant.seal()
    assert (stranger.seals(), status(stranger)) == ([], "open")
    assert [line["seal"] for line in stranger.statement()] == [None]


def test_the_day_before_is_sealed_on_schedule_for_every_merchant_and_currency(merchant: Merchant, stack: Stack) -> None:
    # What today is in the business time zone, an entry without a date says. Should it change meanwhile, there is the next day.
    today = date.fromisoformat(merchant.accepted(entry("1", date=None, currency="JPY"), "undated").body["date"])
    stranger = Merchant(stack)
    for day in (today - timedelta(days=1), today):
        merchant.recorded_batch(
            [entry("1.00", date=str(day), currency=currency, idempotency_key=f"{day}.{currency}") for currency in ("BRL", "USD")]
        )
        stranger.recorded(stranger.accepted(entry("2.00", date=str(day)), str(day)))
    event = json.loads((CHECKOUT / "events" / "seal-past-day" / "schedule.json").read_text())

    answer = stack.invoke("SealPastDay", event)
    sealed = answer["date"]
    assert answer.keys() == {"date", "sealed", "sealed_earlier"}
    assert sealed in (str(today - timedelta(days=1)), str(today))
    assert answer["sealed"] >= 3
    for who, currency, total in ((merchant, "BRL", "1.00"), (merchant, "USD", "1.00"), (stranger, "BRL", "2.00")):
        (seal,) = who.seals(sealed, currency)
        assert seal["total_credits"] == total
        assert who.get(f"/daily-balances/{sealed}?currency={currency}").body["status"] == "sealed"
    # Nothing is left to seal, and a late entry is found the next time.
    assert stack.invoke("SealPastDay", event) == {"date": sealed, "sealed": 0, "sealed_earlier": 0}
    merchant.recorded(merchant.accepted(entry("5.00", date=sealed), "late"))
    assert stack.invoke("SealPastDay", event) == {"date": sealed, "sealed": 1, "sealed_earlier": 0}
    assert [seal["number"] for seal in merchant.seals(sealed)] == [2, 1]
