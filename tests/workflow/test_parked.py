"""`make parked` of the local stack: what it reads of messages, and what it prints."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fluxo_local import terminal
from fluxo_local.history import DEAD_LETTER_QUEUE, PARK_QUEUE, Failure
from fluxo_local.parked import SHOWN_MAX, Parked, read, report
from record_entries.definition import CHECKOUT
from record_entries.scenarios import SCENARIOS
from record_entries.tasks import DEAD_LETTERS
from record_entries.trace import Trace

NOW = datetime(2026, 11, 22, 15, 4, tzinfo=UTC)
ENTRY = "cfa8bece-e667-5d04-9fd2-16305e61fcd8"
LEDGER_UNAVAILABLE = Failure("LedgerUnavailable", "the ledger is unavailable: no connection within 3s")


def message(case: str, visible_in_s: float = 0, receive_count: int = 0, **body: Any) -> dict[str, Any]:
    """The message of an event in events/replay-parked, in the form of the engine's inspection."""
    (record,) = json.loads((CHECKOUT / "events" / "replay-parked" / f"{case}.json").read_text())["Records"]
    attributes = record["messageAttributes"].items()
    return {
        "Body": json.dumps(json.loads(record["body"]) | body),
        "SentTimestamp": int(record["attributes"]["SentTimestamp"]) // 1000,
        "VisibleAt": int(NOW.timestamp() + visible_in_s),
        "ReceiveCount": receive_count,
        "MessageAttributes": {name: {"StringValue": value["stringValue"]} for name, value in attributes},
    }


def input_of(case: str) -> dict[str, Any]:
    """The input in a message of the state machine."""
    return json.loads(message(case)["Body"])["input"]


def test_a_message_that_waits_tells_why_since_when_and_when_it_is_next() -> None:
    replay = {"attempt": 2, "first_parked_at": "2026-11-22T14:00:00Z"}
    waiting = read(message("waited", visible_in_s=90, input=input_of("waited") | {"replay": replay}), PARK_QUEUE, NOW)
    first = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
    assert waiting == Parked(PARK_QUEUE, (ENTRY,), "acme", LEDGER_UNAVAILABLE, 3, first, NOW + timedelta(seconds=90))


def test_a_message_that_replay_parked_has_not_met_has_no_time_yet() -> None:
    new = read(message("parked"), PARK_QUEUE, NOW)
    assert new == Parked(PARK_QUEUE, (ENTRY,), "acme", LEDGER_UNAVAILABLE, 1, datetime(2026, 11, 22, 15, 0, 2, tzinfo=UTC))


def test_a_message_in_hand_is_not_taken_for_one_that_waits() -> None:
    taken = read(message("waited", visible_in_s=170, receive_count=1), PARK_QUEUE, NOW)
    assert (taken.is_taken, taken.next_try) == (True, None)


def test_what_was_brought_back_is_due() -> None:
    assert read(message("brought-back"), PARK_QUEUE, NOW).next_try == NOW


def test_an_execution_that_was_stopped_tells_how_it_ended() -> None:
    stopped = read(message("stopped-execution"), PARK_QUEUE, NOW)
    assert (stopped.entries, stopped.merchant, stopped.failure) == ((ENTRY,), "acme", Failure("ABORTED"))
    assert stopped.since == datetime(2026, 11, 22, 15, 0, 2, tzinfo=UTC)


@pytest.mark.parametrize("name", ["DeadLetterReason", "SetAsideBecause"])
def test_the_reason_is_read_under_either_name(name: str) -> None:
    dead = message("parked") | {"MessageAttributes": {name: {"StringValue": "not recorded after 41 attempts"}}}
    assert read(dead, DEAD_LETTER_QUEUE, NOW).reason == "not recorded after 41 attempts"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"ERROR_CODE": {"StringValue": "NO_PERMISSIONS"}}, "EventBridge could not send it to the park queue: NO_PERMISSIONS"),
        ({}, "none is given: SQS has moved it after replay-parked had failed on it too often; its log says why"),
    ],
)
def test_a_dead_letter_without_a_reason_tells_who_sent_it(attributes: dict[str, Any], reason: str) -> None:
    assert read(message("parked") | {"MessageAttributes": attributes}, DEAD_LETTER_QUEUE, NOW).reason == reason


@pytest.mark.parametrize("body", ["no JSON", "[]", "7", '{"detail": 7}', '{"input": 7}', '{"input": {"entries": [7]}}', "{}"])
def test_a_message_of_nobodys_is_listed_all_the_same(body: str) -> None:
    listed = read(message("parked") | {"Body": body}, DEAD_LETTER_QUEUE, NOW)
    assert (listed.entries, listed.merchant) == ((), None)


def test_what_the_state_machine_sends_is_read(on_ministack: dict[str, Trace]) -> None:
    sent = [(scenario, message) for scenario in SCENARIOS for message in on_ministack[scenario.name].messages]
    assert sent
    for scenario, sent_message in sent:
        queue = DEAD_LETTER_QUEUE if sent_message.queue == DEAD_LETTERS else PARK_QUEUE
        attributes = {name: {"StringValue": value} for name, value in sent_message.attributes.items()}
        parked = read(message("parked") | {"Body": json.dumps(sent_message.body), "MessageAttributes": attributes}, queue, NOW)
        assert parked.failure.error == scenario.reason
        assert parked.entries == tuple(entry["id"] for entry in scenario.input["entries"])
        assert parked.reason == (sent_message.attributes["DeadLetterReason"] if queue == DEAD_LETTER_QUEUE else None)


def test_the_list_says_what_to_do() -> None:
    replay = {"attempt": 2, "first_parked_at": "2026-11-22T14:00:00Z"}
    waiting = [
        read(message("waited", visible_in_s=90, input=input_of("waited") | {"replay": replay}), PARK_QUEUE, NOW),
        read(message("parked"), PARK_QUEUE, NOW),
    ]
    dead = [
        read(message("parked") | {"MessageAttributes": {"SetAsideBecause": {"StringValue": "a defect"}}}, DEAD_LETTER_QUEUE, NOW),
    ]
    running = [(f"{ENTRY}-1a2489e4a813555aaa9f8361-r1", NOW - timedelta(seconds=12))]
    assert list(report(waiting, running, dead, NOW)) == [
        "2 inputs in the park queue: 2 LedgerUnavailable",
        "",
        f"  {ENTRY} of acme",
        "    why       LedgerUnavailable: the ledger is unavailable: no connection within 3s",
        "    since     2026-11-22 14:00:00 UTC, 1 h 4 min ago",
        "    next try  attempt 3 (-r3), at 15:05:30 UTC, in 1 min 30 s",
        "",
        f"  {ENTRY} of acme",
        "    why       LedgerUnavailable: the ledger is unavailable: no connection within 3s",
        "    since     2026-11-22 15:00:02 UTC, 3 min 58 s ago",
        "    next try  attempt 1 (-r1), replay-parked has not yet given it a delay",
        "",
        "1 input running again now",
        f"  {ENTRY}-1a2489e4a813555aaa9f8361-r1, for 12 s",
        "1 input in the dead-letter queue: 1 LedgerUnavailable",
        "",
        f"  {ENTRY} of acme",
        "    why       LedgerUnavailable: the ledger is unavailable: no connection within 3s",
        "    since     2026-11-22 15:00:02 UTC, 3 min 58 s ago",
        "    reason    a defect",
        "    ran       1 time, and does not run again by itself",
        "",
        "What waits runs again by itself until it is recorded: end the fault that `why` names.",
        "The dead-letter queue keeps an input for 14 days: mend what its reason names, then bring it back with `make redrive`.",
        "What an entry went through: `make flow ENTRY=<entry id>`.",
    ]


def test_when_nothing_is_parked_it_says_so() -> None:
    assert list(report([], [], [], NOW)) == ["0 inputs in the park queue", "0 inputs in the dead-letter queue"]


def test_of_thousands_those_that_have_waited_longest_are_shown() -> None:
    many = [
        Parked(PARK_QUEUE, (f"entry-{number:04}", "2", "3", "4"), "acme", Failure("LedgerUnavailable"), 1, NOW - timedelta(seconds=number))
        for number in range(2_000)
    ]
    lines = list(report(many, [], [], NOW))
    shown = [line for line in lines if line.endswith(" of acme")]
    assert shown == [f"  entry-{number:04} 2 3 and 1 more of acme" for number in range(1_999, 1_999 - SHOWN_MAX, -1)]
    assert lines[0] == "2,000 inputs in the park queue: 2,000 LedgerUnavailable"
    assert f"  and {2_000 - SHOWN_MAX:,} more, not shown" in lines


def test_nothing_that_an_entry_says_is_in_the_list() -> None:
    quoted = {"error": "States.Runtime", "cause": 'could not be found in the input \'{"description":"Venda"}\''}
    text = "\n".join(report([read(message("parked", **quoted), PARK_QUEUE, NOW)], [], [], NOW))
    assert "States.Runtime" in text
    assert not [secret for secret in ("Venda", "15075", "vendas") if secret in text]


@pytest.mark.parametrize(
    ("is_terminal", "declined", "painted"), [(True, "", "\x1b[31mfailed\x1b[0m"), (True, "1", "failed"), (False, "", "failed")]
)
def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch, is_terminal: bool, declined: str, painted: str) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    monkeypatch.setenv("NO_COLOR", declined)
    assert terminal.paint("failed", "red") == painted
