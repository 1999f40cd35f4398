"""Renders docs/capacity.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import cache

from cost.document import bullet, markdown
from cost.metering import write_units
from cost.problem import Problem
from cost.quantities import Quantities
from cost.template import CHECKOUT, Stack
from deploy import stage

from capacity import limits, measured
from capacity.limits import Limit, Situation
from capacity.quotas import Quota, Quotas

DOCUMENT = CHECKOUT / "docs" / "capacity.md"
# Who deploys to `dev` may have an account that is new; `prod` reserves concurrency that a new one refuses.
STAGES = {"dev": True, "prod": False}
KINDS = {"STANDARD": "`STANDARD`", "EXPRESS": "`EXPRESS`"}
SIZES = {1: "one by one", 500: "batches of 500"}

# The stages of an entry and of a read, in their order.
WAY = ("Gateway", "Accepting", "Start", "States", "Functions", "Posting", "Consolidating", "Balance")


@dataclass(frozen=True)
class Column:
    """One column of a table: its title, and the limits."""

    title: str
    limits: list[Limit]


@cache
def parameters_of(name: str) -> Mapping[str, str]:
    """A stage's parameters, which SAM itself is asked for."""
    return stage.read(name).parameters


def at_stage(name: str, kind: str, quotas: Quotas, quantities: Quantities, is_large_region: bool = False) -> Situation:
    """A stage of samconfig.toml with a type of workflow."""
    stack = Stack.load(parameters={**parameters_of(name), "WorkflowType": kind})
    return limits.situation(stack, quotas, quantities, STAGES[name], is_large_region)


def columns(name: str, quotas: Quotas, quantities: Quantities) -> list[Column]:
    """The columns of a stage: of entries by type and size."""
    return [
        Column(f"{title}, {size}", limits.of_entries(at_stage(name, kind, quotas, quantities), entries))
        for kind, title in KINDS.items()
        for entries, size in SIZES.items()
    ]


def render(quotas: Quotas, quantities: Quantities) -> str:
    """The whole document."""
    stages = {name: columns(name, quotas, quantities) for name in STAGES}
    reads = [Column(f"`{name}`", limits.of_reads(at_stage(name, "STANDARD", quotas, quantities))) for name in STAGES]
    parts = [
        "<!-- Written by `make capacity` from template.yaml, samconfig.toml, tools/cost and tools/capacity: change those. -->",
        "",
        "# Capacity",
        "",
        "At which rate each limit on the way of an entry and of a read binds, by default and after the usual increase, and what to",
        "change next. `make capacity` computes it from [template.yaml](../template.yaml), the stages of",
        "[samconfig.toml](../samconfig.toml), the durations of [docs/cost.md](cost.md), the rates of",
        "[docs/performance.md](performance.md) and a [table of quotas](../tools/capacity/quotas.json); `make lint` fails when this page",
        "is not what they give. Nothing on it was measured on AWS: a load test in your account comes before you rely on it.",
        "",
        "Each cell says *by default → after*, in entries a second. **Bold** binds first. In parentheses: the cache is left out above it,",
        "and nothing stops.",
        "",
    ]
    for name, found in stages.items():
        parts += [f"## Entries, stage `{name}`", "", INTRODUCTIONS[name], "", table(found), ""]
        parts += [*[bullet(next_steps(column)) for column in found], ""]
    parts += [bullet(large_regions(quotas, quantities)), ""]
    parts += [
        "## Balances read",
        "",
        "In reads a second, if the functions do nothing else.",
        "",
        table(reads),
        "",
        *[bullet(next_steps(column)) for column in reads],
        "",
        "## Events out",
        "",
        *map(bullet, events_out(quotas, quantities)),
        "",
        "## Limits of one merchant",
        "",
        *map(bullet, of_one_merchant(stages["prod"], reads)),
        "",
        "## Where one writer ends",
        "",
        *map(bullet, one_writer(quotas, quantities)),
        "",
        "## What it is computed from",
        "",
        *map(bullet, assumptions(quotas, quantities)),
        "",
        quota_table(quotas),
        "",
        quotas.note,
        "",
    ]
    return "\n".join(parts)


INTRODUCTIONS = {
    "dev": "In an account that is new, and in one with the usual quotas after. Nothing is reserved, and there is no proxy.",
    "prod": "In an account with the usual quotas, in a region other than N. Virginia, Oregon and Ireland, which start more.",
}


def table(found: Sequence[Column]) -> str:
    """Limits by stage of the way; those that bind are bold."""
    names = list(dict.fromkeys((limit.stage, limit.name) for column in found for limit in column.limits))
    names.sort(key=lambda name: WAY.index(name[0]))
    lines = [["", "limit", *(column.title for column in found)]]
    for stage_name, name in names:
        lines.append([stage_name, name, *(cell(column, stage_name, name) for column in found)])
    text = markdown(lines)
    head, _, rest = text.split("\n", 2)
    return "\n".join([head, "|---|---|" + "---:|" * len(found), rest])


def cell(column: Column, stage_name: str, name: str) -> str:
    """One limit in one column."""
    matching = [limit for limit in column.limits if (limit.stage, limit.name) == (stage_name, name)]
    if not matching:
        return "–"
    (limit,) = matching
    default, raised = number(limit.default), number(limit.raised)
    default = f"**{default}**" if limit is limits.binding(column.limits) else default
    raised = f"**{raised}**" if limit is limits.binding(column.limits, after=True) else raised
    shown = f"{default} → {raised}" if limit.default != limit.raised else default if default.startswith("*") else raised
    return shown if limit.stops else f"({shown})"


def number(value: Decimal) -> str:
    """Three digits that count, rounded down: none of this is known better."""
    digits = len(str(int(value)))
    unit = Decimal(10) ** max(0, digits - 3)
    return f"{int((value / unit).to_integral_value(ROUND_FLOOR) * unit):,}"


def next_steps(column: Column) -> str:
    """The limits one after the other, each with what to change."""
    *raised, end = limits.steps(column.limits)
    ways = [f"{number(limit.default)} ({limit.name}): {limit.next}" for limit in raised]
    at_least = "at least " if end.is_measured else ""
    return f"*{column.title}*: " + "; ".join([*ways, f"then {at_least}{number(end.raised)} ({end.name}): {end.next}"]) + "."


def large_regions(quotas: Quotas, quantities: Quantities) -> str:
    """What the same stage meets where Step Functions starts more."""
    found = limits.of_entries(at_stage("prod", "STANDARD", quotas, quantities, is_large_region=True), 1)
    return f"In {', '.join(quotas.large_regions)}: " + next_steps(Column("`STANDARD`, one by one", found))


def events_out(quotas: Quotas, quantities: Quantities) -> list[str]:
    """What bounds events on their way out. Above it they come later, and none is lost."""
    stack = at_stage("prod", "STANDARD", quotas, quantities).stack
    at_once, receiver_s = quantities.assume("webhooks_at_once"), Decimal(quantities.assume("receiver_ms")) / 1000
    subscribers = Decimal(stack.parameter("DeliveryConcurrency"))
    waiting = Decimal(stack.parameter("EventsConcurrency"))
    pages = waiting * quotas["invocations_per_concurrency_rps"].default
    items = quotas["partition_writes"].default / (
        write_units(quantities.assume("delivery_item_bytes")) * quantities.assume("delivery_writes")
    )
    put_events = quotas["put_events_rps"]
    return [
        f"*The feed*: `EventsConcurrency={waiting}` requests at once, of which each merchant may let two wait for 20 s. What does not wait "
        f"is answered at up to {number(pages)} pages a second, {number(pages * 500)} events.",
        f"*Webhooks*: `DeliveryConcurrency={subscribers}` endpoints at once, each with {at_once} requests that wait for their answers. "
        f"With receivers that take {quantities.assume('receiver_ms')} ms that is {number(subscribers * at_once / receiver_s)} a second in "
        f"all, and {number(at_once / receiver_s)} to one endpoint: a merchant with more events than that reads the feed.",
        f"*One endpoint* is one partition of the table of webhooks: {number(items)} deliveries a second.",
        f"*The bus*: a merchant's events go one request of ten after the other. PutEvents takes {number(put_events.default)} requests a "
        f"second of an account, {number(put_events.large)} in the large regions; `BusPausedAlarm` tells.",
        "*The stream* of the balance table is read by shard, so it keeps up with the table's own writes.",
    ]


def of_one_merchant(entries: Sequence[Column], reads: Sequence[Column]) -> list[str]:
    """What bounds one merchant whatever the rest does."""
    return [
        f"*{column.title}*: "
        + "; ".join(f"{limit.name} {number(limit.default)} → {number(limit.raised)}" for limit in column.limits if limit.of_one_merchant)
        + "."
        for column in [*entries[2:], reads[-1]]
    ] + [
        "A partition is that of a merchant and currency. DynamoDB moves items that are written often to partitions of their own, so "
        "after a while only the item of a year counts, which every request to that year writes.",
    ]


def one_writer(quotas: Quotas, quantities: Quantities) -> list[str]:
    """The rates at which ADR 27 is taken up."""
    writer = measured.writer()
    express = at_stage("prod", "EXPRESS", quotas, quantities)
    most = Decimal(express.raised.parameter("LedgerMaxCapacity")) / quantities.assume("acu_per_vcpu")
    return [
        f"Measured on {writer.cores} processors that functions and stores shared: {number(writer.one_by_one)} entries a second one by "
        f"one and {number(writer.batches_of_500)} in batches of 500. No larger machine was measured, so no row above claims more. "
        f"`LedgerMaxCapacity={express.raised.parameter('LedgerMaxCapacity')}` is about {most:.0f} processors.",
        "*The trigger*: plan the second cell ([ADR 27](adr/0027-the-way-past-one-writer.md)) when the busiest minute posts more than "
        "half of what a load test with your largest `LedgerMaxCapacity` has shown, and clients that can send batches do. Until there is "
        f"such a test, half of the measured rate counts: {number(writer.one_by_one / 2)} single entries a second, which would be "
        f"{number(writer.one_by_one / 2 * 86400 / 1_000_000)} million a day.",
    ]


def assumptions(quotas: Quotas, quantities: Quantities) -> list[str]:
    """What else counts, and what is in nobody's way."""
    prod = at_stage("prod", "STANDARD", quotas, quantities)
    durations = ", ".join(
        f"`{prod.stack.binary(function)}` {1000 * measured.duration_s(prod.stack, function, quantities, 1):.0f} ms "
        f"({1000 * measured.duration_s(prod.stack, function, quantities, 500):.0f} ms)"
        for function in limits.requests.functions_of(limits.ENTRY, prod.stack)
    )
    minutes = [client["IdTokenValidity"] for client in prod.stack.resources("AWS::Cognito::UserPoolClient").values()]
    signed_in = quotas["sign_ins_rps"].default * min(minutes) * 60
    raised = ", ".join(f"`{name}={value['raised']}` ({value['why']})" for name, value in quotas.parameters.items())
    return [
        f"**Durations** of a single entry (of a batch of 500, on a line through those of 1 and 100): {durations}. Below 100 ms Lambda's 10 "
        "invocations a second for each unit of concurrency bind first.",
        f"**Raised parameters**: {raised}. `WritesPerSecond` and `ReadsPerSecond` follow the limit behind them.",
        f"**Bursts**: `WriteBurst={prod.stack.parameter('WriteBurst')}` requests may come at once on top; Step Functions starts "
        f"{number(quotas['start_standard_burst'].default)} of `STANDARD` at once. Lambda makes "
        f"{number(quotas['environments_per_10_s'].default)} environments of a function in 10 s.",
        f"**Signing in**: {number(quotas['sign_ins_rps'].default)} a second, and a token lives for {min(minutes)} minutes, so "
        f"{number(signed_in)} users may be signed in, each signing in again in time.",
        f"**The console's distribution** takes {number(quotas['distribution_rps'].default)} requests a second, more than the API behind "
        "it. `EdgeRateLimit` bounds each address, and not the sum.",
        "**Not in the way**: the park queue and EventBridge, which see only what failed; a standard queue takes a nearly unlimited "
        "number of messages. X-Ray samples. Open: whether Lambda's own delivery to CloudWatch Logs counts as PutLogEvents; the pages "
        "that were read do not say.",
    ]


def quota_table(quotas: Quotas) -> str:
    """All quotas with their pages."""
    lines = [["quota", "by default", "after", "page", "read"]]
    for quota in quotas.of.values():
        lines.append([quota.name, shown(quota), after(quota), f"[{quota.title}]({quota.page})", quota.read.isoformat()])
    remarks = [bullet(f"*{quota.name}*: {quota.remark}") for quota in quotas.of.values() if quota.remark]
    return "\n".join([markdown(lines).replace("---:|", "---|"), "", *remarks])


def shown(quota: Quota) -> str:
    """What a quota is by default."""
    if quota.steps:
        return ", ".join(f"{size} ACU: {value:,}" for size, value in quota.steps.items())
    if quota.default is None:
        raise Problem(f"{quota.name} has no number.")
    more: Mapping[str, Decimal | None] = {"in the large regions": quota.large, "in a new account": quota.new_account}
    return ", ".join([f"{quota.default:,}", *(f"{value:,} {where}" for where, value in more.items() if value is not None)])


def after(quota: Quota) -> str:
    """What is planned with."""
    return f"{quota.raised:,}" if quota.is_adjustable and quota.raised is not None else "cannot be raised"
