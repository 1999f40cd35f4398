"""What the preflight says of an account that answers from a file."""

import re
from collections.abc import Mapping

from deploy.preflight.__main__ import survey
from deploy.preflight.finding import Severity
from deploy.stage import Stage
from recorded import Recorded

DEV = {
    "DeletionProtection": "false",
    "LedgerMinCapacity": "0",
    "LedgerProxyEnabled": "false",
    "LedgerConcurrency": "0",
    "AcceptingConcurrency": "0",
    "EventsConcurrency": "0",
}
PROD = {"LedgerStandby": "true", "LedgerProxyEnabled": "true", "EventsConcurrency": "0"}


def found(
    recorded: Recorded, parameters: Mapping[str, str], region: str = "us-east-1", stack_name: str = "fluxo"
) -> tuple[list[str], list[str], dict[str, str]]:
    """Failures, warnings, and the parameters that are added to a stage with these."""
    findings, added = survey(recorded.account(region), Stage("test", stack_name, parameters))
    for finding in findings:
        assert re.fullmatch(r"[A-Z].+\.", finding.text), f"no sentence: {finding.text}"
    of = lambda severity: [finding.text for finding in findings if finding.severity is severity]  # noqa: E731
    return of(Severity.FAILURE), of(Severity.WARNING), added
