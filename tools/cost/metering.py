"""How AWS meters: what it rounds up, what counts as one, what is charged at least."""

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from cost.problem import Problem

KB = 1024
MB = 1024 * KB
GB = 1024 * MB
MILLION = 1_000_000

# HTTP APIs count each started 512 KB of a request or answer as one.
HTTP_API_UNIT_BYTES = 512 * KB
# EventBridge counts each started 64 KB of an event as one.
EVENTBRIDGE_UNIT_BYTES = 64 * KB
# RDS Proxy charges a serverless database as if it had at least this capacity.
PROXY_ACU_MIN = 8
# A cache of ElastiCache Serverless for Valkey is charged for at least 100 MB.
VALKEY_GB_MIN = Decimal("0.1")
EXPRESS_STEP_MS = 100
EXPRESS_STEP_MB = 64
WRITE_UNIT_BYTES = KB
READ_UNIT_BYTES = 4 * KB


def ceiling(value: Decimal) -> int:
    """Rounds up to a whole number."""
    return int(value.to_integral_value(ROUND_CEILING))


def started(quantity: Decimal | int, unit: int) -> int:
    """How many units have been started; at least one."""
    return max(1, ceiling(Decimal(quantity) / unit))


def lambda_gb_seconds(memory_mb: int, duration_ms: Decimal) -> Decimal:
    """What an invocation is billed for: whole milliseconds, times the memory that the function has."""
    return Decimal(memory_mb) / 1024 * ceiling(duration_ms) / 1000


def express_gb_hours(duration_ms: Decimal, memory_mb: Decimal) -> Decimal:
    """What an EXPRESS execution is billed for: started 100 ms, times started 64 MB."""
    seconds = Decimal(started(duration_ms, EXPRESS_STEP_MS) * EXPRESS_STEP_MS) / 1000
    gigabytes = Decimal(started(memory_mb, EXPRESS_STEP_MB) * EXPRESS_STEP_MB) / 1024
    return seconds * gigabytes / 3600


def write_units(item_bytes: int) -> int:
    """DynamoDB's write request units of an item. A write that its condition refuses costs the same."""
    return started(item_bytes, WRITE_UNIT_BYTES)


def query_units(bytes_read: int) -> Decimal:
    """DynamoDB's read request units of an eventually consistent query: half of one for each 4 KB of its items together."""
    return Decimal(started(bytes_read, READ_UNIT_BYTES)) / 2


def item_bytes(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The size of an item as DynamoDB counts it: names and texts in UTF-8, a number one byte for two digits and one more."""
    total = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        total += len(name.encode())
        match kind:
            case "S":
                total += len(content.encode())
            case "N":
                digits = re.sub(r"[^0-9]", "", content).strip("0") or "0"
                total += (len(digits) + 1) // 2 + 1 + (1 if content.startswith("-") else 0)
            case other:
                raise Problem(f"The size of an attribute of the type {other} is not known.")
    return total


def ecpus(bytes_each: Iterable[int]) -> Decimal:
    """ElastiCache's processing units of simple commands: one for each KB that a command transfers, and at least one."""
    return sum((max(Decimal(1), Decimal(size) / KB) for size in bytes_each), Decimal(0))


def traces(requests: int, per_second: Decimal, always_per_second: Decimal, share: Decimal) -> Decimal:
    """How many of the requests are traced that come at this rate: the first of each second and a share of the others."""
    always = min(Decimal(1), always_per_second / per_second)
    return requests * (always + (1 - always) * share)


def runs_per_month(expression: str, hours: Decimal) -> Decimal:
    """How often a schedule of EventBridge comes due in a month."""
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        every_hours = Decimal(rate[1]) * {"minute": Decimal(1) / 60, "hour": Decimal(1), "day": Decimal(24)}[rate[2]]
        return hours / every_hours
    if re.fullmatch(r"cron\(\d+ \d+ [*?] \* [*?] \*\)", expression):
        return hours / 24
    raise Problem(f"The schedule expression {expression} is not supported.")
