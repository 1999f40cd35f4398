"""Records that nobody can handle."""

import json
from datetime import date
from typing import Any

from deployed.log import DEAD, ENTRIES, RETRIES, TOTALS
from deployed.waiting import eventually
from fluxo_local.doors import SERVICES

from chaos.fault import Scene, fault
from chaos.faults.log import RATE

# Each of them several times, between good ones.
TIMES = 3
# A minute in its topic, and some seconds.
PATIENCE_S = 120


def entry(**changes: object) -> dict[str, Any]:
    """An entry in an input, with something wrong."""
    good = {"id": "00000000-0000-5000-8000-000000000001", "fingerprint": "0" * 64, "date": date.today().isoformat()}
    return good | {"type": "credit", "amount_minor": "1", "currency": "BRL"} | changes


def poison(merchant: str) -> list[bytes | None]:
    """Values that are no entries and no totals."""
    documents = [
        {},
        {"merchant_id": merchant},
        {"merchant_id": merchant, "entries": []},
        {"merchant_id": merchant, "entries": [entry(amount_minor="-1")]},
        {"merchant_id": merchant, "entries": [entry(amount_minor="9" * 40)]},
        {"merchant_id": merchant, "entries": [entry(date="2026-02-30")]},
        {"merchant_id": merchant, "entries": [entry(id="none")]},
        {"merchant_id": "\u0000", "entries": [entry()]},
        {"merchant_id": merchant, "epoch": -1, "totals": "many"},
    ]
    texts = [b"", b"null", b"[]", b"1e999", b"not JSON", b"\xff\xfe\x00", b"[" * 100_000, b'{"a":' * 50_000, b"\x00" * 900_000]
    return [None, *texts, *(json.dumps(document).encode() for document in documents)]


def newer(merchant: str) -> list[bytes]:
    """Entries as a newer release may write them: a deployment later they may be read."""
    documents = [
        {"merchant_id": merchant, "entries": [entry(type="gift")]},
        {"merchant_id": merchant, "entries": [entry(unknown="field")]},
        {"merchant_id": merchant, "entries": [entry()], "unknown": "field"},
    ]
    return [json.dumps(document).encode() for document in documents]


@fault(
    "poison",
    f"records that nobody can handle in every topic, {TIMES} times each, between good ones",
    rate=RATE,
    no_failed_post=True,
    doors=(SERVICES,),
)
def poisoned(scene: Scene) -> None:
    """Each goes to the dead letters by itself, and nothing waits for it."""
    log, values = scene.system.log, poison(scene.merchants[0])
    before, waiting_before = len(log.topic(DEAD).records()), len(log.topic(RETRIES[1]).records())
    expected = 0
    for _ in range(TIMES):
        for value in values:
            for topic, headers in (
                (ENTRIES, {}),
                # Whose they are says the topic.
                (ENTRIES, {"step": "consolidate", "attempt": "many", "first_failed_at": "yesterday"}),
                (TOTALS, {}),
                (RETRIES[0], {"step": "record"}),
                (RETRIES[0], {"step": "consolidate"}),
            ):
                log.append(topic, value, **headers)
                expected += 1

    for value in newer(scene.merchants[0]):
        log.append(ENTRIES, value)
    # Nobody knows the step, so it may be one of a newer release.
    log.append(RETRIES[0], "{}", step="unknown")

    def dead() -> int:
        return len(log.topic(DEAD).records()) - before

    eventually(dead, lambda count: count >= expected, f"{expected} dead letters", timeout_s=PATIENCE_S)
    letters = log.topic(DEAD).records()[before:]
    reasons = {letter.headers["reason"] for letter in letters}
    scene.note(f"{len(letters)} dead letters: {', '.join(sorted(reasons))}")
    scene.check(len(letters) == expected, f"{expected} dead letters, not {len(letters)}")
    waiting = len(newer(scene.merchants[0])) + 1
    eventually(
        lambda: len(log.topic(RETRIES[1]).records()) - waiting_before, lambda count: count == waiting, f"{waiting} records to wait", 30
    )
    scene.note(f"{waiting} records wait for a newer release")
    scene.check(reasons == {"InvalidInput"}, f"them to be refused as input, not {reasons}")
