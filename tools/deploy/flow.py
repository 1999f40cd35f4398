"""`make flow ENTRY=… STAGE=…`: what an entry went through on AWS, as `make flow` shows it of the local stack.

Step Functions cannot be asked for executions by a part of their name, and there may be millions. So the log of who accepted the entry
tells the name of its execution, also of a batch, and the names of repetitions follow from that. Of EXPRESS executions Step Functions
keeps nothing (AWS: "GetExecutionHistory … is not supported by EXPRESS state machines").
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fluxo_local import flow
from fluxo_local.history import Execution
from fluxo_local.problem import Problem as LocalProblem

from deploy import stage
from deploy.account import PATIENT, Account, NotAnswered, NotThere
from deploy.problem import Problem

# Who accepts entries, and what they log with the name of the execution (crates/intake/src/lib.rs).
ACCEPTING = ("register-entry", "reverse-entry")
ACCEPTED = "entries accepted"
OPERATIONS = {
    "DescribeExecution": "describe_execution",
    "GetExecutionHistory": "get_execution_history",
}
QUERY = 'fields @timestamp, message, execution, attempt, error, cause, reason, next_try | filter @message like "{}" | sort @timestamp'


class Flow:
    """The executions of one stack."""

    def __init__(self, account: Account, stack_name: str) -> None:
        self._account = account
        self._stack_name = stack_name
        try:
            stacks = account.ask("cloudformation", "describe_stacks", ("ValidationError",), StackName=stack_name)["Stacks"]
        except NotThere:
            raise Problem(f"There is no stack {stack_name} in {account.region}: choose another stage or REGION.") from None
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}
        self._machine = outputs["StandardStateMachineArn"]

    def accepted_as(self, entry: str, since: datetime) -> list[str]:
        """The names of the executions that record the entry, the oldest first: more than one if another payload came under its key."""
        names: dict[str, None] = {}
        for accepting in ACCEPTING:
            for line in self._lines(f"/aws/lambda/{self._stack_name}/{accepting}", entry, since):
                if line.get("message") == ACCEPTED and "execution" in line:
                    names[line["execution"]] = None
        return list(names)

    def names(self, name: str) -> list[str]:
        """The execution of this name, if Step Functions knows it, and those of its repetitions, in order.

        An input that has waited for a week has run some 700 times. Each repetition follows the one before, so the last is found by
        halving, and not by asking for all.
        """
        if not self._is_known(name):
            return []
        known, unknown = 0, 1
        while self._is_known(f"{name}-r{unknown}"):
            known, unknown = unknown, 2 * unknown
        while unknown - known > 1:
            middle = (known + unknown) // 2
            known, unknown = (middle, unknown) if self._is_known(f"{name}-r{middle}") else (known, middle)
        return [name, *(f"{name}-r{attempt}" for attempt in range(1, known + 1))]

    def execution(self, name: str) -> Execution:
        """What the execution went through."""
        return flow.execution_named(self._ask, self._machine, name, with_history=True)

    def _is_known(self, name: str) -> bool:
        try:
            flow.execution_named(self._ask, self._machine, name)
        except NotThere:
            return False
        return True

    def _lines(self, group: str, entry: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        # A regular expression finds the id wherever it stands ("Using regular expression syntax to scan log data", CloudWatch Logs
        # User Guide): at the beginning of an execution's name, in a list, in an input.
        start = int(since.timestamp() * 1000)
        for page in self._account.pages("logs", "filter_log_events", logGroupName=group, filterPattern=f"%{entry}%", startTime=start):
            for event in page["events"]:
                try:
                    yield json.loads(event["message"])
                except ValueError:
                    # What a function has not written itself, such as the last words of one that broke down.
                    continue

    def _ask(self, operation: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
        return self._account.ask("stepfunctions", OPERATIONS[operation], ("ExecutionDoesNotExist",), **arguments)


def main() -> int:
    """The exit status: 1 if nothing is known of the entry."""
    parser = argparse.ArgumentParser(prog="flow", description=__doc__.splitlines()[0])
    parser.add_argument("entry", help="the entry's id")
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml")
    parser.add_argument("--region", help="another region than samconfig.toml, AWS_DEFAULT_REGION or the profile names")
    parser.add_argument("--days", type=int, default=14, help="how far to look back in the logs for the request")
    arguments = parser.parse_args()
    try:
        entry = flow.entry_id(arguments.entry)
        chosen = stage.read(arguments.stage)
        account = Account.of_shell(arguments.region or chosen.region, chosen.profile, PATIENT)
        account.sign_in()
        return run(account, chosen.stack_name, entry, datetime.now(UTC), arguments.days)
    except NotAnswered as reason:
        print(f"fluxo: not all could be asked, because {reason}: allow {reason.action}, or run this again.", file=sys.stderr)
    except (Problem, LocalProblem) as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
    return 1


def run(account: Account, stack_name: str, entry: str, now: datetime, days: int) -> int:
    """Prints what is known."""
    of_stack = Flow(account, stack_name)
    names = of_stack.accepted_as(entry, now - timedelta(days=days))
    if not names:
        print(f"No line of the last {days} days says that the entry {entry} was accepted: look further back with DAYS=90, as far as logs")
        print("are kept. An entry that is posted is found in any case: GET /entries/{id}.")
        return 1
    runs = {name: of_stack.names(name) for name in names}
    known = [run for of_input in runs.values() for run in of_input]
    if known:
        print("\n".join(flow.report(entry, [of_stack.execution(name) for name in flow.shown(known)], known)))
    for name, of_input in runs.items():
        if not of_input:
            print(
                f"{name}: Step Functions does not know it. It was an EXPRESS execution, of which nothing is kept, or is older than 90 days."
            )
    print(f"What each function logged, in Logs Insights over the log groups /aws/lambda/{stack_name}/*:")
    for name in names:
        print(f"  {QUERY.format(name)}")
    print("What the ledger says: GET /entries/{id} with a token of the merchant.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
