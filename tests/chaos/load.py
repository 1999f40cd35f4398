"""Clients: points of sale that send entries at a steady rate, whatever the answers, and repeat what was not accepted."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.client import HTTPException
from itertools import count
from typing import Any

from deployed.api import Answer, call

from chaos.book import FRACTION_DIGITS, Account, Book

CLIENTS = 64
# One merchant has most of the traffic, and few days: writers meet.
HOT_SHARE = 0.5
BACKDATED_DAYS = 70
BATCH_SIZES = (2, 25)
# How a point of sale repeats: soon, then less often, until it is accepted or has tried for this long.
FIRST_PAUSE_S = 0.3
PAUSE_MAX_S = 3
PATIENCE_S = 300
ACCEPTED = 202


@dataclass(frozen=True)
class Attempt:
    """One POST. Times are of the monotonic clock."""

    sent_at: float
    ended_at: float
    # None: no answer.
    status: int | None
    retry_after: str | None
    is_repeat: bool

    @property
    def failed(self) -> bool:
        """Whether the client was not told that its entries are accepted."""
        return self.status is None or not 200 <= self.status < 300


@dataclass
class Sale:
    """What a client wants to have recorded: one entry, or a batch."""

    merchant: str
    entries: dict[str, dict[str, Any]]
    is_batch: bool
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether it was, in the end."""
        return bool(self.attempts) and not self.attempts[-1].failed


class Load:
    """The clients of some merchants."""

    def __init__(self, url: str, tokens: dict[str, str], seed: int) -> None:
        self.book = Book(tokens)
        self.sales: list[Sale] = []
        # Those of other clients, who answer for themselves.
        self.other_attempts: list[Attempt] = []
        # Where requests go, each to one of them.
        self.urls = [url]
        self._tokens = tokens
        self._merchants = list(tokens)
        self._chance = random.Random(seed)
        self._numbers = count(1)
        self._turn = count()
        self._pool = ThreadPoolExecutor(CLIENTS, thread_name_prefix="client")
        self._waiting: list[Future[Sale]] = []
        self._sending = threading.Lock()
        self._stopped = threading.Event()
        self._generator: threading.Thread | None = None
        self._today = date.today()

    def start(self, rate: float) -> None:
        """Sends so many requests a second from now on."""
        self._generator = threading.Thread(target=self._generate, args=(rate,), name="load", daemon=True)
        self._generator.start()

    def stop(self) -> None:
        """Sends nothing new, and returns when every client has been answered, or has given up."""
        self._stopped.set()
        if self._generator:
            self._generator.join()
        for future in self._waiting:
            future.result()
        self._pool.shutdown()

    def abandon(self) -> None:
        """Sends nothing more at all."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def send(self, sale: Sale) -> "Future[Sale]":
        """Sends it now, and again until it is accepted."""
        self.sales.append(sale)
        future = self._pool.submit(self._deliver, sale)
        self._waiting.append(future)
        return future

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Everything that was sent has been answered, and nothing is sent: what is done meanwhile meets no request."""
        with self._sending:
            for future in self._waiting:
                future.result()
            yield

    def sale(self, merchant: str | None = None, size: int = 0, **fields: object) -> Sale:
        """A new one, with entries of its own; of `size` 0 it is a single entry."""
        chosen = merchant or (self._merchants[0] if self._chance.random() < HOT_SHARE else self._chance.choice(self._merchants[1:]))
        # A batch is answered with ids only: nobody would know the date of an entry without one.
        dated = {"date": self._today.isoformat()} if size else {}
        entries = {f"pos-{next(self._numbers)}": dated | self._entry() | fields for _ in range(max(size, 1))}
        return Sale(chosen, entries, size > 0)

    @property
    def attempts(self) -> list[Attempt]:
        """Every POST."""
        return [*(attempt for sale in self.sales for attempt in sale.attempts), *self.other_attempts]

    def token(self, merchant: str) -> str:
        """Of a clerk of that merchant."""
        return self._tokens[merchant]

    def add_merchant(self, merchant: str, token: str, account: Account) -> None:
        """Another merchant, for whom other clients send. What they are answered is audited with the rest."""
        self._tokens[merchant] = token
        self.book.accounts[merchant] = account

    def post(self, sale: Sale) -> Attempt:
        """Sends it once, and books what is accepted."""
        attempt, answer = attempted(lambda: self._call(sale))
        sale.attempts.append(attempt)
        if answer and answer.status == ACCEPTED:
            accepted = answer.body["entries"] if sale.is_batch else [answer.body]
            for (key, sent), entry in zip(sale.entries.items(), accepted, strict=True):
                self.book.accept(sale.merchant, key, sent, entry["id"], entry.get("date", ""))
        return attempt

    def _call(self, sale: Sale) -> Answer:
        token, url = self._tokens[sale.merchant], self.urls[next(self._turn) % len(self.urls)]
        if sale.is_batch:
            entries = [entry | {"idempotency_key": key} for key, entry in sale.entries.items()]
            return call(f"{url}/entries/batch", "POST", token, {"entries": entries})
        ((key, entry),) = sale.entries.items()
        return call(f"{url}/entries", "POST", token, entry, {"Idempotency-Key": key})

    def _deliver(self, sale: Sale) -> Sale:
        pause_s, deadline = FIRST_PAUSE_S, time.monotonic() + PATIENCE_S
        while self.post(sale).failed and time.monotonic() < deadline:
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MAX_S)
        return sale

    def _generate(self, rate: float) -> None:
        """Open loop: what is sent does not depend on what is answered."""
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due += 1 / rate
            with self._sending:
                for sale in self._next():
                    self.send(sale)

    def _next(self) -> list[Sale]:
        """What the clients send next: mostly single entries; some batches, repeats, and repeats at the same moment."""
        draw = self._chance.random()
        if draw < 0.12:
            return [self.sale(size=self._chance.randint(*BATCH_SIZES))]
        if draw < 0.20 and self.sales:
            known = self._chance.choice(self.sales)
            return [Sale(known.merchant, known.entries, known.is_batch)]
        sale = self.sale()
        if draw < 0.25:
            return [sale, Sale(sale.merchant, sale.entries, sale.is_batch)]
        return [sale]

    def _entry(self) -> dict[str, Any]:
        currency = self._chance.choices(list(FRACTION_DIGITS), [8, 1, 1])[0]
        minor = self._chance.choice([self._chance.randint(1, 99), self._chance.randint(100, 500_000), 999_999_999_999])
        digits = FRACTION_DIGITS[currency]
        entry = {
            "type": self._chance.choice(["credit", "credit", "debit"]),
            "amount": f"{minor // 10**digits}.{minor % 10**digits:0{digits}}" if digits else str(minor),
            "currency": currency,
        }
        draw = self._chance.random()
        if draw < 0.6:
            entry["date"] = self._today.isoformat()
        elif draw < 0.9:
            entry["date"] = (self._today - timedelta(days=self._chance.randrange(BACKDATED_DAYS))).isoformat()
        # Else without a date: of the day that the system says.
        return entry


def attempted(post: Callable[[], Answer]) -> tuple[Attempt, Answer | None]:
    """Posts once: what is to be remembered of it, and the answer, if there was one."""
    sent_at = time.monotonic()
    try:
        answer = post()
    except (OSError, HTTPException, ValueError):
        # Refused, cut off, out of time, or not even JSON.
        answer = None
    status, headers = (answer.status, answer.headers) if answer else (None, {})
    attempt = Attempt(sent_at, time.monotonic(), status, headers.get("retry-after"), bool(answer and answer.is_repeat))
    return attempt, answer
