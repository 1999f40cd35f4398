"""What requests cost beyond the idle stack: a million entries, one by one or in batches, or a million reads."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cost import metering, workflow
from cost.metering import GB, MB, MILLION
from cost.prices import Prices
from cost.problem import Problem
from cost.quantities import Quantities
from cost.template import Stack, target_of

# The services, in the order in which they are shown.
API, LAMBDA, STEPS, MEMORY, LEDGER, BALANCES, LOGS, TRACES, NETWORK = SERVICES = (
    "API Gateway",
    "Lambda",
    "Step Functions",
    "Valkey",
    "Aurora",
    "DynamoDB",
    "CloudWatch Logs",
    "X-Ray",
    "Data transfer",
)


@dataclass(frozen=True)
class Case:
    """A kind of request: what was measured of it, the route it takes, and whether it starts the state machine."""

    name: str
    route: str
    path: str
    records: bool


ENTRY = Case("entry", "POST /entries", "/entries", records=True)
BATCH = Case("batch", "POST /entries/batch", "/entries/batch", records=True)
READ = Case("read", "GET /daily-balances/{date}", "/daily-balances/2026-11-22", records=False)

# What the two queries of a read go through: the size of an item, and how many there are.
QUERIED = {"year_read_bytes": "history_years", "day_read_bytes": "history_days"}


def per_million(case: Case, stack: Stack, prices: Prices, quantities: Quantities) -> dict[str, Decimal]:
    """What a million entries, or reads, cost with each service, in USD."""
    measured = quantities.case(case.name)
    requests = Decimal(MILLION) / measured["entries"]
    costs = Counter({service: Decimal(0) for service in SERVICES})
    costs.update(of_request(case, stack, prices, quantities))
    total = {service: costs[service] * requests for service in SERVICES}
    if case.records:
        total[STEPS] = workflow_cost(case, int(requests), stack, prices, quantities)
    return total


def of_request(case: Case, stack: Stack, prices: Prices, quantities: Quantities) -> Counter[str]:
    """What one request costs with each service but Step Functions, which has tiers."""
    measured = quantities.case(case.name)
    functions = functions_of(case, stack)
    gigabytes_out = Decimal(measured["response_bytes"] + quantities.assume("response_header_bytes")) / GB
    costs: Counter[str] = Counter()
    costs[API] += gateway_units(measured) * prices.cost("http_api_request_million", 1) / MILLION
    for name in functions:
        used = quantities.of_function(case.name, stack.binary(name))
        function = stack.function(name)
        costs[LAMBDA] += lambda_cost(function, duration_ms(function, used, quantities), prices)
        costs[LAMBDA] += cold_start_cost(function, stack.binary(name), prices, quantities)
        costs[LOGS] += log_cost(function_log_bytes(function, used, stack, quantities), stack, prices)
    costs[LOGS] += log_cost(access_log_bytes(case, stack, quantities), stack, prices)
    costs[TRACES] += traced_share(stack, functions, quantities) * prices.cost("xray_trace_million", 1) / MILLION
    costs[BALANCES] += balances_cost(measured, prices, quantities)
    costs[NETWORK] += gigabytes_out * prices.cost("internet_gb", 1)
    if case.records:
        machine, definition = workflow.load(stack)
        costs[LOGS] += log_cost(workflow.logged_bytes(machine, definition, measured["payload_escaped_bytes"]), stack, prices)
        costs[MEMORY] += memory_cost(measured, prices, quantities)
        costs[LEDGER] += ledger_cost(measured, prices, quantities)
        to_endpoint = measured["payload_bytes"]["input"] + quantities.assume("start_execution_bytes")
        costs[NETWORK] += Decimal(to_endpoint) / GB * prices.cost("interface_endpoint_gb", 1)
    return costs


def functions_of(case: Case, stack: Stack) -> list[str]:
    """The functions of the template that a request runs: behind its route, and in the state machine."""
    names = [function_behind(case.route, stack)]
    if case.records:
        machine, definition = workflow.load(stack)
        in_states = (workflow.function_of(machine, definition["States"][state]) for state in workflow.happy_path(definition))
        names += [name for name in in_states if name]
    return names


def function_behind(route: str, stack: Stack) -> str:
    """The function that API Gateway gives requests of a route to."""
    keys = {properties["RouteKey"]: properties for properties in stack.required("AWS::ApiGatewayV2::Route").values()}
    if route not in keys:
        raise Problem(f"The template has no route {route}.")
    integration = keys[route]["Target"]["Fn::Sub"].removeprefix("integrations/${").removesuffix("}")
    return target_of(stack.resources("AWS::ApiGatewayV2::Integration")[integration]["IntegrationUri"])


def gateway_units(measured: Mapping[str, Any]) -> int:
    """How many requests API Gateway counts."""
    return metering.started(max(measured["request_bytes"], measured["response_bytes"]), metering.HTTP_API_UNIT_BYTES)


def duration_ms(function: Mapping[str, Any], used: Mapping[str, Any], quantities: Quantities) -> Decimal:
    """How long an invocation takes on AWS: its CPU time at the function's share of a processor, and its waits."""
    waits = quantities.assume("wait_ms")
    waited = sum(waits[store] * times for store, times in used["waits"].items())
    return used["cpu_ms"] * quantities.assume("cpu_margin") / cpu_share(function, quantities) + waited


def cpu_share(function: Mapping[str, Any], quantities: Quantities) -> Decimal:
    """The share of a processor that the function's memory brings with it; the functions use one at most."""
    return min(Decimal(1), Decimal(function["MemorySize"]) / quantities.assume("vcpu_at_mb"))


def lambda_cost(function: Mapping[str, Any], milliseconds: Decimal, prices: Prices) -> Decimal:
    """What an invocation costs that takes so long."""
    (architecture,) = function["Architectures"]
    per_gb_second = prices.cost(f"lambda_gb_second_{architecture}", 1)
    duration = metering.lambda_gb_seconds(int(function["MemorySize"]), milliseconds) * per_gb_second
    return duration + prices.cost("lambda_request_million", 1) / MILLION


def cold_start_cost(function: Mapping[str, Any], binary: str, prices: Prices, quantities: Quantities) -> Decimal:
    """What starting environments adds to each invocation, on the average."""
    start_cpu_ms = quantities.measured["start_cpu_ms"].get(binary)
    if start_cpu_ms is None:
        raise Problem(f"The start of {binary} was not measured: see `python -m cost.measure`.")
    start_ms = start_cpu_ms * quantities.assume("cpu_margin") / cpu_share(function, quantities) + quantities.assume("cold_start_wait_ms")
    (architecture,) = function["Architectures"]
    seconds = metering.lambda_gb_seconds(int(function["MemorySize"]), start_ms)
    return quantities.assume("cold_start_share") * seconds * prices.cost(f"lambda_gb_second_{architecture}", 1)


def function_log_bytes(function: Mapping[str, Any], used: Mapping[str, Any], stack: Stack, quantities: Quantities) -> int:
    """What an invocation writes to its log, with Lambda's own lines if the template lets them through."""
    size, events = used["log_bytes"], used["log_events"]
    if stack.parameter("WorkflowType") == "EXPRESS":
        # Who starts an execution of EXPRESS logs its input.
        size = used.get("log_bytes_express", size)
    if function.get("LoggingConfig", {}).get("SystemLogLevel") != "WARN":
        size += quantities.assume("platform_log_bytes")
        events += quantities.assume("platform_log_events")
    return size + events * quantities.assume("log_event_bytes")


def access_log_bytes(case: Case, stack: Stack, quantities: Quantities) -> int:
    """The gateway's line for a request: the format of the template with usual values."""
    log_format = stack.only("AWS::ApiGatewayV2::Stage").get("AccessLogSettings", {}).get("Format", "")
    if not log_format:
        return 0
    sizes = quantities.assume("access_log_values") | {"routeKey": len(case.route), "path": len(case.path)}
    variables = re.findall(r"\$context\.([\w.]+)", log_format)
    if unknown := set(variables) - sizes.keys():
        raise Problem(f"How long $context.{min(unknown)} is in the access log is not known.")
    names = sum(len(f"$context.{name}") for name in variables)
    return len(log_format) - names + sum(sizes[name] for name in variables) + quantities.assume("log_event_bytes")


def log_cost(size: int, stack: Stack, prices: Prices) -> Decimal:
    """Ingesting this much, and keeping it for as long as the template says."""
    months = Decimal(stack.parameter("LogRetentionDays")) / 30
    return Decimal(size) / GB * (prices.cost("log_ingestion_gb", 1) + months * prices.cost("log_storage_gb_month", 1))


def traced_share(stack: Stack, functions: list[str], quantities: Quantities) -> Decimal:
    """The share of requests that X-Ray records, each as one trace through all functions."""
    if all(stack.function(name).get("Tracing") != "Active" for name in functions):
        return Decimal(0)
    per_second = Decimal(quantities.assume("requests_per_second"))
    return metering.traces(1, per_second, Decimal(quantities.assume("xray_traces_per_second")), quantities.assume("xray_share"))


def balances_cost(measured: Mapping[str, Any], prices: Prices, quantities: Quantities) -> Decimal:
    """Writing the totals of the days and months of a request, or the two queries of a read."""
    writes = sum(map(metering.write_units, measured.get("items_written_bytes", [])))
    queried = [measured[size] * quantities.assume(count) for size, count in QUERIED.items() if size in measured]
    reads = sum(map(metering.query_units, queried))
    return (writes * prices.cost("dynamodb_write_unit_million", 1) + reads * prices.cost("dynamodb_read_unit_million", 1)) / MILLION


def memory_cost(measured: Mapping[str, Any], prices: Prices, quantities: Quantities) -> Decimal:
    """Looking for each entry, remembering it, and keeping it in memory."""
    memory = measured["memory"]
    # One GET that finds nothing, and one SET, of each entry.
    units = measured["entries"] * metering.ecpus([memory["get_bytes"], memory["reserve_bytes"], memory["set_bytes"]])
    gigabyte_hours = Decimal(memory["kept_bytes"]) * measured["entries"] / GB * quantities.assume("memory_hours")
    return units * prices.cost("valkey_ecpu_million", 1) / MILLION + gigabyte_hours * prices.cost("valkey_gb_hour", 1)


def ledger_cost(measured: Mapping[str, Any], prices: Prices, quantities: Quantities) -> Decimal:
    """Capacity for the statements of a request, its reads and writes of storage, and a month of what it has stored."""
    ledger = measured["ledger"]
    acu_hours = ledger["cpu_ms"] / 1000 / 3600 * quantities.assume("acu_per_vcpu") * quantities.assume("database_headroom")
    writes = metering.started(ledger["log_bytes"], quantities.assume("database_write_bytes"))
    requests = writes + measured["entries"] * quantities.assume("database_reads_per_entry")
    return (
        acu_hours * prices.cost("aurora_acu_hour", 1)
        + requests * prices.cost("aurora_io_million", 1) / MILLION
        + Decimal(ledger["stored_bytes"]) / GB * prices.cost("aurora_storage_gb_month", 1)
    )


def workflow_cost(case: Case, executions: int, stack: Stack, prices: Prices, quantities: Quantities) -> Decimal:
    """What so many executions in a month cost."""
    machine, definition = workflow.load(stack)
    path = workflow.happy_path(definition)
    match machine["Type"]:
        case "STANDARD":
            transitions = len(path) + quantities.assume("transitions_beside_states")
            return prices.cost("step_functions_transition_million", Decimal(transitions * executions) / MILLION)
        case "EXPRESS":
            hours = express_gb_hours(case, stack, quantities)
            requests = prices.cost("step_functions_express_request_million", Decimal(executions) / MILLION)
            return requests + prices.cost("step_functions_express_gb_hour", hours * executions)
        case other:
            raise Problem(f"What a workflow of the type {other} costs is not known.")


def express_gb_hours(case: Case, stack: Stack, quantities: Quantities) -> Decimal:
    """What one EXPRESS execution is billed for: the time of its functions and of its states, and its memory."""
    machine, definition = workflow.load(stack)
    path = workflow.happy_path(definition)
    milliseconds = Decimal(len(path) * quantities.assume("express_ms_per_state"))
    for state in path:
        if name := workflow.function_of(machine, definition["States"][state]):
            used = quantities.of_function(case.name, stack.binary(name))
            milliseconds += duration_ms(stack.function(name), used, quantities)
    data = sum(quantities.case(case.name)["payload_bytes"].values())
    megabytes = quantities.assume("express_base_mb") + Decimal(len(str(definition)) + data) / MB
    return metering.express_gb_hours(milliseconds, megabytes)
