"""`make flow ENTRY=…` on the second door: where an entry is in the log, and how far it has come from there.

A record of `fluxo.totals` names no entries. That of an entry is the first one with totals of the entry's day that were read after it was
posted.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fluxo_local import flow, history, kafka_client, terminal
from fluxo_local.aws import ask
from fluxo_local.parked_log import CONSUMERS, DELAYS, REDRIVE, RETRIERS, Waiting
from fluxo_local.profile import Profile
from fluxo_local.wording import clock, moment, pause


@dataclass(frozen=True)
class Balance:
    """Up to where totals of a day go: one that covers more, or is of a later epoch, has replaced the others."""

    epoch: int
    entry_count: int

    @property
    def version(self) -> tuple[int, int]:
        """What is compared."""
        return self.epoch, self.entry_count


@dataclass(frozen=True)
class Flow:
    """What is known of an entry."""

    entry: str
    merchant: str | None
    records: list[dict[str, Any]]
    """Those of the topic of entries that have it, the oldest first."""
    tried_again: list[tuple[str, dict[str, Any]]]
    """By topic, those that have it, or totals of its day, in the order in which they were appended."""
    posted: Mapping[str, Any] | None
    """What the API answers of it, if it is posted."""
    totals: tuple[dict[str, Any], Balance] | None
    """The record with its totals, and up to where they go."""
    balance: Balance | None
    """What the balance of its day goes up to."""


def show_flow(profile: Profile, entry: str, merchant: str | None) -> None:
    """Prints it, from the local stack. An entry that the log does not have may have come through the functions."""
    entry = flow.entry_id(entry)
    stack = profile.stack()
    brokers = stack["kafka_brokers"]
    records = kafka_client.records_containing(entry, brokers, "entries", CONSUMERS["entries"][0])
    if not records:
        terminal.say(f"The log has no record of the entry {entry}.")
        flow.show_executions(profile, entry, merchant)
        return
    found = of_entry(profile, stack, entry, merchant, records)
    for line in report(found, datetime.now(history.UTC)):
        terminal.say(line)
    terminal.say(flow.ledger_says(profile, stack, entry, found.merchant) if found.merchant else flow.NOT_ASKED)


def of_entry(profile: Profile, stack: Mapping[str, Any], entry: str, merchant: str | None, records: list[dict[str, Any]]) -> Flow:
    """What the log, the API and the table know."""
    brokers = stack["kafka_brokers"]
    merchant = merchant or Waiting.read(records[0], None).merchant
    status, answer = flow.answer_of_api(profile, stack, entry, merchant) if merchant else (404, None)
    posted = answer if status == 200 and answer and answer["status"] == "posted" else None
    totals = None
    if merchant and posted:
        of_merchant = kafka_client.records_containing(f'"{merchant}"', brokers, "totals", CONSUMERS["totals"][0])
        totals = first_totals(of_merchant, merchant, posted)
    tried_again = [
        (topic, record)
        for topic in (*DELAYS, "dead")
        for record in kafka_client.records_containing(f'"{merchant}"' if merchant else entry, brokers, topic, *RETRIERS.values(), REDRIVE)
        if entry in record["value"] or (posted and totals_in(record, merchant, posted) is not None)
    ]
    return Flow(
        entry,
        merchant,
        records,
        sorted(tried_again, key=lambda each: each[1]["appended_at_ms"]),
        posted,
        totals,
        balance_of(stack, merchant, posted) if merchant and posted else None,
    )


def first_totals(records: list[dict[str, Any]], merchant: str, posted: Mapping[str, Any]) -> tuple[dict[str, Any], Balance] | None:
    """The first record with totals that were read when the entry was posted."""
    with_balance = ((record, totals_in(record, merchant, posted)) for record in records)
    return next(((record, balance) for record, balance in with_balance if balance), None)


def totals_in(record: Mapping[str, Any], merchant: str | None, posted: Mapping[str, Any]) -> Balance | None:
    """The totals of the entry's day in a record, if they cover it."""
    try:
        value = json.loads(record["value"])
        if value["merchant_id"] != merchant or history.moment(value["totals_at"]) < history.moment(posted["posted_at"]):
            return None
        of_day = (each for each in value["totals"] if (each["currency"], each["period"]) == (posted["currency"], posted["date"]))
        return next((Balance(value["epoch"], each["entry_count"]) for each in of_day), None)
    except (ValueError, KeyError, TypeError):
        return None


def balance_of(stack: Mapping[str, Any], merchant: str, posted: Mapping[str, Any]) -> Balance | None:
    """What the table has of the entry's day."""
    key = {"pk": {"S": f"{merchant}#{posted['currency']}"}, "sk": {"S": f"day#{posted['date']}"}}
    request = {"TableName": stack["balances_table"], "Key": key, "ConsistentRead": True}
    item = ask(stack["port"], "dynamodb", "DynamoDB_20120810.GetItem", request).get("Item", {})
    return Balance(int(item["epoch"]["N"]), int(item["entry_count"]["N"])) if "entry_count" in item else None


def report(found: Flow, now: datetime) -> Iterator[str]:
    """The lines for a person, all but what the ledger says."""
    others = max(len(Waiting.read(found.records[-1], None).entries) - 1, 0)
    batch = f", in a batch with {others} other{'s' if others > 1 else ''}" if others else ""
    yield terminal.paint(f"Entry {found.entry} of {found.merchant or 'a merchant not known'}{batch}; times are in UTC", "bold")
    for record in found.records:
        yield f"  {instant(record['appended_at'])}  appended to {place(record)}{named(record)}"
    for topic, record in found.tried_again:
        yield f"  {instant(record['appended_at'])}  {terminal.paint('failed', 'red')}: {again(topic, record, now)}"
    yield from progress(found)
    yield ""


def progress(found: Flow) -> Iterator[str]:
    """How far it has come."""
    appended = found.records[0]["appended_at"]
    if not found.posted:
        waits = all(record["not_handled_by"] for record in found.records)
        yield f"  -> not posted: {'`entries record` has not come to it yet' if waits else 'what became of it is above, or in the ledger'}"
        return
    posted_at = history.moment(found.posted["posted_at"])
    yield f"  {instant(posted_at)}  posted{after(posted_at, appended)}"
    if found.totals is None:
        yield "  -> no record of fluxo.totals has the totals after it: another door posted it, or they are on their way"
        return
    record, balance = found.totals
    covers = f"{balance.entry_count:,} of the day {found.posted['date']}"
    yield f"  {instant(record['appended_at'])}  totals appended to {place(record)}: they cover {covers}"
    if found.balance is None or found.balance.version < balance.version:
        yield "  -> its balance is not written yet: `make parked` says what `consolidation consume` has not come to"
    else:
        yield f"  -> recorded: the balance is written, and covers {found.balance.entry_count:,} of the day now"


def after(later: datetime, earlier: datetime) -> str:
    """How much later, if it was: an entry can have come through the functions before."""
    return f", {pause(later - earlier)} after it was appended" if later >= earlier else ", before it was appended: it is a repeat"


def instant(at: datetime) -> str:
    """`2026-11-22 15:00:02.113`."""
    return f"{at:%Y-%m-%d} {clock(at)}"


def place(record: Mapping[str, Any]) -> str:
    """The topic, the partition and the offset."""
    topic, partition, offset = record["origin"].rsplit("-", 2)
    return f"{topic}, partition {partition}, offset {offset}"


def named(record: Mapping[str, Any]) -> str:
    """As what it stands in the logs."""
    known = [(what, record["headers"].get(header)) for what, header in (("as", "execution"), ("request", "request_id"))]
    said = ", ".join(f"{what} {name}" for what, name in known if name)
    return f" {said}" if said else ""


def again(topic: str, record: Mapping[str, Any], now: datetime) -> str:
    """Why a record was put into a topic of retries or of dead letters, and what becomes of it."""
    waiting = Waiting.read(record, DELAYS.get(topic))
    why = f"{waiting.reason} at the step {waiting.step}, attempt {waiting.attempt}; now in {place(record)}"
    if waiting.next_try is None:
        brought_back = REDRIVE not in record["not_handled_by"]
        return f"{why}: {'it was brought back' if brought_back else 'it is a dead letter, `make redrive` brings it back'}"
    if RETRIERS.get(record["headers"].get("step", ""), RETRIERS["consolidate"]) not in record["not_handled_by"]:
        return f"{why}: it was tried again"
    return f"{why}: {'it is tried again now' if waiting.next_try <= now else f'it is tried again at {moment(waiting.next_try)}'}"
