"""A merchant of a test's own, and what a clerk of theirs does."""

import csv
import io
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from deployed.api import Answer, call
from deployed.stack import Stack
from deployed.waiting import eventually
from deployed.workflow import Execution

DATE = "2026-03-10"


class Day(NamedTuple):
    """A daily balance without what is the same in all of a test: merchant, date and currency."""

    opening: str
    credits: str
    debits: str
    closing: str
    entry_count: int


class Merchant:
    """A merchant whom no other test knows."""

    def __init__(self, stack: Stack, name: str | None = None) -> None:
        self.stack = stack
        self.id = name or f"merchant-{uuid.uuid4().hex[:12]}"
        # Of a clerk who is no operator. The clerks of `make token` are both.
        self.token = stack.users.tokens(self.id, ["clerk"])["IdToken"]

    def post(self, entry: object, key: str | None, *, token: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        """POST /entries."""
        named = {"Idempotency-Key": key} if key is not None else {}
        return call(f"{self.stack.url}/entries", "POST", token or self.token, entry, named | (headers or {}))

    def accepted(self, entry: object, key: str) -> Answer:
        """POST /entries of an entry that is none but good."""
        answer = self.post(entry, key)
        assert answer.status == 202, answer
        return answer

    def post_batch(self, entries: object) -> Answer:
        """POST /entries/batch."""
        return call(f"{self.stack.url}/entries/batch", "POST", self.token, {"entries": entries})

    def recorded_batch(self, entries: object) -> Answer:
        """POST /entries/batch, answered when the execution that it has started has ended."""
        before = self.stack.workflow.names()
        answer = self.post_batch(entries)
        assert answer.status == 202, answer
        for name in set(self.stack.workflow.names()) - set(before):
            self.stack.workflow.finished(name)
        return answer

    def reverse(self, entry_id: str, key: str | None, body: object = None, *, token: str | None = None) -> Answer:
        """POST /entries/{id}/reversal."""
        named = {"Idempotency-Key": key} if key is not None else {}
        return call(f"{self.stack.url}/entries/{entry_id}/reversal", "POST", token or self.token, body, named)

    def accepted_reversal(self, entry_id: str, key: str, body: object = None) -> Answer:
        """POST /entries/{id}/reversal of an entry that can be reversed."""
        answer = self.reverse(entry_id, key, body)
        assert answer.status == 202, answer
        return answer

    def seal(self, date: str = DATE, currency: str | None = None, *, token: str | None = None) -> Answer:
        """POST /days/{date}/seal."""
        query = f"?currency={currency}" if currency else ""
        return call(f"{self.stack.url}/days/{date}/seal{query}", "POST", token or self.token)

    def seals(self, date: str = DATE, currency: str = "BRL") -> list[dict[str, Any]]:
        """GET /days/{date}/seals, all pages."""
        seals: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self.get(f"/days/{date}/seals?currency={currency}{cursor}")
            assert answer.status == 200, answer
            seals += answer.body["seals"]
            if answer.body["next_cursor"] is None:
                return seals
            cursor = f"&cursor={answer.body['next_cursor']}"

    def events(self, *, after: str | None = None, types: str | None = None) -> list[dict[str, Any]]:
        """GET /events, page after page, until there is no more."""
        return self.events_and_cursor(after=after, types=types)[0]

    def events_and_cursor(self, *, after: str | None = None, types: str | None = None) -> tuple[list[dict[str, Any]], str]:
        """The same, and where it goes on."""
        events: list[dict[str, Any]] = []
        while True:
            given = {"after": after, "types": types}
            query = "&".join(f"{name}={quote(value, safe=',')}" for name, value in given.items() if value)
            answer = self.get(f"/events?{query}" if query else "/events")
            assert answer.status == 200, answer
            events += answer.body["events"]
            after = answer.body["next"]
            if not answer.body["has_more"]:
                return events, after

    def register_endpoint(self, url: str, types: list[str] | None = None) -> dict[str, Any]:
        """POST /webhook-endpoints of an endpoint that is none but good."""
        answer = self.change("POST", "/webhook-endpoints", {"url": url} | ({"types": types} if types else {}))
        assert answer.status == 201, answer
        return answer.body

    def deliveries(self, endpoint_id: str) -> list[dict[str, Any]]:
        """GET /webhook-endpoints/{id}/deliveries, all pages."""
        deliveries: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self.get(f"/webhook-endpoints/{endpoint_id}/deliveries?limit=100{cursor}")
            assert answer.status == 200, answer
            deliveries += answer.body["deliveries"]
            if answer.body["next_cursor"] is None:
                return deliveries
            cursor = f"&cursor={quote(answer.body['next_cursor'])}"

    def change(self, method: str, path: str, body: object = None) -> Answer:
        """Any request that changes something."""
        return call(f"{self.stack.url}{path}", method, self.token, body)

    def look_up(self, entry_id: str, *, token: str | None = None) -> Answer:
        """GET /entries/{id}."""
        return self.get(f"/entries/{entry_id}", token=token)

    def posted(self, entry_id: str) -> dict[str, Any]:
        """GET /entries/{id}, once it says that the entry is posted."""
        return eventually(lambda: self.look_up(entry_id), is_posted, f"{entry_id} to be posted").body

    def statement(self, date: str = DATE, currency: str = "BRL", limit: int = 500) -> list[dict[str, Any]]:
        """GET /entries, page after page."""
        return [line for page in self.statement_pages(date, currency, limit) for line in page]

    def statement_pages(self, date: str = DATE, currency: str = "BRL", limit: int = 500) -> Iterator[list[dict[str, Any]]]:
        """The pages of GET /entries, each asked for when it is wanted."""
        question = f"/entries?date={date}&currency={currency}&limit={limit}"
        cursor = ""
        while cursor is not None:
            answer = self.get(question + (f"&cursor={cursor}" if cursor else ""))
            assert answer.status == 200, answer
            yield answer.body["entries"]
            cursor = answer.body["next_cursor"]

    def export(self, first: str, last: str, currency: str = "BRL") -> list[dict[str, str]]:
        """The rows of GET /entries.csv, page after page."""
        return [row for page in self.export_pages(first, last, currency) for row in csv_rows(page.body)]

    def export_pages(self, first: str, last: str, currency: str = "BRL") -> Iterator[Answer]:
        """The pages of GET /entries.csv, each asked for when it is wanted."""
        path = f"/entries.csv?from={first}&to={last}&currency={currency}"
        while path is not None:
            answer = self.get(path)
            assert answer.status == 200, answer
            yield answer
            path = answer.next_page

    def get(self, path: str, *, token: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Any GET."""
        return call(f"{self.stack.url}{path}", "GET", token or self.token, headers=headers)

    def day(self, date: str = DATE, currency: str = "BRL") -> Day:
        """The balance of a day as it is now."""
        answer = self.get(f"/daily-balances/{date}?currency={currency}")
        assert answer.status == 200, answer
        assert (answer.body["date"], answer.body["currency"]) == (date, currency)
        return read_day(answer.body)

    def settled_day(self, entry_count: int, date: str = DATE, currency: str = "BRL") -> Day:
        """The balance of a day once it counts so many entries, or more.

        That says nothing of other days and of the month, which are written at the same time and in any order: to see those,
        wait for the execution.
        """
        return eventually(lambda: self.day(date, currency), lambda day: day.entry_count >= entry_count, f"{entry_count} entries on {date}")

    def entries(self) -> list[dict[str, Any]]:
        """What the ledger holds of the merchant."""
        return self.stack.ledger.entries(self.id)

    def recorded(self, answer: Answer) -> Execution:
        """The execution that has recorded an entry, once it has ended; the only one there is for it."""
        names = self.stack.workflow.names_for(answer.body["id"])
        assert len(names) == 1, names
        return self.stack.workflow.finished(names[0])


def is_posted(answer: Answer) -> bool:
    """Whether the answer to a look-up says so."""
    return answer.status == 200 and answer.body["status"] == "posted"


def csv_rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV file by the names in its first line (RFC 4180)."""
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def read_day(body: dict[str, Any]) -> Day:
    """The sums of a daily balance."""
    return Day(body["opening_balance"], body["total_credits"], body["total_debits"], body["closing_balance"], body["entry_count"])


def entry(amount: str = "10.00", **fields: object) -> dict[str, Any]:
    """A valid entry; a field that is None is left out."""
    every = {"type": "credit", "amount": amount, "date": DATE} | fields
    return {name: value for name, value in every.items() if value is not None}
