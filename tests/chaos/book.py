"""What clients sent and were promised, and what must follow from that: kept apart from everything that the system computes."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock
from typing import Any, NamedTuple

# ISO 4217.
FRACTION_DIGITS = {"BRL": 2, "USD": 2, "JPY": 0}


class Line(NamedTuple):
    """An entry as it must stand in the ledger."""

    type: str
    amount_minor: int
    currency: str
    date: str


@dataclass
class Sums:
    """The totals of a day or a month, in minor units."""

    credits: int = 0
    debits: int = 0
    entry_count: int = 0

    def add(self, line: Line) -> None:
        """Counts one entry more."""
        if line.type == "credit":
            self.credits += line.amount_minor
        else:
            self.debits += line.amount_minor
        self.entry_count += 1


@dataclass
class Account:
    """A merchant's accepted entries by id, and what contradicts them."""

    lines: dict[str, Line] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)

    @property
    def entry_count(self) -> int:
        """How many entries were accepted."""
        return len(self.lines)

    def unpacked(self) -> dict[str, Line]:
        """All of them, by id."""
        return dict(self.lines)


class Book:
    """The accepted entries of the merchants of one run."""

    def __init__(self, merchants: Iterable[str]) -> None:
        self._lock = Lock()
        self.accounts = {merchant: Account() for merchant in merchants}

    def accept(self, merchant: str, key: str, sent: dict[str, Any], entry_id: str, date: str) -> None:
        """An entry was answered with 202, for the first time or again. It is of the date that was sent, else of the one answered."""
        line = line_of(sent, date)
        with self._lock:
            account = self.accounts[merchant]
            if account.ids.setdefault(key, entry_id) != entry_id:
                account.contradictions.append(f"{key} was answered with two ids: {account.ids[key]}, {entry_id}")
            if account.lines.setdefault(entry_id, line) != line:
                account.contradictions.append(f"{entry_id} was answered for two entries: {account.lines[entry_id]}, {line}")

    def expect(self, merchant: str, entry_id: str, line: Line) -> None:
        """An entry that came another way than through the API."""
        with self._lock:
            self.accounts[merchant].lines[entry_id] = line

    @property
    def entry_count(self) -> int:
        """How many entries were accepted."""
        with self._lock:
            return sum(account.entry_count for account in self.accounts.values())

    def lines(self, merchant: str) -> dict[str, Line]:
        """A merchant's entries by id."""
        with self._lock:
            return self.accounts[merchant].unpacked()


def line_of(sent: dict[str, Any], date: str) -> Line:
    """How a payload must stand in the ledger. It is of the date that was sent, else of this one."""
    digits = FRACTION_DIGITS[sent["currency"]]
    return Line(sent["type"], int(Decimal(sent["amount"]).scaleb(digits)), sent["currency"], sent.get("date", date))


def sums(lines: Iterable[Line]) -> dict[str, dict[str, Sums]]:
    """By currency, the totals of each day (`2026-11-22`) and month (`2026-11`) with entries."""
    totals: dict[str, dict[str, Sums]] = defaultdict(lambda: defaultdict(Sums))
    for line in lines:
        totals[line.currency][line.date].add(line)
        totals[line.currency][line.date[:7]].add(line)
    return {currency: dict(periods) for currency, periods in totals.items()}


def decimal(minor: int, currency: str) -> str:
    """An amount as the API writes it."""
    return f"{Decimal(minor).scaleb(-FRACTION_DIGITS[currency]):f}"
