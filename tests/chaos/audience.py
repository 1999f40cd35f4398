"""Who is told of events: of each merchant of a fault, one who reads the feed, and a receiver of webhooks."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from deployed.api import Answer, call

from chaos.feed import Reader
from chaos.proxy import Rule
from chaos.receiver import PATH, Behaviour, Receiver, receiving
from chaos.system import System

PAGE = 100


@dataclass
class Member:
    """A merchant's reader and receiver."""

    merchant: str
    url: str
    token: str
    receiver: Receiver
    reader: Reader
    endpoint_id: str

    def ask(self, method: str, path: str = "") -> Answer:
        """A request about the endpoint that is none but good."""
        answer = call(f"{self.url}/webhook-endpoints/{self.endpoint_id}{path}", method, self.token)
        assert 200 <= answer.status < 300, f"{method} {path} of the endpoint of {self.merchant}: {answer}"
        return answer

    def deliveries(self, status: str = "") -> list[dict[str, Any]]:
        """The deliveries of the endpoint, or those of a status, as the API tells of them."""
        found: list[dict[str, Any]] = []
        query = f"?limit={PAGE}" + (f"&status={status}" if status else "")
        cursor: str | None = ""
        while cursor is not None:
            page = self.ask("GET", f"/deliveries{query}" + (f"&cursor={quote(cursor)}" if cursor else "")).body
            found += page["deliveries"]
            cursor = page["next_cursor"]
        return found

    def redeliver_failed(self) -> int:
        """Has delivered again what failed for good, as a user does; answers how many."""
        failed = self.deliveries("failed")
        for delivery in failed:
            self.ask("POST", f"/deliveries/{delivery['id']}/redeliver")
        return len(failed)


@dataclass
class Audience:
    """All of them, and what is done to some."""

    system: System
    members: dict[str, Member]
    # Whether failures for good are expected, and a user has them delivered again.
    redelivers: bool = False
    redelivered: int = 0
    # Whose receivers something was done to, and from when to when, in seconds since 1970.
    disturbed: list[str] = field(default_factory=list)
    began_at: float = 0
    ended_at: float = 0

    @contextmanager
    def unreachable(self, merchants: list[str], rule: Rule) -> Iterator[None]:
        """What is sent to their receivers is under this rule."""
        with self._disturbing(merchants), ExitStack() as ruled:
            for merchant in merchants:
                ruled.enter_context(self.system.ruled(door_of(merchant), rule))
            yield

    @contextmanager
    def behaving(self, merchants: list[str], behaviour: Behaviour) -> Iterator[None]:
        """Their receivers behave like that."""
        with self._disturbing(merchants), ExitStack() as behaving:
            for merchant in merchants:
                behaving.enter_context(self.members[merchant].receiver.behaving(behaviour))
            yield

    @contextmanager
    def _disturbing(self, merchants: list[str]) -> Iterator[None]:
        self.disturbed, self.began_at = merchants, time.time()
        try:
            yield
        finally:
            self.ended_at = time.time()

    def lags_of_others(self) -> list[float]:
        """How long events that were recorded meanwhile took to the receivers that nothing was done to."""
        return [
            came_at - recorded_at
            for merchant, member in self.members.items()
            if merchant not in self.disturbed
            for event_id, came_at in member.receiver.first_at.items()
            if self.began_at
            <= (recorded_at := datetime.fromisoformat(member.receiver.events[event_id]["time"]).timestamp())
            <= self.ended_at
        ]


def door_of(merchant: str) -> str:
    """What the door before a merchant's receiver is called."""
    return f"receiver of {merchant}"


@contextmanager
def listening(system: System, tokens: dict[str, str]) -> Iterator[Audience]:
    """Merchants without events register an endpoint at a receiver of their own, and read their feed, until the end of the block."""
    with ExitStack() as opened:
        members = {merchant: opened.enter_context(member(system, merchant, token)) for merchant, token in tokens.items()}
        yield Audience(system, members)


@contextmanager
def member(system: System, merchant: str, token: str) -> Iterator[Member]:
    """One of them. Afterwards nothing is sent any more."""
    with receiving() as receiver:
        url = f"http://127.0.0.1:{system.open_door(door_of(merchant), receiver.port)}{PATH}"
        answer = call(f"{system.url}/webhook-endpoints", "POST", token, {"url": url})
        assert answer.status == 201, f"the endpoint of {merchant} was not registered: {answer}"
        receiver.secret = answer.body["secret"]
        joined = Member(merchant, system.url, token, receiver, Reader(system.url, token), answer.body["id"])
        joined.reader.start()
        try:
            yield joined
            joined.ask("DELETE")
        finally:
            joined.reader.stop()
