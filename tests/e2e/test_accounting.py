"""An independent accounting program comes to the same balances from the exported entries."""

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Balance
from deployed.merchant import Merchant, entry
from deployed.stack import Stack
from deployed.waiting import at_once

FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
ENTRY_COUNT, REVERSAL_COUNT = 600, 20
BATCH_SIZE = 200


@pytest.fixture
def merchant_with_a_year(merchant: Merchant, stack: Stack) -> Merchant:
    """A merchant who did business for a year, and took some of it back."""
    chance = random.Random(1)
    days = (LAST - FIRST).days + 1
    entries = [
        entry(
            f"{chance.randrange(1, 10 ** chance.randrange(2, 8)) / 100:.2f}",
            type=chance.choice(["credit", "credit", "debit"]),
            date=str(FIRST + timedelta(days=chance.randrange(days))),
            description=chance.choice(["Venda no cartão", '"Quoted", with a comma', "=1+1", None]),
            idempotency_key=f"key-{number}",
        )
        for number in range(ENTRY_COUNT)
    ]
    # What was carried over from the year before.
    merchant.recorded(merchant.accepted(entry("1234.56", date="2024-12-31"), "opening"))
    posted = []
    for first in range(0, ENTRY_COUNT, BATCH_SIZE):
        posted += merchant.recorded_batch(entries[first : first + BATCH_SIZE]).body["entries"]
    reversed_ones = chance.sample(list(zip(posted, entries, strict=True)), REVERSAL_COUNT)
    ids = [each["id"] for each, _ in reversed_ones]
    # Not before the entries themselves.
    dates = [str(LAST - timedelta(days=chance.randrange((LAST - date.fromisoformat(sent["date"])).days + 1))) for _, sent in reversed_ones]
    accepted = at_once(lambda n: merchant.accepted_reversal(ids[n], f"reversal-{n}", {"date": dates[n]}), REVERSAL_COUNT)
    for answer in accepted:
        assert merchant.recorded(answer).status == "SUCCEEDED"
    return merchant


def journal(rows: list[dict[str, str]], balances: list[dict[str, Any]]) -> str:
    """The rows as transactions, and the daily balances as what the program is to find, to the cent."""
    opening = balances[0]["opening_balance"]
    lines = [f"2000-01-01 open {account} BRL" for account in ("Assets:Cash", "Income:Credits", "Expenses:Debits", "Equity:Opening")]
    lines += [f'2024-12-31 * "Opening"\n  Assets:Cash {opening} BRL\n  Equity:Opening -{opening} BRL']
    for row in rows:
        sign, other = ("", "Income:Credits") if row["type"] == "credit" else ("-", "Expenses:Debits")
        lines.append(f'{row["date"]} * "{row["id"]}"\n  Assets:Cash {sign}{row["amount"]} {row["currency"]}\n  {other}')
    credits = debits = Decimal(0)
    for balance in balances:
        # The program looks at the beginning of a day.
        next_day = date.fromisoformat(balance["date"]) + timedelta(days=1)
        credits += Decimal(balance["total_credits"])
        debits += Decimal(balance["total_debits"])
        lines.append(f"{next_day} balance Assets:Cash {balance['closing_balance']} ~ 0 BRL")
        lines.append(f"{next_day} balance Income:Credits {-credits} ~ 0 BRL")
        lines.append(f"{next_day} balance Expenses:Debits {debits} ~ 0 BRL")
    return "\n".join(lines) + "\n"


def test_the_exported_entries_give_every_daily_balance(merchant_with_a_year: Merchant) -> None:
    """An accounting program reads them."""
    merchant = merchant_with_a_year
    rows = merchant.export(str(FIRST), str(LAST))
    balances = merchant.get(f"/daily-balances?from={FIRST}&to={LAST}").body["balances"]
    assert len(rows) == ENTRY_COUNT + REVERSAL_COUNT
    assert len(balances) == 365
    assert Counter(row["date"] for row in rows) == {each["date"]: each["entry_count"] for each in balances if each["entry_count"]}

    directives, errors, _ = loader.load_string(journal(rows, balances))
    assert errors == []
    assert sum(isinstance(directive, Balance) for directive in directives) == 3 * 365

    # It does look: a cent too much on the first day is seen on every day.
    wrong = [rows[0] | {"amount": str(Decimal(rows[0]["amount"]) + Decimal("0.01"))}, *rows[1:]]
    _, errors, _ = loader.load_string(journal(wrong, balances))
    assert len(errors) > 365


def test_each_reversal_in_an_export_undoes_a_row_of_it(merchant_with_a_year: Merchant) -> None:
    rows = {row["id"]: row for row in merchant_with_a_year.export(str(FIRST), str(LAST))}
    reversals = [row for row in rows.values() if row["reverses"]]
    assert len(reversals) == len({row["reverses"] for row in reversals}) == REVERSAL_COUNT
    for row in reversals:
        original = rows[row["reverses"]]
        assert (row["amount"], row["currency"], row["category"]) == (original["amount"], original["currency"], original["category"])
        assert {row["type"], original["type"]} == {"credit", "debit"}
