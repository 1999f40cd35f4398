"""The table of quotas, quotas.json: each with its default, what an increase brings, AWS's page about it and when that was read."""

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from cost.problem import Problem

TABLE = Path(__file__).with_name("quotas.json")


@dataclass(frozen=True)
class Quota:
    """What AWS allows of one thing."""

    name: str
    page: str
    title: str
    read: date
    is_adjustable: bool
    default: Decimal | None = None
    large: Decimal | None = None
    """The default in the large regions, where it differs."""
    new_account: Decimal | None = None
    """That of an account that is new."""
    raised: Decimal | None = None
    """What is planned with after an increase."""
    steps: dict[Decimal, Decimal] = field(default_factory=dict)
    """For quotas that depend on a size: what each size brings."""
    code: str | None = None
    remark: str = ""

    def at(self, size: Decimal) -> Decimal:
        """What a size brings: that of the largest listed one that is not above it."""
        listed = [step for step in self.steps if step <= size]
        if not listed:
            raise Problem(f"{self.name}: nothing is listed for {size} or less.")
        return self.steps[max(listed)]


@dataclass(frozen=True)
class Quotas:
    """All of them."""

    note: str
    large_regions: tuple[str, ...]
    of: dict[str, Quota]
    parameters: dict[str, dict[str, Any]]
    """What the template's own parameters are raised to, and why."""

    def __getitem__(self, name: str) -> Quota:
        if name not in self.of:
            raise Problem(f"{TABLE.name} has no quota called {name}.")
        return self.of[name]

    def raised_parameter(self, name: str) -> str:
        """What an operator raises a parameter to."""
        return str(self.parameters[name]["raised"])


def load(path: Path = TABLE) -> Quotas:
    """Reads the table."""
    table = json.loads(path.read_text())
    quotas = {name: read_quota(name, quota) for name, quota in table["quotas"].items()}
    return Quotas(table["note"], tuple(table["large_regions"]), quotas, table["parameters"])


def read_quota(name: str, quota: dict[str, Any]) -> Quota:
    """One entry. A number without a page is a rumour."""
    if not quota.get("page", "").startswith("https://docs.aws.amazon.com/") or not quota.get("title"):
        raise Problem(f"The quota {name} does not say on which page of AWS's it stands.")
    if "default" not in quota and "steps" not in quota:
        raise Problem(f"The quota {name} has no number.")
    numbers = {key: Decimal(str(quota[key])) if key in quota else None for key in ("default", "large", "new_account", "raised")}
    if numbers["default"] is not None and (numbers["raised"] is None or numbers["raised"] < numbers["default"]):
        raise Problem(f"The quota {name} is lower after an increase.")
    return Quota(
        name=quota["name"],
        page=quota["page"],
        title=quota["title"],
        read=date.fromisoformat(quota["read"]),
        is_adjustable=quota["adjustable"],
        steps={Decimal(size): Decimal(value) for size, value in quota.get("steps", {}).items()},
        code=quota.get("code"),
        remark=quota.get("remark", ""),
        **numbers,
    )
