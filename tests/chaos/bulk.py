"""Very many entries: batches of 500 that several clients send as fast as they are accepted, and what is kept of them to audit them.

An entry is a function of its number, so that of each accepted one only the id is kept: 16 bytes. A merchant's entries are made again when
they are audited, one merchant after the other.
"""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from deployed.api import Answer, call

from chaos.book import Account, Line, line_of
from chaos.load import ACCEPTED, BACKDATED_DAYS, PAUSE_MAX_S, Load, attempted

BATCH_SIZE = 500
CLIENTS = 6
PATIENCE_S = 240
PAUSE_S = 0.5
ID_BYTES = 16
# One batch in so many is sent once more when it has been accepted.
REPEATED_ONE_IN = 10


@dataclass
class BulkAccount(Account):
    """A merchant's accepted batches: of each, by its number, the ids of its entries, in order."""

    merchant: str = ""
    batches: dict[int, bytes] = field(default_factory=dict)
    booking: threading.Lock = field(default_factory=threading.Lock)

    def accept(self, number: int, ids: list[str]) -> None:
        """A batch was answered with 202, for the first time or again."""
        packed = b"".join(UUID(entry_id).bytes for entry_id in ids)
        with self.booking:
            if self.batches.setdefault(number, packed) != packed:
                self.contradictions.append(f"batch {number} of {self.merchant} was answered with other ids")

    @property
    def entry_count(self) -> int:
        """How many entries were accepted."""
        with self.booking:
            return sum(len(packed) for packed in self.batches.values()) // ID_BYTES

    def unpacked(self) -> dict[str, Line]:
        """All entries, made again."""
        with self.booking:
            batches = dict(self.batches)
        return {
            str(UUID(bytes=packed[start : start + ID_BYTES])): line_of(sent, "")
            for number, packed in batches.items()
            for start, sent in zip(range(0, len(packed), ID_BYTES), entries(number).values(), strict=True)
        }


def entries(number: int) -> dict[str, dict[str, Any]]:
    """The entries of a batch, by their keys."""
    chance, today = random.Random(number), date.today()
    days = [(today - timedelta(days=chance.randrange(BACKDATED_DAYS))).isoformat() for _ in range(5)]
    return {
        f"bulk-{number}-{index}": {
            "type": chance.choice(("credit", "debit")),
            "amount": f"{chance.randint(1, 999_999)}.{index % 100:02}",
            "currency": "BRL",
            "date": chance.choice(days),
        }
        for index in range(BATCH_SIZE)
    }


class Bulk:
    """The clients."""

    def __init__(self, load: Load, url: str, tokens: dict[str, str], batches: int) -> None:
        self._load = load
        self._url = url
        self._tokens = tokens
        self._merchants = list(tokens)
        self._accounts = {merchant: BulkAccount(merchant=merchant) for merchant in tokens}
        self._numbers = iter(range(batches))
        self._repeats = count()
        self._taking = threading.Lock()
        self._stopped = threading.Event()
        self.given_up = 0
        for merchant, account in self._accounts.items():
            load.add_merchant(merchant, tokens[merchant], account)

    @property
    def accepted(self) -> int:
        """How many entries were accepted so far."""
        return sum(account.entry_count for account in self._accounts.values())

    def start(self) -> "ThreadPoolExecutor":
        """Sends until all are accepted; leaving the pool's block waits for that."""
        pool = ThreadPoolExecutor(CLIENTS, thread_name_prefix="bulk")
        self._clients = [pool.submit(self._send) for _ in range(CLIENTS)]
        return pool

    @property
    def is_sending(self) -> bool:
        """Whether any client still sends."""
        return any(not client.done() for client in self._clients)

    def stop(self) -> None:
        """Nothing new is sent."""
        self._stopped.set()

    def _send(self) -> None:
        for number in self._next():
            merchant = self._merchants[number % len(self._merchants)]
            self._deliver(number, merchant)
            if next(self._repeats) % REPEATED_ONE_IN == 0:
                self._deliver(number, merchant)

    def _next(self) -> Iterator[int]:
        while not self._stopped.is_set():
            with self._taking:
                number = next(self._numbers, None)
            if number is None:
                return
            yield number

    def _deliver(self, number: int, merchant: str) -> None:
        """Sends a batch until it is accepted."""
        body = {"entries": [entry | {"idempotency_key": key} for key, entry in entries(number).items()]}
        pause_s, deadline = PAUSE_S, time.monotonic() + PATIENCE_S

        def post() -> Answer:
            return call(f"{self._url}/entries/batch", "POST", self._tokens[merchant], body)

        while not self._stopped.is_set():
            attempt, answer = attempted(post)
            self._load.other_attempts.append(attempt)
            if answer and answer.status == ACCEPTED:
                self._accounts[merchant].accept(number, [entry["id"] for entry in answer.body["entries"]])
                return
            if time.monotonic() > deadline:
                self.given_up += 1
                return
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MAX_S)
