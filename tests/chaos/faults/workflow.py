"""Step Functions and SQS fail, or deliver more often and later than asked."""

import json
from contextlib import suppress
from typing import Any

from chaos.fault import SHORT_WAITS, Scene, fault
from chaos.http_rules import Deliver
from chaos.proxy import Refuse
from chaos.system import wait


@fault("step-functions-refuses", "Step Functions unreachable from register-entry for 6 s")
def step_functions_refuses(scene: Scene) -> None:
    """The one store without which nothing can be accepted: clients are told so, and nothing may be remembered as accepted."""
    asked = scene.load.sale()
    with scene.system.ruled("SFN", Refuse()):
        refused = scene.load.post(asked)
        wait(6)
    accepted = scene.load.post(asked)
    scene.check(refused.status == 503, f"503, not {refused.status}")
    scene.check(accepted.status == 202 and not accepted.is_repeat, f"the repeat to be accepted as new, not {accepted}")
    failed = [(sale, attempt) for sale in scene.load.sales for attempt in sale.attempts if attempt.failed]
    scene.note(f"{len(failed)} POSTs refused")
    scene.check(bool(failed), "POSTs to be refused")
    wrong = [attempt for _, attempt in failed if attempt.status != 503 or not attempt.retry_after]
    scene.check(not wrong, f"503 with Retry-After, not {wrong[:1]}")


@fault("delivered-thrice", "every execution delivered 3 times at once", rate=5, no_failed_post=True)
def delivered_thrice(scene: Scene) -> None:
    """As an EXPRESS state machine may, and an SQS queue, too."""
    machine = scene.system.client("stepfunctions")

    def start(request: dict[str, Any]) -> None:
        # Two clients may have sent the same request at once, and its copies have been started already.
        with suppress(machine.exceptions.ExecutionAlreadyExists):
            machine.start_execution(**request)

    with scene.system.ruled("SFN", Deliver(3, start)):
        wait(10)
    copies = sum(name.endswith("-again-2") for name in scene.system.workflow.names())
    scene.note(f"{copies} executions delivered 3 times")
    scene.check(copies > 0, "executions to be delivered 3 times")


@fault("queue-refuses", "PostgreSQL down for longer than all retries, and the park queue refuses", no_failed_post=True)
def queue_refuses(scene: Scene) -> None:
    """The net under parking: the rule on failed executions brings the input to the queue, from where it runs again."""
    system = scene.system
    machine = system.client("stepfunctions")
    arn = system.ids["state_machine_arn"]
    definition = machine.describe_state_machine(stateMachineArn=arn)["definition"]
    with system.waits_between_retries(SHORT_WAITS):
        machine.update_state_machine(stateMachineArn=arn, definition=without_queue(definition))
        try:
            with system.killed("PostgreSQL"):
                wait(15)
                scene.check_parked()
        finally:
            machine.update_state_machine(stateMachineArn=arn, definition=definition)


def without_queue(definition: str) -> str:
    """The state machine, parking into a queue that is not there."""
    machine: dict[str, Any] = json.loads(definition)
    parking = machine["States"]["ParkEntries"]["Parameters"]
    parking["QueueUrl"] += "-that-is-not-there"
    return json.dumps(machine)
