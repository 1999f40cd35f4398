"""The audit: the ledger holds every accepted entry once and nothing else, and every balance is the exact sum."""

import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from deployed.api import call

from chaos.book import FRACTION_DIGITS, Book, Line, Sums, decimal, sums
from chaos.system import System

POLL_S = 0.5
SHOWN_MAX = 3
RANGE_DAYS = 100


@dataclass
class Findings:
    """What an audit has found wrong."""

    # Accepted entries that are not in the ledger, or not as they were accepted.
    lost: int = 0
    # Entries in the ledger that nobody was promised.
    doubled: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.differences


def converged(system: System, book: Book, tokens: dict[str, str], timeout_s: float) -> tuple[Findings, float]:
    """Audits again and again until all is exact, or the time is up; with the moment of the last audit's beginning."""
    deadline = time.monotonic() + timeout_s
    while True:
        began_at = time.monotonic()
        # What is quick to see first: comparing a million entries takes a while.
        if began_at <= deadline and posted(system, book) < book.entry_count:
            time.sleep(POLL_S)
            continue
        findings = audit_stores(system, book)
        if findings.clean or began_at > deadline:
            findings.differences += audit_answers(system, book, tokens)
            return findings, began_at
        time.sleep(POLL_S)


def posted(system: System, book: Book) -> int:
    """How many entries the ledger has of the merchants of a book."""
    merchants = ", ".join("'{}'".format(merchant.replace("'", "''")) for merchant in book.accounts)
    return int(system.ledger_answer(f"SELECT count(*) FROM entry WHERE merchant_id IN ({merchants})"))


def audit_stores(system: System, book: Book) -> Findings:
    """Compares the ledger's rows and the read model's items with the book."""
    findings = Findings()
    for merchant, account in book.accounts.items():
        expected = book.lines(merchant)
        findings.differences += account.contradictions[:SHOWN_MAX]
        audit_ledger(merchant, expected, system, findings)
        totals = sums(expected.values())
        for currency in FRACTION_DIGITS:
            wanted = totals.get(currency, {})
            findings.differences += different(f"{merchant}#{currency}", wanted, items(system, f"{merchant}#{currency}"))
    return findings


def audit_whole(system: System, books: list[Book]) -> list[str]:
    """Audits everything again, after everything that came later, and counts: nothing is there that belongs to no book."""
    differences = [difference for book in books for difference in audit_stores(system, book).differences]
    expected, held = sum(book.entry_count for book in books), int(system.ledger_answer("SELECT count(*) FROM entry"))
    if expected != held:
        differences.append(f"the ledger holds {held} entries, accepted were {expected}")
    return differences


def audit_ledger(merchant: str, expected: dict[str, Line], system: System, findings: Findings) -> None:
    """Compares a merchant's rows."""
    rows = system.ledger.entries(merchant)
    held = {row["id"]: Line(row["type"], row["amount_minor"], row["currency"], row["date"]) for row in rows}
    lost = [entry for entry, line in expected.items() if held.get(entry) != line]
    unknown = [entry for entry in held if entry not in expected]
    findings.lost += len(lost)
    findings.doubled += len(unknown) + len(rows) - len(held)
    findings.differences += [f"{merchant}: {entry} was accepted and is not in the ledger" for entry in lost[:SHOWN_MAX]]
    findings.differences += [f"{merchant}: {entry} is in the ledger and was not accepted" for entry in unknown[:SHOWN_MAX]]


def different(name: str, wanted: dict[str, Sums], held: dict[str, Sums]) -> list[str]:
    """In which totals two sets of days and months differ."""
    periods = sorted(period for period in wanted | held if wanted.get(period) != held.get(period))
    return [f"{name} {period}: should be {wanted.get(period)}, is {held.get(period)}" for period in periods[:SHOWN_MAX]]


def items(system: System, partition: str) -> dict[str, Sums]:
    """What DynamoDB holds of a merchant and currency, by day and month."""
    read = TypeDeserializer().deserialize
    query: dict[str, Any] = {
        "TableName": system.ids["balances_table"],
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": partition}},
        "ConsistentRead": True,
    }
    found = {}
    for page in system.balances.get_paginator("query").paginate(**query):
        for item in page["Items"]:
            values = {name: read(value) for name, value in item.items()}
            kind, period = values["sk"].split("#")
            if kind == "day":
                found[period] = Sums(int(values["credits"]), int(values["debits"]), int(values["entry_count"]))
            else:
                found |= {f"{period}-{name[1:]}": month(text) for name, text in values.items() if name not in ("pk", "sk")}
    return found


def month(text: str) -> Sums:
    """The totals of a month, as the item of its year holds them."""
    _epoch, entry_count, credits, debits, _updated_at = map(int, text.split(" "))
    return Sums(credits, debits, entry_count)


def audit_answers(system: System, book: Book, tokens: dict[str, str]) -> list[str]:
    """Compares what the API answers for each day, also those without entries, with the book."""
    last = date.today() + timedelta(days=1)
    first = last - timedelta(days=RANGE_DAYS)
    differences = []
    for merchant, token in tokens.items():
        totals = sums(book.lines(merchant).values())
        for currency in FRACTION_DIGITS:
            answer = call(f"{system.url}/daily-balances?from={first}&to={last}&currency={currency}", "GET", token)
            wanted = balances(totals.get(currency, {}), currency, first, last)
            if answer.status != 200:
                differences.append(f"{merchant} {currency}: the balances were answered with {answer.status}")
                continue
            shown = [{name: day[name] for name in wanted[0]} for day in answer.body["balances"]]
            pairs = [(want, have) for want, have in zip(wanted, shown, strict=True) if want != have]
            differences += [f"{merchant} {currency}: the API should answer {want}, answers {have}" for want, have in pairs[:SHOWN_MAX]]
    return differences


def balances(totals: dict[str, Sums], currency: str, first: date, last: date) -> list[dict[str, Any]]:
    """The balance of every day as the API has to answer it. No entry lies before the first day."""
    lines, opening = [], 0
    for offset in range((last - first).days + 1):
        day = (first + timedelta(days=offset)).isoformat()
        of_day = totals.get(day, Sums())
        closing = opening + of_day.credits - of_day.debits
        lines.append(
            {
                "date": day,
                "opening_balance": decimal(opening, currency),
                "total_credits": decimal(of_day.credits, currency),
                "total_debits": decimal(of_day.debits, currency),
                "closing_balance": decimal(closing, currency),
                "entry_count": of_day.entry_count,
            }
        )
        opening = closing
    return lines
