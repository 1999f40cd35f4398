"""How long an execution waits before it tries again. MiniStack ignores `MaxDelaySeconds` and `JitterStrategy`; moto does not.

What is expected is computed here, as "Handling errors in Step Functions workflows" (AWS Step Functions Developer Guide) and the
Amazon States Language describe it: the first pause is `IntervalSeconds`, each further one is `BackoffRate` times the one before,
none is longer than `MaxDelaySeconds`, and full jitter takes a random time between zero and that.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from record_entries.clock import LONGEST, SHORTEST
from record_entries.definition import DEFINITION
from record_entries.on_moto import Moto
from record_entries.scenarios import (
    ATTEMPTS,
    DEAD_LETTERED,
    FUNCTION_LIMIT_S,
    NOT_CONSOLIDATED,
    NOT_POSTED,
    RECORDED,
    SCENARIOS,
    SENDING_ATTEMPTS,
    Scenario,
    delayed,
    failed,
    posted,
    recorded,
)
from record_entries.tasks import APPLY, CONSOLIDATE, HANGS, REFUSES, TAKES, TIMEOUT, fails

FUNCTION_PAUSES = [1, 2, 4, 8, 10]
QUEUE_PAUSES = [1, 2]
QUEUE_LIMIT_S = 5
# An EXPRESS execution ends after five minutes, and a minute is left for what lies between the states.
WORST_S_MAX = 240


def pauses_of(state: str) -> list[float]:
    """The longest pauses before the retries of a state."""
    (rule,) = states()[state]["Retry"]
    pauses = (rule["IntervalSeconds"] * rule["BackoffRate"] ** retry for retry in range(rule["MaxAttempts"]))
    return [min(pause, rule["MaxDelaySeconds"]) for pause in pauses]


def states() -> dict[str, Any]:
    """The states of the definition."""
    return json.loads(DEFINITION.read_text())["States"]


@pytest.mark.parametrize("state", [APPLY, CONSOLIDATE])
def test_a_function_is_tried_again_for_25_seconds(state: str) -> None:
    assert pauses_of(state) == FUNCTION_PAUSES


@pytest.mark.parametrize("state", ["ParkEntries", "DeadLetterEntries"])
def test_a_queue_is_tried_again_for_3_seconds(state: str) -> None:
    assert pauses_of(state) == QUEUE_PAUSES


def exhausted() -> list[tuple[Scenario, list[float]]]:
    """Executions that use up retries, and their longest pauses."""
    down, unwritable = ["LedgerUnavailable"] * ATTEMPTS, ["BalancesUnavailable"] * ATTEMPTS
    refused = [*[REFUSES] * (SENDING_ATTEMPTS - 1), TAKES]
    both = recorded("both tasks at their last retry", RECORDED, [*map(fails, down[1:])], [*map(fails, unwritable[1:])], applied=1)
    return [
        (failed("a ledger that stays down", NOT_POSTED, APPLY, down), FUNCTION_PAUSES),
        (failed("a ledger and a queue that stay down", NOT_POSTED, APPLY, down, refused), FUNCTION_PAUSES + QUEUE_PAUSES),
        (failed("a read model that stays down", NOT_CONSOLIDATED, CONSOLIDATE, unwritable), FUNCTION_PAUSES),
        (failed("a dead-letter queue at its last retry", DEAD_LETTERED, APPLY, ["InvalidInput"], refused), QUEUE_PAUSES),
        (both, FUNCTION_PAUSES * 2),
    ]


EXHAUSTED = pytest.mark.parametrize(("scenario", "longest"), exhausted(), ids=lambda value: getattr(value, "name", ""))


@EXHAUSTED
def test_chance_chooses_between_nothing_and_the_pause_that_is_due(on_moto: Moto, scenario: Scenario, longest: list[float]) -> None:
    for luck, expected in ((LONGEST, longest), (SHORTEST, [0] * len(longest)), (0.5, [pause / 2 for pause in longest])):
        trace = on_moto.run(scenario, luck)
        assert trace.jitter == [(0, pause) for pause in longest]
        assert trace.pauses == expected


@EXHAUSTED
def test_no_two_executions_wait_alike(on_moto: Moto, scenario: Scenario, longest: list[float]) -> None:
    # What was parked at once must not come back at once.
    traces = [on_moto.run(scenario, luck=None).pauses for _ in range(2)]
    assert traces[0] != traces[1]
    for pauses in traces:
        assert all(0 <= pause <= limit for pause, limit in zip(pauses, longest, strict=True))


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if not each.failed_attempts], ids=lambda scenario: scenario.name)
def test_who_does_not_fail_does_not_wait(on_moto: Moto, scenario: Scenario) -> None:
    assert on_moto.run(scenario).pauses == []


def test_the_worst_path_ends_before_an_express_execution_has_to(on_moto: Moto) -> None:
    # Whatever can run out of time does, and what succeeds does so in the last moment.
    posting = [*[fails(TIMEOUT)] * (ATTEMPTS - 1), delayed(posted(applied=1), FUNCTION_LIMIT_S)]
    sending = [HANGS] * (SENDING_ATTEMPTS - 1) + [delayed(TAKES, QUEUE_LIMIT_S)]
    worst = failed("the worst path", NOT_CONSOLIDATED, CONSOLIDATE, [TIMEOUT] * ATTEMPTS, sending)
    trace = on_moto.run(replace(worst, tasks={**worst.tasks, APPLY: posting}))
    assert trace.states == NOT_CONSOLIDATED
    assert trace.timeouts == [FUNCTION_LIMIT_S] * 2 * ATTEMPTS + [QUEUE_LIMIT_S] * SENDING_ATTEMPTS
    of_functions = 2 * (ATTEMPTS * FUNCTION_LIMIT_S + sum(FUNCTION_PAUSES))
    assert trace.seconds == of_functions + SENDING_ATTEMPTS * QUEUE_LIMIT_S + sum(QUEUE_PAUSES)
    assert trace.seconds <= WORST_S_MAX
