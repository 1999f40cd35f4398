"""`make preflight`: what a deployment of a stage would fail at in this account and region, before anything is made."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cost.problem import Problem as TemplateProblem
from cost.template import Stack

from deploy import stage
from deploy.account import Account, NotAnswered
from deploy.preflight import concurrency, engine, leftovers, plan, quotas, stack, zones
from deploy.preflight.deployment import Deployment, kept, look_up
from deploy.preflight.finding import Finding, Severity, unchecked
from deploy.problem import Problem

Check = Callable[[Deployment], Iterable[Finding]]

# What each looks at, as it stands in a sentence.
CHECKS: tuple[tuple[str, Check], ...] = (
    ("the state of the stack", stack.state),
    ("its name", stack.names),
    ("the template's rules", stack.rules),
    ("the account's plan", plan.ledger),
    ("the engine's version", engine.version),
    ("the concurrency of functions", concurrency.check),
    ("log groups of an earlier stack", leftovers.log_groups),
    ("the domain of the hosted pages", leftovers.hosted_domain),
    ("what an earlier stack has kept", leftovers.retained),
    ("how many things there may be", quotas.numbers),
    ("how many executions are started", quotas.starts),
    ("how many state transitions there may be", quotas.transitions),
    ("how many requests API Gateway takes", quotas.gateway),
)


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="preflight", description=__doc__)
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml")
    parser.add_argument("--region", help="another region than samconfig.toml, AWS_DEFAULT_REGION or the profile names")
    parser.add_argument("--parameters", type=Path, help="where to write the parameters that SAM is to deploy with, if nothing fails")
    parser.add_argument("--force", action="store_true", help="write them although something fails")
    arguments = parser.parse_args()
    try:
        return run(arguments)
    except (Problem, TemplateProblem) as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace) -> int:
    """Asks, and says what was found."""
    chosen = stage.read(arguments.stage)
    account = Account.of_shell(arguments.region or chosen.region, chosen.profile)
    number = account.sign_in()
    print(f"Preflight of {chosen.name}: the stack {chosen.stack_name} in {account.region}, account {number}")
    findings, parameters = survey(account, chosen)
    failures = report(findings, parameters)
    if failures and not arguments.force:
        return 1
    if arguments.parameters:
        write(arguments.parameters, {**chosen.parameters, **parameters})
    return 0


def survey(account: Account, chosen: stage.Stage) -> tuple[list[Finding], dict[str, str]]:
    """Everything that there is to say, and the zones to deploy with."""
    try:
        existing = look_up(account, chosen.stack_name)
    except NotAnswered as reason:
        raise Problem(f"Cannot find out whether the stack {chosen.stack_name} exists, because {reason}: allow {reason.action}.") from None
    defaults = kept(existing, set(Stack.load().parameters()))
    deployment = Deployment(account, chosen, existing, defaults)
    findings = [finding for what, check in CHECKS for finding in guarded(what, check, deployment)]
    choice = zones.choose(deployment)
    # The same question can stay open for several checks.
    return list(dict.fromkeys([*findings, *choice.findings])), choice.parameters


def guarded(what: str, check: Check, deployment: Deployment) -> Iterator[Finding]:
    """What a check finds, up to a question that stays open."""
    try:
        yield from check(deployment)
    except NotAnswered as reason:
        yield unchecked(what, reason)


def report(findings: list[Finding], parameters: dict[str, str]) -> int:
    """Prints the findings, failures first; how many of them there are."""
    for severity in Severity:
        for finding in (finding for finding in findings if finding.severity is severity):
            print(f"  {severity.value}: {finding.text}")
    if parameters:
        print(f"  zones: {' '.join(f'{name}={zone}' for name, zone in parameters.items())}")
    failures = sum(finding.severity is Severity.FAILURE for finding in findings)
    warnings = len(findings) - failures
    print(f"{failures or 'Nothing'} would fail, {warnings or 'no'} warning{'' if warnings == 1 else 's'}.")
    return failures


def write(path: Path, parameters: dict[str, str]) -> None:
    """A file that SAM reads as YAML, which JSON is too. Readable for its owner only: parameters can be secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    # Of a file that was there, touch leaves the mode.
    path.chmod(0o600)
    path.write_text(json.dumps(parameters, indent=2))


if __name__ == "__main__":
    sys.exit(main())
