"""`make unparked`: executions that ended without parking their input, and whose input does not run again.

Of STANDARD, EventBridge brings what ended so to the park queue; but Step Functions sends those events by best effort (AWS: "AWS Step
Functions events"), and the executions themselves are all that is certain. EXPRESS sends none: its log tells which failed. Parking an
input once more is safe: `replay-parked` starts it under a name that follows from it, and the ledger posts an entry once.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy import stage
from deploy.account import PATIENT, Account, NotAnswered, NotThere
from deploy.problem import Problem

# The last states of an execution whose input is in one of the queues (statemachines/record-entries.asl.json).
PARKED = {"EntriesParked", "EntriesRefused"}
# By then its event has come and its input runs again, unless nobody takes the messages of the park queue.
SETTLED = timedelta(minutes=15)
ENDED_UNPARKED = (
    '{ ($.type = "ExecutionTimedOut") || ($.type = "ExecutionAborted") || '
    '($.type = "ExecutionFailed" && $.details.error != "EntriesParked" && $.details.error != "EntriesRefused") }'
)
# Who starts executions, and logs that it does.
STARTERS = ("register-entry", "reverse-entry", "replay-parked")


@dataclass(frozen=True)
class Ended:
    """An execution that ended without parking its input."""

    arn: str
    kind: str
    how: str
    """Its status, and its error if it has one."""
    stopped: datetime

    @property
    def name(self) -> str:
        """`arn:…:execution:MACHINE:NAME`, or of EXPRESS `arn:…:express:MACHINE:NAME:ID`."""
        return self.arn.split(":")[7]

    @property
    def next_name(self) -> str:
        """Under which `replay-parked` starts its input again."""
        first, attempt = re.fullmatch(r"(.+?)(?:-r(\d+))?", self.name).groups()
        return f"{first}-r{int(attempt or 0) + 1}"

    def message(self, text: str) -> str:
        """What EventBridge would have sent to the park queue."""
        return json.dumps({"detail": {"executionArn": self.arn, "input": text, "stopDate": int(self.stopped.timestamp() * 1000)}})


class Executions:
    """Those of one stack."""

    def __init__(self, account: Account, stack_name: str) -> None:
        self._account = account
        self._stack_name = stack_name
        try:
            stacks = account.ask("cloudformation", "describe_stacks", ("ValidationError",), StackName=stack_name)["Stacks"]
        except NotThere:
            raise Problem(f"There is no stack {stack_name} in {account.region}: choose another stage or REGION.") from None
        self._outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}

    def ended(self, since: datetime) -> Iterator[Ended]:
        """All that ended without parking their input."""
        yield from self._standard(since)
        yield from self._express(since)

    def _standard(self, since: datetime) -> Iterator[Ended]:
        machine = self._outputs["StandardStateMachineArn"]
        for status in ("FAILED", "TIMED_OUT", "ABORTED"):
            for execution in self._newest_first(machine, status, since):
                error = self._describe(execution["executionArn"]).get("error") if status == "FAILED" else None
                if error not in PARKED:
                    how = f"{status} ({error})" if error else status
                    yield Ended(execution["executionArn"], "STANDARD", how, execution["stopDate"])

    def _newest_first(self, machine: str, status: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        pages = self._account.pages("stepfunctions", "list_executions", stateMachineArn=machine, statusFilter=status)
        for page in pages:
            for execution in page["executions"]:
                # By their start, of which an execution of STANDARD takes minutes to its end.
                if execution["startDate"] < since:
                    return
                yield execution

    def _express(self, since: datetime) -> Iterator[Ended]:
        for event in self._logged(f"/aws/vendedlogs/states/{self._stack_name}/record-entries", ENDED_UNPARKED, since):
            line = json.loads(event["message"])
            # Those of STANDARD are in the same log, and have been asked for.
            if ":express:" in line["execution_arn"]:
                error = line["details"].get("error")
                how = line["type"].removeprefix("Execution")
                stopped = datetime.fromtimestamp(int(line["event_timestamp"]) / 1000, UTC)
                yield Ended(line["execution_arn"], "EXPRESS", f"{how} ({error})" if error else how, stopped)

    def runs_again(self, ended: Ended) -> bool:
        """Whether its input was started again."""
        machine = self._outputs["StandardStateMachineArn"].replace(":stateMachine:", ":execution:")
        try:
            self._describe(f"{machine}:{ended.next_name}")
        except NotThere:
            # Of an EXPRESS execution there is nothing to describe, but the line of who started it.
            started = self._logged(f"/aws/lambda/{self._stack_name}/replay-parked", f'"{ended.next_name}"', ended.stopped)
            return any(started)
        return True

    def input_of(self, ended: Ended) -> str | None:
        """The input, as the execution had it."""
        if ended.kind == "STANDARD":
            return self._describe(ended.arn).get("input")
        # An EXPRESS execution ends within five minutes. Its own log has its input if it logs everything, or else who started it.
        since = ended.stopped - timedelta(minutes=10)
        pattern = f'{{ $.type = "ExecutionStarted" && $.execution_arn = "{ended.arn}" }}'
        for event in self._logged(f"/aws/vendedlogs/states/{self._stack_name}/record-entries", pattern, since):
            return json.loads(event["message"])["details"]["input"]
        for starter in STARTERS:
            for event in self._logged(f"/aws/lambda/{self._stack_name}/{starter}", f'"{ended.name}"', since):
                line = json.loads(event["message"])
                if line.get("execution") == ended.name and "input" in line:
                    return json.dumps(line["input"])
        return None

    def park(self, ended: Ended, text: str) -> None:
        """Sends an input to the park queue."""
        self._account.ask("sqs", "send_message", QueueUrl=self._outputs["ParkQueueUrl"], MessageBody=ended.message(text))

    def _describe(self, arn: str) -> Mapping[str, Any]:
        return self._account.ask("stepfunctions", "describe_execution", ("ExecutionDoesNotExist",), executionArn=arn)

    def _logged(self, group: str, pattern: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        start = int(since.timestamp() * 1000)
        for page in self._account.pages("logs", "filter_log_events", logGroupName=group, filterPattern=pattern, startTime=start):
            yield from page["events"]


def main() -> int:
    """The exit status: 1 if some are found and not parked."""
    parser = argparse.ArgumentParser(prog="unparked", description=__doc__.splitlines()[0])
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml")
    parser.add_argument("--region", help="another region than samconfig.toml, AWS_DEFAULT_REGION or the profile names")
    parser.add_argument("--days", type=int, default=14, help="how far to look back; Step Functions keeps executions for 90")
    parser.add_argument("--park", action="store_true", help="send their inputs to the park queue, from where they run again")
    arguments = parser.parse_args()
    try:
        chosen = stage.read(arguments.stage)
        account = Account.of_shell(arguments.region or chosen.region, chosen.profile, PATIENT)
        account.sign_in()
        return run(account, chosen.stack_name, datetime.now(UTC), arguments.days, arguments.park)
    except NotAnswered as reason:
        print(f"fluxo: not all could be asked, because {reason}: allow {reason.action}, or run this again.", file=sys.stderr)
    except Problem as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
    return 1


def run(account: Account, stack_name: str, now: datetime, days: int, park: bool) -> int:
    """Looks for them, and says what became of each."""
    executions = Executions(account, stack_name)
    found = young = parked = 0
    for ended in executions.ended(now - timedelta(days=days)):
        if now - ended.stopped < SETTLED:
            young += 1
            continue
        if executions.runs_again(ended):
            continue
        found += 1
        print(f"{ended.name}: {ended.kind}, {ended.how} at {ended.stopped:%Y-%m-%dT%H:%M:%SZ}; its input does not run again")
        text = executions.input_of(ended) if park else None
        if text is not None:
            executions.park(ended, text)
            parked += 1
        elif park:
            print(f"  not parked: its input is in no log of the stack {stack_name}; ask its clients to repeat the request")
    print(summary(stack_name, days, found, young, parked, park))
    return 0 if found == parked else 1


def summary(stack_name: str, days: int, found: int, young: int, parked: int, park: bool) -> str:
    """The last line."""
    waiting = f" {young} ended less than {SETTLED.seconds // 60} minutes ago, ask for them later." if young else ""
    if not found:
        return (
            f"Of the stack {stack_name}, every execution of the last {days} days that failed has parked its input or runs again.{waiting}"
        )
    if park:
        return f"{parked} of {found} inputs were sent to the park queue, from where they run again.{waiting}"
    return f"{found} found; PARK=1 sends their inputs to the park queue, from where they run again, and nothing counts twice.{waiting}"


if __name__ == "__main__":
    sys.exit(main())
