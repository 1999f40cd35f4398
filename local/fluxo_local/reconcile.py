"""Compares the balances with the ledger and repairs them, run after run until everything is compared."""

import json
from typing import Any

from fluxo_local import terminal
from fluxo_local.functions import answer_of
from fluxo_local.problem import Problem
from fluxo_local.profile import Profile

# What a run counts, as a person reads it.
COUNTS = {
    "months_compared": "months compared",
    "in_flight": "in flight",
    "renewed": "of an earlier epoch",
    "missing": "missing",
    "behind": "behind",
    "wrong": "wrong",
    "ahead": "ahead of the ledger",
    "seals": "marks of seals",
    "repaired": "repaired",
    "failed": "not compared and set aside",
    "unknown_items": "items of no merchant, day or year",
}


def reconcile(profile: Profile, merchant: str | None, first: str | None, last: str | None, currency: str | None) -> None:
    """One merchant's range, or everything; says what was found."""
    stack = profile.stack()
    request = requested(merchant, first, last, currency)
    sums = dict.fromkeys(COUNTS, 0)
    place = None
    while True:
        event = request | ({"after": place} if place else {})
        report = answer_of(stack, "reconcile-balances", json.dumps(event).encode())
        sums = {name: sums[name] + report[name] for name in sums}
        place = report["next"]
        if place is None:
            break
    found = [f"{text}: {sums[name]}" for name, text in COUNTS.items() if sums[name] or name in ("months_compared", "repaired")]
    terminal.say(", ".join(found))


def requested(merchant: str | None, first: str | None, last: str | None, currency: str | None) -> dict[str, Any]:
    """The event that asks for it."""
    if merchant is None:
        if first or last or currency:
            raise Problem("Say whose balances these are: make reconcile MERCHANT=acme FROM=2026-01-01 TO=2026-12-31")
        return {"everything": True}
    if not first or not last:
        raise Problem("Say from which day to which: make reconcile MERCHANT=acme FROM=2026-01-01 TO=2026-12-31")
    return {"merchant_id": merchant, "from": first, "to": last} | ({"currency": currency} if currency else {})
