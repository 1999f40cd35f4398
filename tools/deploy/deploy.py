"""`make deploy`: lets SAM deploy a stage, and protects the stack once it stands (docs/adr/0025)."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError
from cost.problem import Problem as TemplateProblem
from cost.template import TEMPLATE, Loader
from fluxo_local import web_page
from fluxo_local.problem import Problem as LauncherProblem
from fluxo_local.profile import CHECKOUT
from fluxo_local.python_tools import SAM

from deploy import as_sam, page, stage
from deploy.account import Account
from deploy.problem import Problem
from deploy.protection import PARAMETER, plan
from deploy.stack import ROLLED_BACK, STANDING, DeployedStack, kept_parameters, parameter

Sam = Callable[[Sequence[str]], None]
# Keeps what SAM was answered, and finds the stack that was deployed: its name and region are asked for, too.
Settle = Callable[[Mapping[str, str]], DeployedStack]


class SamFailed(Exception):
    """SAM ended with this status, and has said why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="deploy", description=__doc__)
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml")
    parser.add_argument("--parameters", type=Path, help="a file with the parameters to deploy with, in the place of the stage's")
    parser.add_argument("--guided", action="store_true", help="let SAM ask for each parameter, and keep the answers in samconfig.toml")
    parser.add_argument("--region", help="another region than samconfig.toml, AWS_DEFAULT_REGION or the profile names")
    arguments = parser.parse_args()
    return ended(lambda: run(arguments))


def ended(work: Callable[[], None]) -> int:
    """The exit status of a command, which says in one line what it fails at."""
    try:
        work()
    except (Problem, TemplateProblem, LauncherProblem) as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    except (ClientError, BotoCoreError) as error:
        print(f"fluxo: AWS does not do what it was asked for: {error}", file=sys.stderr)
        return 1
    except SamFailed as failed:
        return failed.status
    return 0


def run(arguments: argparse.Namespace) -> None:
    """Deploys the stage of this name."""
    chosen = stage.read(arguments.stage)
    account = Account.of_shell(arguments.region or chosen.region, chosen.profile)
    account.sign_in()
    given = json.loads(arguments.parameters.read_text()) if arguments.parameters else None
    stack = DeployedStack(account.client("cloudformation"), chosen.stack_name)
    sam = sam_in(arguments.region)
    asks = asking(chosen, arguments.region) if arguments.guided else None
    # Before anything is deployed: whether there will be a console is only known of what is not asked for in between.
    offered: set[str] = set()
    if arguments.guided or (given or chosen.parameters).get(page.PARAMETER) == "true":
        web_page.build()
        offered = stack.open_change_sets()
    described = deploy(chosen, given, yaml.load(TEMPLATE.read_text(), Loader), stack, sam, asks)
    if described:
        # Who was asked may have answered with another stack, in another region.
        elsewhere = Account.of_shell(region_of(described), stage.read(chosen.name).profile)
        publish(elsewhere, described, offered)


def publish(account: Account, described: dict[str, Any], offered: Container[str]) -> None:
    """Uploads the console's page, unless the changes of the stack were declined. `offered` are change sets of before."""
    if page.BUCKET not in page.outputs_of(described):
        return
    open_now = DeployedStack(account.client("cloudformation"), described["StackName"]).open_change_sets()
    if any(change_set not in offered for change_set in open_now):
        say("the console's page was not uploaded, because the stack was not changed.")
        return
    say(f"the console is at {page.upload(account.client('s3'), described, account.region)}")


def region_of(described: Mapping[str, Any]) -> str:
    """The region of a stack, from its ARN."""
    return described["StackId"].split(":")[3]


def asking(chosen: stage.Stage, region: str | None) -> Settle:
    """Keeps the answers where `sam build` reads them, too: SAM writes them where only `sam deploy` does."""

    def settle(corrections: Mapping[str, str]) -> DeployedStack:
        if as_sam.settle(chosen.name, corrections):
            say(f"samconfig.toml has the answers in [{chosen.name}.global.parameters], but for secrets: give these again next time.")
        answered = stage.read(chosen.name)
        account = Account.of_shell(answered.region or region, answered.profile)
        return DeployedStack(account.client("cloudformation"), answered.stack_name)

    return settle


def deploy(
    chosen: stage.Stage,
    given: Mapping[str, str] | None,
    document: Mapping[str, Any],
    stack: DeployedStack,
    sam: Sam,
    settle: Settle | None = None,
) -> dict[str, Any] | None:
    """Deploys what was built, with the parameters given, or else those of the stage. With `settle` SAM asks for each of them first.

    Answers the stack as it stands then, or nothing.

    SAM asks and deploys in one step, because it writes no secret to samconfig.toml.
    """
    before = to_update(stack)
    parameters = chosen.parameters if given is None else given
    steps = plan(document, parameters, stack.resources(), kept_parameters(before)) if before else plan(document, parameters, ())
    if steps.protect_afterwards:
        say(f"{stack.name} is deployed with {PARAMETER}=false first, so that what fails can be removed; protection follows.")
    if settle:
        if steps.protect_afterwards:
            say(f"leave {PARAMETER} as it is offered.")
        meant = {PARAMETER: parameters[PARAMETER]} if steps.protect_afterwards else {}
        try:
            with parameters_file(steps.first) as file:
                sam(["deploy", "--config-env", chosen.name, "--guided", "--parameter-overrides", f"file://{file}"])
        finally:
            stack = settle(meant)
    elif steps.protect_afterwards or given is not None:
        with parameters_file(steps.first) as file:
            sam(["deploy", "--config-env", chosen.name, "--parameter-overrides", f"file://{file}"])
    else:
        sam(["deploy", "--config-env", chosen.name])
    described = stack.describe()
    if described is None or described["StackStatus"] not in STANDING:
        say("nothing was deployed.")
        return None
    # Who declined the changes has the stack of before: what it is protected by follows its own parameter.
    protects = steps.protect_afterwards and parameter(described, PARAMETER) == "false"
    stack.set_termination_protection(protects or parameter(described, PARAMETER) == "true", described)
    if protects:
        say(f"{stack.name} stands; its resources are protected now.")
        stack.protect_resources(described)
    return described


def to_update(stack: DeployedStack) -> dict[str, Any] | None:
    """The stack, if there is one that can be updated. What is left of one that was never made is removed first."""
    described = stack.describe()
    if described is None or described["StackStatus"] in STANDING:
        return described
    status = described["StackStatus"]
    if status == ROLLED_BACK:
        say(f"{stack.name} is left from a creation that failed and was rolled back; it is empty, and is removed first.")
        stack.remove_rolled_back()
        return None
    advice = "wait until it is done" if status.endswith("_IN_PROGRESS") else 'see docs/deploying.md, "A deployment failed"'
    raise Problem(f"The stack {stack.name} is {status} and cannot be updated: {advice}.")


@contextmanager
def parameters_file(parameters: Mapping[str, str]) -> Iterator[str]:
    """A file that only this user can read: passwords do not belong on a command line, which every user of the machine sees.

    SAM reads YAML, and JSON is that, too.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix="fluxo-parameters-") as file:
        json.dump(parameters, file)
        file.flush()
        yield file.name


def sam_in(region: str | None) -> Sam:
    """Runs SAM in this terminal, where it asks and answers; in this region, if it is another than the stage's."""
    elsewhere = ["--region", region] if region else []

    def run_sam(arguments: Sequence[str]) -> None:
        status = subprocess.run([SAM.program("sam"), *arguments, *elsewhere], check=False, cwd=CHECKOUT).returncode
        if status != 0:
            raise SamFailed(status)

    return run_sam


def say(message: str) -> None:
    """A line between SAM's."""
    print(f"fluxo: {message}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
