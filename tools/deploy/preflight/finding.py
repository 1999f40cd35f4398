"""What the preflight has found."""

from dataclasses import dataclass
from enum import Enum

from deploy.account import NotAnswered


class Severity(Enum):
    """How much a finding weighs."""

    FAILURE = "fails"
    """AWS would refuse the deployment, or it would not work."""
    WARNING = "warning"
    """It works, and somebody should know."""


@dataclass(frozen=True)
class Finding:
    """One sentence: what would happen, why, and what to do."""

    severity: Severity
    text: str


def failure(text: str) -> Finding:
    """What would fail."""
    return Finding(Severity.FAILURE, text)


def warning(text: str) -> Finding:
    """What somebody should know."""
    return Finding(Severity.WARNING, text)


def unchecked(what: str, reason: NotAnswered) -> Finding:
    """What could not be asked."""
    remedy = f"allow {reason.action}, or look yourself" if reason.is_denied else "run this again, or look yourself"
    return warning(f"Not checked: {what}, because {reason}; {remedy}.")
