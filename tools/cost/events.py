"""What a million events cost: read from the feed, delivered to a webhook endpoint, put on the event bus."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from cost import metering
from cost.metering import GB, MILLION
from cost.prices import Prices
from cost.quantities import Quantities
from cost.requests import (
    API,
    BALANCES,
    LAMBDA,
    LEDGER,
    LOGS,
    NETWORK,
    TRACES,
    Case,
    access_log_bytes,
    cpu_share,
    lambda_cost,
    log_cost,
    traced_share,
)
from cost.template import Stack

# The services, in the order in which they are shown.
QUEUES, BUS = "SQS", "EventBridge"
SERVICES = (API, LAMBDA, QUEUES, BUS, LEDGER, BALANCES, LOGS, TRACES, NETWORK)
FEED = Case("feed", "GET /events", "/events", records=False)
READING, RELAYING, DELIVERING, LISTING = "ReadEvents", "RelayEvents", "DeliverEvents", "ListEvents"


@dataclass(frozen=True)
class Way:
    """A way out: where it leads, and how many events go it together."""

    title: str
    together: int
    to: str
    """`feed`, `webhook` or `bus`."""


WAYS = (
    Way("read from the feed, 100 a page", 100, "feed"),
    Way("webhooks, one by one", 1, "webhook"),
    Way("webhooks, 100 at once", 100, "webhook"),
    Way("on the bus, one by one", 1, "bus"),
    Way("on the bus, 100 at once", 100, "bus"),
)


def per_million(way: Way, stack: Stack, prices: Prices, quantities: Quantities) -> dict[str, Decimal]:
    """What a million events cost with each service, in USD."""
    costs: Counter[str] = Counter({service: Decimal(0) for service in SERVICES})
    each: Counter[str] = Counter()
    match way.to:
        case "feed":
            costs.update(of_page(way.together, stack, prices, quantities))
        case "webhook":
            costs.update(of_wake(stack, prices, quantities))
            # While answers are waited for; those of one wake go out some at once.
            turns = metering.started(way.together, quantities.assume("webhooks_at_once"))
            costs[LAMBDA] += waiting(DELIVERING, turns * quantities.assume("receiver_ms"), stack, prices)
            each.update(of_delivery(stack, prices, quantities))
        case "bus":
            costs.update(of_wake(stack, prices, quantities))
            chunks = metering.started(quantities.assume("event_bytes"), metering.EVENTBRIDGE_UNIT_BYTES)
            each[BUS] += prices.cost("eventbridge_event_million", chunks) / MILLION
    wakes = Decimal(MILLION) / way.together
    return {service: costs[service] * wakes + each[service] * MILLION for service in SERVICES}


def of_page(events: int, stack: Stack, prices: Prices, quantities: Quantities) -> Counter[str]:
    """A request for a page of the feed."""
    size = events * quantities.assume("event_bytes")
    costs = of_invocation(LISTING, stack, prices, quantities)
    costs[API] += metering.started(size, metering.HTTP_API_UNIT_BYTES) * prices.cost("http_api_request_million", 1) / MILLION
    costs[LOGS] += log_cost(access_log_bytes(FEED, stack, quantities), stack, prices)
    costs[TRACES] += traced_share(stack, [LISTING], quantities) * prices.cost("xray_trace_million", 1) / MILLION
    costs[NETWORK] += Decimal(size + quantities.assume("response_header_bytes")) / GB * prices.cost("internet_gb", 1)
    costs[LEDGER] += of_reading(prices, quantities)
    return costs


def of_wake(stack: Stack, prices: Prices, quantities: Quantities) -> Counter[str]:
    """All that is done once for the events that go out together: from the table's stream to the page of events, and the cursor."""
    costs: Counter[str] = Counter()
    for function in (RELAYING, DELIVERING, READING):
        costs.update(of_invocation(function, stack, prices, quantities))
    # Lambda reads a table's stream for nothing; of a queue it receives and deletes.
    # The queue is a fair one, for which each request costs more.
    costs[QUEUES] += (prices.cost("sqs_request_million", 3) + prices.cost("sqs_fair_request_million", 3)) / MILLION
    costs[LEDGER] += of_reading(prices, quantities)
    writes, reads = quantities.assume("wake_write_units"), quantities.assume("wake_read_units")
    costs[BALANCES] += dynamodb(writes, reads, prices)
    costs[TRACES] += traced_share(stack, [RELAYING, DELIVERING, READING], quantities) * prices.cost("xray_trace_million", 1) / MILLION
    return costs


def of_delivery(stack: Stack, prices: Prices, quantities: Quantities) -> Counter[str]:
    """A webhook that its receiver takes at once."""
    units = metering.write_units(quantities.assume("delivery_item_bytes")) * quantities.assume("delivery_writes")
    sent = Decimal(quantities.assume("event_bytes") + quantities.assume("webhook_overhead_bytes")) / GB
    cpu_ms = Decimal(quantities.assume("webhook_cpu_ms")) / cpu_share(stack.function(DELIVERING), quantities)
    return Counter(
        {
            BALANCES: dynamodb(units, 0, prices),
            NETWORK: sent * prices.cost("internet_gb", 1),
            LAMBDA: waiting(DELIVERING, cpu_ms, stack, prices),
        }
    )


def of_invocation(function: str, stack: Stack, prices: Prices, quantities: Quantities) -> Counter[str]:
    """Running one of the functions, without what it waits for receivers."""
    properties, used = stack.function(function), quantities.assume("events_functions")[stack.binary(function)]
    waits = quantities.assume("wait_ms") | {"lambda": quantities.assume("read_events_ms")}
    waited = sum(waits[store] * times for store, times in used["waits"].items())
    milliseconds = used["cpu_ms"] * quantities.assume("cpu_margin") / cpu_share(properties, quantities) + waited
    logged = used["log_bytes"] + quantities.assume("log_event_bytes")
    return Counter({LAMBDA: lambda_cost(properties, Decimal(milliseconds), prices), LOGS: log_cost(logged, stack, prices)})


def waiting(function: str, milliseconds: Decimal | int, stack: Stack, prices: Prices) -> Decimal:
    """What a function costs for so much longer."""
    properties = stack.function(function)
    (architecture,) = properties["Architectures"]
    seconds = metering.lambda_gb_seconds(int(properties["MemorySize"]), Decimal(milliseconds))
    return seconds * prices.cost(f"lambda_gb_second_{architecture}", 1)


def of_reading(prices: Prices, quantities: Quantities) -> Decimal:
    """A page of the feed in the ledger."""
    hours = Decimal(quantities.assume("feed_ledger_cpu_ms")) / 1000 / 3600
    return hours * quantities.assume("acu_per_vcpu") * quantities.assume("database_headroom") * prices.cost("aurora_acu_hour", 1)


def dynamodb(writes: int, reads: int, prices: Prices) -> Decimal:
    """Units of the table of webhooks."""
    return (writes * prices.cost("dynamodb_write_unit_million", 1) + reads * prices.cost("dynamodb_read_unit_million", 1)) / MILLION
