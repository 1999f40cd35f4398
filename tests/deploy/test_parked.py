"""What is parked on AWS, and what an entry went through there, in an account that answers from a file."""

from datetime import UTC, datetime

import pytest
from cost.template import CHECKOUT
from deploy import flow, parked
from deploy.account import NotAnswered
from deploy.problem import Problem
from fluxo_local import flow as of_entry
from recorded import Recorded

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
ENTRY = "cfa8bece-e667-5d04-9fd2-16305e61fcd8"
OTHER = "11111111-1111-5111-8111-111111111111"
GIVEN_UP = "22222222-2222-5222-8222-222222222222"
BATCH = "batch-0d2b6f0e-3a52-5a5e-9c1e-5a4f1c0de001"
NAME = f"{ENTRY}-1a2489e4a813555aaa9f8361"
SECRETS = ("15075", "rent")


def test_counts_come_from_the_queues_and_the_rest_from_the_logs(capsys: pytest.CaptureFixture[str]) -> None:
    recorded = Recorded("parked")
    assert parked.run(recorded.account(), "fluxo", NOW) == 0
    assert capsys.readouterr().out.splitlines() == [
        "SQS counts about 3 messages in the park queue (1 due, 2 delayed, 0 in hand) and 3 messages in the dead-letter queue.",
        "The logs say of them:",
        "",
        "2 inputs in the park queue: 2 LedgerUnavailable",
        "",
        f"  {ENTRY} of acme",
        "    why       LedgerUnavailable: the ledger is unavailable: no connection within 3s",
        "    since     2026-11-22 17:00:02 UTC, 59 min 58 s ago",
        "    next try  attempt 2 (-r2), at 18:04:00 UTC, in 4 min 0 s",
        "",
        f"  {BATCH}-r1 of acme",
        "    why       LedgerUnavailable: the ledger is unavailable: no connection within 3s",
        "    since     2026-11-22 17:00:02 UTC, 59 min 58 s ago",
        "    next try  attempt 1 (-r1), due since 17:59:00 UTC",
        "",
        "1 input running again now",
        f"  {OTHER}-1a2489e4a813555aaa9f8361-r701, for 12 s",
        "3 inputs in the dead-letter queue: 1 LedgerUnavailable, 1 unreadable message, 1 InvalidInput",
        "",
        f"  {GIVEN_UP} of acme",
        "    why       LedgerUnavailable: the ledger is unavailable: no connection within 3s",
        "    since     2026-11-13 09:00:00 UTC, 9 d 9 h ago",
        "    reason    not recorded after 700 attempts since 2026-11-13T09:00:00Z",
        "    ran       700 times, and does not run again by itself",
        "",
        "  entries not known of a merchant not known",
        "    why       unreadable message",
        "    since     2026-11-21 09:00:00 UTC, 1 d 9 h ago",
        "    reason    the message cannot be read: no JSON, at line 1 column 1",
        "    ran       1 time, and does not run again by itself",
        "",
        f"  {BATCH}-r3 of a merchant not known",
        "    why       InvalidInput: entry 0: amount is 0",
        "    since     2026-11-21 16:00:00 UTC, 1 d 2 h ago",
        "    reason    the input can never be processed",
        "    ran       4 times, and does not run again by itself",
        "",
        "What waits runs again by itself until it is recorded: end the fault that `why` names.",
        "The dead-letter queue keeps an input for 14 days: mend what its reason names, then bring it back with "
        '`aws sqs start-message-move-task` (README, "Operate").',
        "What an entry went through: `make flow ENTRY=<entry id> STAGE=<stage>`.",
    ]


def test_listing_receives_no_message() -> None:
    """To receive one hides it and counts."""
    recorded = Recorded("parked")
    parked.run(recorded.account(), "fluxo", NOW)
    of_sqs = {operation for operation in recorded.asked if operation.startswith("sqs.")}
    assert of_sqs == {"sqs.GetQueueAttributes"}
    assert not [operation for operation in recorded.asked if operation.split(".")[1][:3] not in ("Get", "Des", "Lis", "Fil")]


def test_an_entry_is_followed_through_all_its_executions(capsys: pytest.CaptureFixture[str]) -> None:
    assert flow.run(Recorded("parked").account(), "fluxo", ENTRY, NOW, days=14) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[: lines.index("") + 24] == [
        f"Entry {ENTRY} of acme; times are in UTC",
        "",
        NAME,
        "  2026-11-22 15:00:00.000  started, FAILED after 15 s with EntriesParked",
        "  15:00:00.020  ApplyToLedger, 15 s, failure caught",
        "    15:00:00.030  attempt 1: failed after 3.0 s, LedgerUnavailable: the ledger is unavailable: no connection within 3s; "
        "retried after 1.1 s",
        "    15:00:04.100  attempt 2: failed after 3.0 s, LedgerUnavailable as before; retried after 1.9 s",
        "    15:00:09.000  attempt 3: failed after 6.0 s, States.Timeout",
        "  15:00:15.050  ParkEntries, 0.3 s",
        "    15:00:15.060  attempt 1: done in 0.2 s",
        "  15:00:15.350  EntriesParked, 0.1 s",
        f"  -> parked; its input ran again as {NAME}-r1, below",
        "",
        f"{NAME}-r1",
        "  2026-11-22 15:01:15.000  started, SUCCEEDED after 0.5 s",
        "  15:01:15.010  ApplyToLedger, 0.1 s",
        "    15:01:15.010  attempt 1: done in 0.1 s",
        "  15:01:15.110  IdempotencyCheck, 0.0 s",
        "  15:01:15.120  ConsolidateDay, 0.3 s",
        "    15:01:15.120  attempt 1: done in 0.3 s",
        "  -> recorded: the balances are written",
        "",
        f"{BATCH}: Step Functions does not know it. It was an EXPRESS execution, of which nothing is kept, or is older than 90 days.",
        "What each function logged, in Logs Insights over the log groups /aws/lambda/fluxo/*:",
        f"  {flow.QUERY.format(NAME)}",
    ]
    assert lines[-2:] == [f"  {flow.QUERY.format(BATCH)}", "What the ledger says: GET /entries/{id} with a token of the merchant."]
    assert not [secret for secret in SECRETS if secret in "\n".join(lines)]


def test_an_entry_that_nobody_accepted_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"operation": "logs.FilterLogEvents", "answer": {"events": []}}
    assert flow.run(Recorded("parked", nothing).account(), "fluxo", ENTRY, NOW, days=14) == 1
    assert capsys.readouterr().out.startswith(f"No line of the last 14 days says that the entry {ENTRY} was accepted")


def test_what_may_not_be_asked_is_said() -> None:
    denied = {"operation": "logs.FilterLogEvents", "error": "AccessDeniedException"}
    for command in (
        lambda account: parked.run(account, "fluxo", NOW),
        lambda account: flow.run(account, "fluxo", ENTRY, NOW, days=14),
    ):
        with pytest.raises(NotAnswered) as refused:
            command(Recorded("parked", denied).account())
        assert refused.value.action == "logs:FilterLogEvents"


def test_a_stack_that_is_not_there_is_named() -> None:
    for read in (parked.Queues, flow.Flow):
        with pytest.raises(Problem, match="no stack fluxo-other in us-east-1"):
            read(Recorded("parked").account(), "fluxo-other")


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("functions/replay-parked/src/lib.rs", [parked.WAITS, parked.RUNS_AGAIN, parked.DEAD_LETTERED]),
        ("functions/replay-parked/src/lib.rs", ["merchant", "execution", "attempt", "first_parked_at", "next_try", "error", "cause"]),
        ("crates/intake/src/lib.rs", [flow.ACCEPTED]),
    ],
)
def test_what_is_looked_for_in_logs_is_what_functions_write(source: str, texts: list[str]) -> None:
    code = (CHECKOUT / source).read_text()
    assert [text for text in texts if f'"{text}"' not in code] == []


@pytest.mark.parametrize("last", [0, 1, 2, 3, 4, 7, 8, 700])
def test_the_last_of_many_repetitions_is_found_in_few_questions(last: int) -> None:
    """Each is there up to the last one."""
    machine = "arn:aws:states:us-east-1:123456789012:execution:RecordEntries-AbCdEfGhIjKl"
    runs = [NAME, *(f"{NAME}-r{attempt}" for attempt in range(1, last + 1))]
    known = [
        {
            "operation": "stepfunctions.DescribeExecution",
            "for": {"executionArn": f"{machine}:{name}"},
            "answer": {
                "executionArn": f"{machine}:{name}",
                "stateMachineArn": machine.replace(":execution:", ":stateMachine:"),
                "name": name,
                "status": "FAILED",
                "startDate": "2026-11-22T15:00:00Z",
            },
        }
        for name in runs
    ]
    missing = {"operation": "stepfunctions.DescribeExecution", "error": "ExecutionDoesNotExist"}
    recorded = Recorded("parked", *known, missing)
    assert flow.Flow(recorded.account(), "fluxo").names(NAME) == runs
    assert recorded.asked.count("stepfunctions.DescribeExecution") <= 24


def test_of_many_executions_the_first_and_the_last_are_shown() -> None:
    runs = [NAME, *(f"{NAME}-r{attempt}" for attempt in range(1, 701))]
    assert of_entry.shown([*runs, BATCH]) == [NAME, *runs[-of_entry.LAST_SHOWN :], BATCH]
    assert of_entry.shown(runs[:3]) == runs[:3]
