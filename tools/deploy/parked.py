"""`make parked STAGE=…`: what waits on AWS to run again, and what is in the dead-letter queue, from counts and logs.

The queues are only counted. Whoever receives a message to look at it hides it from `replay-parked` for its visibility timeout, and "a
message that isn't deleted … before the visibility timeout expires counts as a failed receive. Depending on the configuration of the
queue, the message might be sent to the dead-letter queue" (AWS: "ReceiveMessage", Amazon SQS API Reference): ours would be. A
visibility timeout of 0 counts as well. So what is known of single inputs comes from the lines of `replay-parked` and of the state
machine. Logs are delivered with best effort, and lag by seconds: the counts are what is certain, but for what SQS says of them, too.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fluxo_local import flow, parked
from fluxo_local.history import DEAD_LETTER_QUEUE, PARK_QUEUE, REPLAYED, Failure, moment
from fluxo_local.parked import Parked
from fluxo_local.wording import counted

from deploy import stage
from deploy.account import PATIENT, Account, NotAnswered, NotThere
from deploy.problem import Problem

# How replay-parked says what it did (functions/replay-parked/src/lib.rs).
WAITS, RUNS_AGAIN, DEAD_LETTERED = "parked input waits", "parked input runs again", "parked input dead-lettered"
# What the state machine itself has put into the dead-letter queue.
REFUSED = '{ $.type = "ExecutionFailed" && $.details.error = "EntriesRefused" }'
# SQS can delay a message for 15 minutes, and one of a batch that failed comes again after three.
LONGEST_WAIT = timedelta(minutes=20)
# For how long the dead-letter queue keeps a message.
KEPT = timedelta(days=14)
UUID_CHARACTERS = 36
BRING_BACK = '`aws sqs start-message-move-task` (README, "Operate")'
SHOW = "`make flow ENTRY=<entry id> STAGE=<stage>`"
COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible")


# When something was said of which input, by the name under which it ran first, and what it is since: nothing, if it runs again.
Event = tuple[datetime, str, Parked | None]


class Queues:
    """The queues of one stack, and what its logs say about them."""

    def __init__(self, account: Account, stack_name: str) -> None:
        self._account = account
        self._replay_log = f"/aws/lambda/{stack_name}/replay-parked"
        self._machine_log = f"/aws/vendedlogs/states/{stack_name}/record-entries"
        try:
            stacks = account.ask("cloudformation", "describe_stacks", ("ValidationError",), StackName=stack_name)["Stacks"]
        except NotThere:
            raise Problem(f"There is no stack {stack_name} in {account.region}: choose another stage or REGION.") from None
        self._outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}

    def counts(self, output: str) -> list[int]:
        """How many messages are due, are delayed, and are in hand."""
        answer = self._account.ask("sqs", "get_queue_attributes", QueueUrl=self._outputs[output], AttributeNames=list(COUNTS))
        return [int(answer["Attributes"][name]) for name in COUNTS]

    def waiting(self, now: datetime) -> list[Parked]:
        """What replay-parked has put back with a delay and has not started since."""
        lines = self._lines(self._replay_log, by_message(WAITS, RUNS_AGAIN, DEAD_LETTERED), now - LONGEST_WAIT)
        return still_there((said_at(line), named(line), read(line, PARK_QUEUE) if line["message"] == WAITS else None) for line in lines)

    def dead_letters(self, now: datetime) -> list[Parked]:
        """What was put into the dead-letter queue and does not run again since."""
        events: list[Event] = []
        for line in self._lines(self._replay_log, by_message(DEAD_LETTERED, RUNS_AGAIN), now - KEPT):
            events.append((said_at(line), named(line), read(line, DEAD_LETTER_QUEUE) if line["message"] == DEAD_LETTERED else None))
        for line in self._lines(self._machine_log, REFUSED, now - KEPT):
            refused = refused_by_the_state_machine(line)
            events.append((refused.since, flow.first_name(refused.execution or ""), refused))
        return still_there(events)

    def running_again(self) -> list[tuple[str, datetime]]:
        """The executions of parked inputs that run now, of STANDARD: EXPRESS lists none."""
        machine = self._outputs["StandardStateMachineArn"]
        pages = self._account.pages("stepfunctions", "list_executions", stateMachineArn=machine, statusFilter="RUNNING")
        executions = [execution for page in pages for execution in page["executions"]]
        return [(each["name"], moment(each["startDate"])) for each in executions if REPLAYED.fullmatch(each["name"])]

    def _lines(self, group: str, pattern: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        start = int(since.timestamp() * 1000)
        for page in self._account.pages("logs", "filter_log_events", logGroupName=group, filterPattern=pattern, startTime=start):
            yield from (json.loads(event["message"]) for event in page["events"])


def by_message(*messages: str) -> str:
    """The pattern of lines that say one of these."""
    rules = " || ".join(f'$.message = "{message}"' for message in messages)
    return f"{{ {rules} }}"


def still_there(events: Iterable[Event]) -> list[Parked]:
    """What is there after all that happened."""
    last = {name: parked for _, name, parked in sorted(events, key=lambda event: event[0])}
    return [parked for parked in last.values() if parked]


def said_at(line: Mapping[str, Any]) -> datetime:
    """When a line was written."""
    return moment(line["timestamp"])


def named(line: Mapping[str, Any]) -> str:
    """Which input it is about. One of which nothing could be read has no name but its line's time."""
    return flow.first_name(line.get("execution", line["timestamp"]))


def read(line: Mapping[str, Any], queue: str) -> Parked:
    """An input, as a line of replay-parked tells of it. Its causes are those of functions only."""
    execution = line.get("execution")
    return Parked(
        queue=queue,
        entries=entries_of(execution),
        merchant=line.get("merchant"),
        failure=Failure(line.get("error", "unreadable message"), line.get("cause")),
        attempt=int(line.get("attempt", 1)),
        since=moment(line.get("first_parked_at", line["timestamp"])),
        next_try=moment(line["next_try"]) if "next_try" in line else None,
        reason=line.get("reason"),
        execution=execution,
    )


def refused_by_the_state_machine(line: Mapping[str, Any]) -> Parked:
    """An input that the state machine has put into the dead-letter queue, as its log tells of the execution."""
    name = line["execution_arn"].split(":")[7]
    replayed = REPLAYED.fullmatch(name)
    return Parked(
        queue=DEAD_LETTER_QUEUE,
        entries=entries_of(name),
        merchant=None,
        failure=Failure.of({"error": "InvalidInput", "cause": line["details"].get("cause")}),
        attempt=int(replayed[2]) + 1 if replayed else 1,
        since=moment(int(line["event_timestamp"]) / 1000),
        reason="the input can never be processed",
        execution=name,
    )


def entries_of(execution: str | None) -> tuple[str, ...]:
    """The entry, if the execution is of a single one."""
    return (execution[:UUID_CHARACTERS],) if execution and flow.OF_ONE_ENTRY.match(execution) else ()


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="parked", description=__doc__.splitlines()[0])
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml")
    parser.add_argument("--region", help="another region than samconfig.toml, AWS_DEFAULT_REGION or the profile names")
    arguments = parser.parse_args()
    try:
        chosen = stage.read(arguments.stage)
        account = Account.of_shell(arguments.region or chosen.region, chosen.profile, PATIENT)
        account.sign_in()
        return run(account, chosen.stack_name, datetime.now(UTC))
    except NotAnswered as reason:
        print(f"fluxo: not all could be asked, because {reason}: allow {reason.action}, or run this again.", file=sys.stderr)
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
    return 1


def run(account: Account, stack_name: str, now: datetime) -> int:
    """Prints what is known."""
    queues = Queues(account, stack_name)
    due, delayed, in_hand = queues.counts("ParkQueueUrl")
    dead, _, looked_at = queues.counts("DeadLetterQueueUrl")
    in_park_queue = (
        f"{counted(due + delayed + in_hand, 'message')} in the park queue ({due:,} due, {delayed:,} delayed, {in_hand:,} in hand)"
    )
    print(f"SQS counts about {in_park_queue} and {counted(dead + looked_at, 'message')} in the dead-letter queue.")
    print("The logs say of them:")
    print()
    for line in parked.report(queues.waiting(now), queues.running_again(), queues.dead_letters(now), now, BRING_BACK, SHOW):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
