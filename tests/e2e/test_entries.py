"""From the request to the daily balance."""

import random
import re
import unicodedata
from datetime import date, timedelta
from typing import Any

import pytest
from deployed.merchant import DATE, Day, Merchant, entry, read_day
from deployed.waiting import eventually

TEXTS = [
    "Venda no cartão",
    "",
    "  padded  ",
    "☕ 👩‍👩‍👧‍👦 🇧🇷 🏳️‍🌈",
    "e\u0301 is not é",
    "\"double\", 'single', `back`, \\ and \\n and \\u0041; DROP TABLE entry; -- $1 %s {0}",
    "line\u2028and paragraph\u2029separators",
    "right-to-left override \u202eevil\u202c, zero width\u200bspace, byte order\ufeffmark, \ufffd, \uffff, \U0010ffff",
    "日本語 עברית العربية हिन्दी ไทย",
    "</script><b>&amp;</b>",
    "🧾" * 255,
]


def test_an_entry_is_answered_as_accepted_and_shows_in_the_balance_of_its_day(merchant: Merchant) -> None:
    posted = merchant.post(entry("150.75", description="Venda no cartão", category="vendas"), "sale-1")
    assert posted.status == 202
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", posted.body["id"])
    assert posted.headers["location"] == f"/entries/{posted.body['id']}"
    assert posted.headers["content-type"] == "application/json"
    assert not posted.is_repeat
    assert posted.body == {
        "id": posted.body["id"],
        "merchant_id": merchant.id,
        "type": "credit",
        "amount": "150.75",
        "currency": "BRL",
        "date": DATE,
        "description": "Venda no cartão",
        "category": "vendas",
        "status": "accepted",
    }
    assert merchant.settled_day(1) == Day("0.00", "150.75", "0.00", "150.75", 1)


def test_credits_are_added_and_debits_subtracted(merchant: Merchant) -> None:
    merchant.accepted(entry("150.75"), "sale-1")
    merchant.accepted(entry("200.8", type="debit"), "rent-1")
    assert merchant.settled_day(2) == Day("0.00", "150.75", "200.80", "-50.05", 2)


def test_a_backdated_entry_changes_the_balances_of_all_later_days(merchant: Merchant) -> None:
    merchant.recorded(merchant.accepted(entry("100.00", date="2026-03-10"), "march"))
    assert merchant.day("2026-03-10") == Day("0.00", "100.00", "0.00", "100.00", 1)

    for earlier in (
        merchant.accepted(entry("0.01", date="2026-03-09"), "day-before"),
        merchant.accepted(entry("30.00", date="2026-02-28", type="debit"), "month-before"),
        merchant.accepted(entry("5.00", date="1999-12-31"), "century-before"),
    ):
        merchant.recorded(earlier)

    assert merchant.day("1999-12-30") == Day("0.00", "0.00", "0.00", "0.00", 0)
    assert merchant.day("1999-12-31") == Day("0.00", "5.00", "0.00", "5.00", 1)
    assert merchant.day("2026-02-28") == Day("5.00", "0.00", "30.00", "-25.00", 1)
    assert merchant.day("2026-03-09") == Day("-25.00", "0.01", "0.00", "-24.99", 1)
    assert merchant.day("2026-03-10") == Day("-24.99", "100.00", "0.00", "75.01", 1)
    assert merchant.day("2026-12-31") == Day("75.01", "0.00", "0.00", "75.01", 0)


def test_a_range_has_one_balance_for_every_day(merchant: Merchant) -> None:
    merchant.recorded_batch(
        [
            entry("9.00", date="2026-01-15", idempotency_key="january"),
            entry("1.00", date="2026-02-28", idempotency_key="february"),
            entry("2.00", date="2026-03-02", type="debit", idempotency_key="march"),
        ]
    )
    answer = merchant.get("/daily-balances?from=2026-02-27&to=2026-03-03")
    assert answer.status == 200
    assert {body["date"]: read_day(body) for body in answer.body["balances"]} == {
        "2026-02-27": Day("9.00", "0.00", "0.00", "9.00", 0),
        "2026-02-28": Day("9.00", "1.00", "0.00", "10.00", 1),
        "2026-03-01": Day("10.00", "0.00", "0.00", "10.00", 0),
        "2026-03-02": Day("10.00", "0.00", "2.00", "8.00", 1),
        "2026-03-03": Day("8.00", "0.00", "0.00", "8.00", 0),
    }
    updated = [body["updated_at"] is not None for body in answer.body["balances"]]
    assert updated == [False, True, False, True, False]


def test_every_day_of_a_range_is_what_the_day_alone_says(merchant: Merchant) -> None:
    first = date(2025, 12, 20)
    dates = [str(first + timedelta(days=9 * n)) for n in range(12)]
    merchant.recorded_batch([entry(f"{n + 1}.10", date=dates[n], idempotency_key=f"key-{n}") for n in range(12)])

    whole = merchant.get(f"/daily-balances?from={first}&to={dates[-1]}").body["balances"]
    assert len(whole) == 9 * 11 + 1
    for body in random.Random(1).sample(whole, 10):
        assert body == merchant.get(f"/daily-balances/{body['date']}").body


def test_a_batch_of_500_over_days_and_currencies_is_recorded_whole(merchant: Merchant) -> None:
    days = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]
    amounts = {"BRL": "0.01", "JPY": "7", "KWD": "0.001", "USD": "1000000.00", "UYU": "1.50"}
    kinds = ["credit"] * 15 + ["debit"] * 10
    entries = [
        entry(amount, date=day, currency=currency, type=kind, idempotency_key=f"{day}.{currency}.{number}")
        for day in days
        for currency, amount in amounts.items()
        for number, kind in enumerate(kinds)
    ]
    random.Random(1).shuffle(entries)
    assert len(entries) == 500

    posted = merchant.recorded_batch(entries)
    assert {line["status"] for line in posted.body["entries"]} == {"accepted"}
    assert {currency: merchant.day(days[1], currency) for currency in amounts} == {
        "BRL": Day("0.05", "0.15", "0.10", "0.10", 25),
        "JPY": Day("35", "105", "70", "70", 25),
        "KWD": Day("0.005", "0.015", "0.010", "0.010", 25),
        "USD": Day("5000000.00", "15000000.00", "10000000.00", "10000000.00", 25),
        "UYU": Day("7.50", "22.50", "15.00", "15.00", 25),
    }
    assert merchant.day(days[3], "KWD") == Day("0.015", "0.015", "0.010", "0.020", 25)

    # In the order of the request.
    stored = {row["id"]: (row["date"], row["currency"], row["type"]) for row in merchant.entries()}
    answered = [stored[line["id"]] for line in posted.body["entries"]]
    assert answered == [(sent["date"], sent["currency"], sent["type"]) for sent in entries]


@pytest.mark.parametrize(
    ("currency", "amount", "answered", "minor"),
    [("JPY", "1500", "1500", 1500), ("KWD", "1.5", "1.500", 1500), ("BRL", "15", "15.00", 1500), (None, "0.10", "0.10", 10)],
)
def test_amounts_have_the_digits_of_their_currency(
    merchant: Merchant, currency: str | None, amount: str, answered: str, minor: int
) -> None:
    posted = merchant.accepted(entry(amount, currency=currency), "key")
    assert (posted.body["amount"], posted.body["currency"]) == (answered, currency or "BRL")
    assert merchant.settled_day(1, currency=currency or "BRL").credits == answered
    assert [(row["amount_minor"], row["currency"]) for row in merchant.entries()] == [(minor, currency or "BRL")]


def test_the_largest_amounts_add_up_past_64_bits(merchant: Merchant) -> None:
    # In the currency with the most digits a hundred are enough: a signed 64-bit number of minor units holds 92 of them.
    merchant.post_batch([entry("9999999999999.99", currency="CLF", idempotency_key=f"key-{n}") for n in range(100)])
    assert merchant.settled_day(100, currency="CLF").closing == "999999999999999.0000"


def test_an_entry_without_a_date_is_of_a_business_day_near_today(merchant: Merchant) -> None:
    posted = merchant.accepted(entry("1.00", date=None), "undated")
    assert abs(date.fromisoformat(posted.body["date"]) - date.today()) <= timedelta(days=1)
    assert merchant.settled_day(1, posted.body["date"]) == Day("0.00", "1.00", "0.00", "1.00", 1)


def test_a_repeat_is_answered_as_the_first_was_and_recorded_once(merchant: Merchant) -> None:
    first = merchant.accepted(entry("10.00"), "once")
    merchant.recorded(first)
    for key in ("once", '"once"'):
        repeat = merchant.accepted(entry("10.0", currency="BRL"), key)
        assert (repeat.body, repeat.headers["location"]) == (first.body, first.headers["location"])
        assert repeat.is_repeat
    # A second execution would be an error of `recorded`.
    merchant.recorded(first)
    assert merchant.day() == Day("0.00", "10.00", "0.00", "10.00", 1)
    assert len(merchant.entries()) == 1


def test_equal_payloads_under_two_keys_are_two_entries(merchant: Merchant) -> None:
    coffees = [merchant.accepted(entry("3.00"), f"coffee-{n}") for n in range(2)]
    assert coffees[0].body["id"] != coffees[1].body["id"]
    assert merchant.settled_day(2) == Day("0.00", "6.00", "0.00", "6.00", 2)


def test_another_payload_under_a_used_key_is_refused(merchant: Merchant) -> None:
    # The door may look away once: when Redis takes longer than its 50 ms, the second payload goes through to the ledger,
    # which keeps it apart (`test_another_payload_under_a_forgotten_key…`). A busy machine must not fail this test for it.
    tries = iter(range(1000))

    def refused() -> tuple[int, Any]:
        key = f"used-{next(tries)}"
        first = merchant.accepted(entry("10.00"), key)
        refusal = merchant.post(entry("10.01"), key)
        return (first, refusal)

    first, refusal = eventually(refused, lambda seen: seen[1].status != 202, "another payload under a used key to be refused")
    assert refusal.problem == (422, "idempotency_key_reused")
    merchant.recorded(first)
    assert [row["amount_minor"] for row in merchant.entries() if row["id"] == first.body["id"]] == [1000]


def test_a_text_comes_back_as_it_was_sent_and_is_stored_so(merchant: Merchant) -> None:
    posted = [merchant.accepted(entry(description=text, category=text[:100]), f"key-{n}") for n, text in enumerate(TEXTS)]
    assert [(answer.body["description"], answer.body["category"]) for answer in posted] == [(text, text[:100]) for text in TEXTS]
    for answer in posted:
        merchant.recorded(answer)
    stored = {row["id"]: (row["description"], row["category"]) for row in merchant.entries()}
    assert [stored[answer.body["id"]] for answer in posted] == [(text, text[:100]) for text in TEXTS]
    # What a repeat is answered has been to Redis and back.
    assert [merchant.accepted(entry(description=text, category=text[:100]), f"key-{n}").body for n, text in enumerate(TEXTS)] == [
        answer.body for answer in posted
    ]


def test_any_unicode_text_is_stored_unchanged(merchant: Merchant) -> None:
    characters = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cc", "Cs")]
    chance = random.Random(1)
    texts = ["".join(chance.sample(characters, 255)) for _ in range(100)]
    posted = merchant.recorded_batch([entry(description=text, idempotency_key=f"key-{n}") for n, text in enumerate(texts)])
    stored = {row["id"]: row["description"] for row in merchant.entries()}
    assert [stored[line["id"]] for line in posted.body["entries"]] == texts
