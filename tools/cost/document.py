"""Renders docs/cost.md."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from deploy import stage

from cost import edge, events, idle, requests, services
from cost.metering import GB, MILLION
from cost.prices import Prices
from cost.quantities import Quantities
from cost.requests import BATCH, ENTRY, READ, SERVICES, Case
from cost.template import CHECKOUT, Stack

DOCUMENT = CHECKOUT / "docs" / "cost.md"
ONCE_A_DAY = {"LedgerProxyEnabled": "false", "LedgerMinCapacity": "0", "ReconcileSchedule": "rate(1 day)"}
SMALLEST = "dev"


@dataclass(frozen=True)
class Column:
    """One column of a table: a title, and the template's parameters that are not as they come."""

    title: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    case: Case | None = None


IDLE = (
    Column("as it comes"),
    Column("`LedgerStandby=true`", {"LedgerStandby": "true"}),
    Column("`LedgerProxyEnabled=false`", {"LedgerProxyEnabled": "false"}),
    Column("and `LedgerMinCapacity=0`, compared once a day", ONCE_A_DAY),
    Column(f"stage `{SMALLEST}`: and one endpoint, no alarms", stage.read(SMALLEST).parameters),
)
PER_MILLION = (
    Column("entries, `STANDARD`", {"WorkflowType": "STANDARD"}, ENTRY),
    Column("entries, `EXPRESS`", {"WorkflowType": "EXPRESS"}, ENTRY),
    Column("in batches of 100, `STANDARD`", {"WorkflowType": "STANDARD"}, BATCH),
    Column("in batches of 100, `EXPRESS`", {"WorkflowType": "EXPRESS"}, BATCH),
    Column("balances read", {}, READ),
)
CASES = {"entry": "an entry", "batch": "100 entries", "read": "a balance"}
# How to lower what a service costs, in general and for one kind of request.
BATCHES = "send larger batches, up to 500"
RANGES = "read ranges of days in one request"
REMEDIES = {
    "API Gateway": {"entry": "send batches", "batch": BATCHES, "read": RANGES},
    "Lambda": {"entry": "send batches", "batch": BATCHES, "read": RANGES},
    "Step Functions": {
        "entry": "send batches, or deploy with `WorkflowType=EXPRESS`, which has no redrive and keeps no history: each input is in the "
        "log of the function that started it, and failures are in a log of their own. Executions that run when a stack changes go on "
        "([Operating](operating.md#changing-workflowtype-of-a-stack-in-use))",
        "batch": BATCHES,
    },
    "Valkey": {"entry": "remember requests for less than a day", "batch": "remember requests for less than a day"},
    "Aurora": {"entry": "send batches, each of which is one transaction", "batch": BATCHES},
    "DynamoDB": {"entry": "send batches", "batch": "send batches that cover few days", "read": RANGES},
    "CloudWatch Logs": {
        "entry": "send batches; with `EXPRESS`, a part of it is the one copy of the input, which the runbook needs",
        "batch": BATCHES,
        "read": RANGES,
    },
    "X-Ray": dict.fromkeys(("entry", "batch", "read"), "deploy with `TracingEnabled=false`"),
    "Data transfer": {"entry": "send batches", "batch": BATCHES, "read": RANGES},
}


def figures(prices: Prices, quantities: Quantities) -> tuple[list[dict[str, Decimal]], list[dict[str, Decimal]]]:
    """Both tables: by month while idle, and by million."""
    months = [idle.idle(Stack.load(parameters=column.parameters), prices, quantities) for column in IDLE]
    millions = [requests.per_million(column.case, Stack.load(parameters=column.parameters), prices, quantities) for column in PER_MILLION]
    return months, millions


def render(prices: Prices, quantities: Quantities) -> str:
    """The whole document."""
    months, millions = figures(prices, quantities)
    doors = [services.month(name, prices, quantities) for name in SERVICES_STAGES]
    stack = Stack.load()
    parts = [
        "<!-- Written by `make cost` from template.yaml and tools/cost: change those. -->",
        "",
        "# Cost",
        "",
        wrapped(
            f"What the stack costs on AWS in {prices.region}, in US dollars, at list prices as read on {read_on(prices)}. No free tier, "
            "discount or tax is counted. `make cost` computes it from [template.yaml](../template.yaml), the state machine, a table of "
            "prices, measured quantities and the assumptions below; `make lint` fails when this page is not what they give."
        ),
        "",
        "## While nobody uses it, a month",
        "",
        table("", IDLE, months),
        "",
        *map(bullet, IDLE_NOTES),
        bullet(smallest(months)),
        bullet(metrics_note(prices)),
        bullet(f"Each user who is active in a month costs ${money(user_price(stack, prices))} with Cognito."),
        bullet("Functions, API, state machine, table and queues cost nothing by themselves, nor does the console."),
        bullet(
            f"A web ACL in front of the console (`EdgeRateLimit`) costs ${money(edge.web_acl_month(guarded_console(), prices))} a month."
        ),
        "",
        "## Per million",
        "",
        "On top of that:",
        "",
        table("", PER_MILLION, millions),
        "",
        *map(bullet, dominating(millions)),
        bullet(
            "A million requests that come evenly over a month, one every 2.6 s, are all traced: X-Ray then takes "
            f"${money(prices.cost('xray_trace_million', 1))} for them, or nothing with `TracingEnabled=false`."
        ),
        bullet(f"Entries stay. Each million adds ${money(storage(prices, quantities))} a month to what Aurora stores."),
        bullet(
            f"The totals of a day are an item of {quantities.case(READ.name)['day_read_bytes']} bytes, those of the months of a year one "
            f"of {quantities.case(READ.name)['year_read_bytes']}: a million days cost ${money(days(prices, quantities))} a month, with "
            "point-in-time recovery."
        ),
        bullet(through_the_console(prices, quantities)),
        bullet(
            "Not counted: parked and repeated executions, traffic between zones (cents), alarms that send messages, the console's own "
            "files (cents)."
        ),
        "",
        "## Events out",
        "",
        wrapped(EVENTS),
        "",
        table("", [Column(way.title) for way in events.WAYS], [events.per_million(way, stack, prices, quantities) for way in events.WAYS]),
        "",
        *map(bullet, EVENTS_NOTES),
        "",
        "## The second door",
        "",
        wrapped(SECOND_DOOR),
        "",
        table("", [Column(f"stage `{name}`") for name in SERVICES_STAGES], doors),
        "",
        *map(bullet, second_door(doors, prices, quantities)),
        "",
        "## What it is computed from",
        "",
        bullet(from_template(stack)),
        bullet(from_prices(prices)),
        bullet("**Measured** ([measured.json](../tools/cost/measured.json)): " + measurement(quantities)),
        "",
        measured_table(quantities),
        "",
        "Assumed, on the safe side ([assumptions.json](../tools/cost/assumptions.json)):",
        "",
        *[bullet(f"`{name}` = {shown(each['value'])}. {each['why']}") for name, each in quantities.assumed.items()],
        "",
    ]
    return "\n".join(parts)


SERVICES_STAGES = ("dev", "prod")
SECOND_DOOR = (
    "On Kubernetes with Kafka ([Deploying the second door](deploying-services.md)) it costs a month, used or not, in addition to the "
    "stores of the first table:"
)
EVENTS = (
    "A million events, on top of the entries that they tell of. An entry that is sent alone is two events, itself and its day's new "
    "balance; of a batch, each entry is one, and each day that it touches."
)
EVENTS_NOTES = (
    "*One by one* is the most that it can be: each event wakes its subscriber by itself. Events that come while others are being "
    "delivered, or in one batch of entries, go out together.",
    "*Each endpoint* costs this by itself. One that is filtered by `types` costs less: what it does not want is read and not sent.",
    "*A merchant without endpoints* costs invocations of `relay-events` and a query in each; a feed that nobody reads costs nothing.",
    "*While there is an endpoint or the bus*, the ledger is asked once a minute (`EventSweepSchedule`), so one with `LedgerMinCapacity=0` "
    "does not pause.",
    "*Retries* cost as a delivery each, at most eleven of them in three days. An endpoint that keeps failing is probed, at most every few "
    "seconds and at least every half hour, whatever happens meanwhile.",
    "These are computed from assumptions, and none of them was measured.",
)
IDLE_NOTES = (
    "*As it comes*: Aurora with one instance that never pauses, behind RDS Proxy, which charges for at least 8 ACUs. The proxy shares "
    "connections among functions; without it `LedgerConcurrency` bounds them.",
    "*A minimum of 0 ACUs alone saves nothing.* A cluster pauses only while it has no connection at all. RDS Proxy keeps some open; so "
    "does each environment of a function that used the ledger, for as long as Lambda keeps it frozen; and the schedule that compares "
    "balances opens one every 15 minutes. Without the proxy and with a run a day the cluster pauses some minutes after the last "
    "environment is gone and takes 15 s to wake. Entries are accepted meanwhile; what needs the ledger says 503. This is for trying "
    "things out.",
    "*To lower it*: leave the proxy out while few functions run at once, and the metrics of each route (`RouteMetrics`).",
)
# What the smallest stack is without, and what each choice costs: the parameter, and the row in which it shows.
CHOICES = (
    ("EndpointStandby", "Interface endpoints", "the way to Step Functions through a second zone"),
    ("AlarmsEnabled", "Alarms and dashboards", "alarms and dashboard"),
)


def second_door(doors: Sequence[Mapping[str, Decimal]], prices: Prices, quantities: Quantities) -> list[str]:
    """What entries cost through the second door, and from how many on it is the cheaper one."""
    of_kinds = {kind: Stack.load(parameters={"WorkflowType": kind}) for kind in ("STANDARD", "EXPRESS")}

    def cheaper(case: Case, kind: str) -> str:
        found = [services.break_even(door, case, of_kinds[kind], prices, quantities) for door in doors]
        if None in found:
            return f"never cheaper than `{kind}`"
        amounts = " and ".join(f"{amount:,.0f} million a month in `{name}`" for name, amount in zip(SERVICES_STAGES, found, strict=True))
        return f"cheaper than `{kind}` from {amounts}"

    lines = []
    for case, what in ((ENTRY, "one by one"), (BATCH, "in batches of 100")):
        million = sum(services.million(case, of_kinds["STANDARD"], prices, quantities).values(), Decimal(0))
        lines.append(f"*Entries {what}*: ${money(million)} per million on top; {cheaper(case, 'STANDARD')}; {cheaper(case, 'EXPRESS')}.")
    lines.append(
        "Not counted: what coalescing and larger transactions save in DynamoDB and Aurora, more nodes under load, the shipping of the "
        "pods' logs, traffic between zones (cents)."
    )
    return lines


def smallest(months: Sequence[Mapping[str, Decimal]]) -> str:
    """The smallest useful stack, and what it has given up last."""
    before, least = months[-2:]
    given_up = " and ".join(f"{what} (`{name}`, ${money(before[row] - least[row])})" for name, row, what in CHOICES)
    first, second = sorted(least, key=least.__getitem__, reverse=True)[:2]
    return (
        f"*The smallest useful stack* is the stage `{SMALLEST}` of [samconfig.toml](../samconfig.toml), "
        f"${money(sum(least.values(), Decimal(0)))} a month. In addition to what the previous column leaves out, it leaves "
        f"out {given_up}. What is left is mostly {first.lower()} (${money(least[first])}) and {second} (${money(least[second])})."
    )


def metrics_note(prices: Prices) -> str:
    """Why the row of metrics is what it is."""
    metrics = len(idle.emitted_metrics())
    return (
        "*Metrics* are charged in the hours in which they are sent. Idle, only scheduled runs send some. A stack in use pays for up to "
        f"{metrics}, ${money(prices.cost('custom_metric_month', metrics))} a month; metrics of rare events are sent "
        "only when such an event happens."
    )


def console() -> Stack:
    """The template with the console, and no web ACL."""
    return Stack.load(parameters={"ConsoleEnabled": "true"})


def guarded_console() -> Stack:
    """The same with a web ACL."""
    return Stack.load(parameters={"ConsoleEnabled": "true", "EdgeRateLimit": "2000"})


def through_the_console(prices: Prices, quantities: Quantities) -> str:
    """What requests cost more that come through the console's address."""
    plain = [edge.per_million(case, console(), prices, quantities) for case in (ENTRY, READ)]
    guarded = edge.per_million(READ, guarded_console(), prices, quantities)
    return (
        f"*Through the console's address* a million requests cost more: ${money(plain[0])} for those that post one entry, "
        f"${money(plain[1])} for balances read, ${money(guarded)} for these with a web ACL. That is CloudFront and its function; "
        "CloudFront's free tier, 10 million requests and 1 TB a month, is not counted."
    )


def read_on(prices: Prices) -> str:
    """The day on which the prices were read, and that of those which were read later."""
    later = sorted({price.read for price in prices.of.values() if price.read})
    return " and ".join([str(prices.collected), *map(str, later)])


def wrapped(text: str) -> str:
    """A paragraph, in lines of a width that can be read in an editor."""
    return textwrap.fill(text, 125, break_long_words=False, break_on_hyphens=False)


def bullet(text: str) -> str:
    """A point of a list, in lines of a width that can be read in an editor."""
    return textwrap.fill(f"- {text}", 125, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def table(corner: str, columns: Sequence[Column], values: Sequence[Mapping[str, Decimal]]) -> str:
    """Rows by name and their sum, in Markdown. Rows that are nowhere more than nothing are left out."""
    names = [name for name in values[0] if any(column[name] for column in values)]
    lines = [[corner, *(column.title for column in columns)]]
    lines += [[name, *(money(column[name]) for column in values)] for name in names]
    lines.append(["**together**", *(f"**{money(sum(column.values(), Decimal(0)))}**" for column in values)])
    return markdown(lines)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table with its numbers to the right."""
    head, *rest = ("| " + " | ".join(line) + " |" for line in lines)
    rule = "|---|" + "---:|" * (len(lines[0]) - 1)
    return "\n".join([head, rule, *rest])


def money(amount: Decimal) -> str:
    """Cents; less, where there are none."""
    if amount == 0:
        return "–"
    if amount < Decimal("0.005"):
        return "<0.01"
    return f"{amount:,.2f}" if amount >= Decimal("0.1") or amount == round(amount, 2) else f"{amount:.3f}".rstrip("0")


def dominating(millions: Sequence[Mapping[str, Decimal]]) -> list[str]:
    """What costs most in each column, and what to do about it."""
    lines = []
    for column, costs in zip(PER_MILLION, millions, strict=True):
        first, second = sorted(SERVICES, key=costs.__getitem__, reverse=True)[:2]
        total = sum(costs.values(), Decimal(0))
        shares = " and ".join(f"{name} ({costs[name] / total:.0%})" for name in (first, second))
        title = column.title[0].upper() + column.title[1:]
        lines.append(f"*{title}*: mostly {shares}. To lower it: {REMEDIES[first][column.case.name]}.")
    return lines


def storage(prices: Prices, quantities: Quantities) -> Decimal:
    """What keeping a million entries costs a month."""
    return Decimal(quantities.case(ENTRY.name)["ledger"]["stored_bytes"]) * MILLION / GB * prices.cost("aurora_storage_gb_month", 1)


def days(prices: Prices, quantities: Quantities) -> Decimal:
    """What keeping the totals of a million days costs a month."""
    # AWS: each item takes 100 bytes beside its own.
    gigabytes = Decimal(quantities.case(READ.name)["day_read_bytes"] + 100) * MILLION / GB
    return gigabytes * (prices.cost("dynamodb_storage_gb_month", 1) + prices.cost("dynamodb_pitr_gb_month", 1))


def user_price(stack: Stack, prices: Prices) -> Decimal:
    """What a user costs in the plan of the template; Cognito's default is Essentials."""
    plan = stack.only("AWS::Cognito::UserPool").get("UserPoolTier", "ESSENTIALS")
    return prices.cost(f"cognito_user_month_{plan.lower()}", 1)


def from_template(stack: Stack) -> str:
    """The template's own numbers that matter most."""
    function = stack.function(requests.function_behind(ENTRY.route, stack))
    return (
        f"**The template**: functions with {function['MemorySize']} MB on {function['Architectures'][0]}, {idle.endpoints(stack)} zones of "
        f"interface endpoints, {len(idle.emitted_metrics())} metrics of the functions and {idle.route_metrics(stack)} of routes, logs kept "
        f"for {stack.parameter('LogRetentionDays')} days, balances compared at `{stack.parameter('ReconcileSchedule')}`."
    )


def from_prices(prices: Prices) -> str:
    """The table of prices."""
    return (
        f"**{len(prices.of)} prices** ([prices.json](../tools/cost/prices.json)), each with AWS's page about it and where and when it was "
        f"read. {prices.note}"
    )


def measurement(quantities: Quantities) -> str:
    """How the measured quantities came about."""
    how = quantities.measured["measurement"]
    text = f"on {how['date']}, {how['machine']}, by `{how['command']}`; means of {how['invocations']} invocations."
    if quantities.cpu_from_bench:
        text += " CPU times are those of `make bench`, where it has them."
    return text


def measured_table(quantities: Quantities) -> str:
    """CPU time and log of each function."""
    lines = [["function, in a request for", "CPU, ms", "log, bytes"]]
    for case, measured in quantities.measured["cases"].items():
        for name, used in measured["functions"].items():
            lines.append([f"`{name}`, {CASES[case]}", f"{used['cpu_ms']:.2f}", f"{used['log_bytes']:,}"])
    return markdown(lines)


def shown(value: object) -> str:
    """An assumption's value."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(inner)}" for name, inner in value.items())
    return " ".join(value) if isinstance(value, list) else str(value)
