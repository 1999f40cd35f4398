"""What a stack costs in a month in which nobody uses it."""

import re
from decimal import Decimal
from pathlib import Path

from cost import edge, metering
from cost.prices import Prices
from cost.problem import Problem
from cost.quantities import Quantities
from cost.requests import lambda_cost
from cost.template import CHECKOUT, Stack, target_of

METRICS = CHECKOUT / "crates" / "telemetry" / "src"
# Metrics that API Gateway has of each route: 4xx, 5xx, Count, IntegrationLatency, Latency, DataProcessed.
METRICS_OF_A_ROUTE = 6


def idle(stack: Stack, prices: Prices, quantities: Quantities) -> dict[str, Decimal]:
    """What each part of this stack costs in a month, in USD."""
    hours = Decimal(quantities.assume("hours_per_month"))
    return {
        "Aurora, capacity": capacity_acu(stack, quantities) * prices.cost("aurora_acu_hour", hours),
        "RDS Proxy": proxies(stack, quantities) * prices.cost("rds_proxy_acu_hour", hours),
        "Valkey, the least that is charged": caches(stack) * prices.cost("valkey_gb_hour", hours * metering.VALKEY_GB_MIN),
        "Interface endpoints": endpoints(stack) * prices.cost("interface_endpoint_hour", hours),
        "Metrics of the functions": idle_metrics(stack, quantities) * prices.cost("custom_metric_month", 1),
        "Metrics of each route": prices.cost("custom_metric_month", route_metrics(stack)),
        "Alarms and dashboards": alarms(stack, prices),
        "Secrets and keys": secrets(stack, prices),
        "Web ACL of the console": edge.web_acl_month(stack, prices),
        "Polling the queues, schedules": polling(stack, prices, quantities),
    }


def capacity_acu(stack: Stack, quantities: Quantities) -> Decimal:
    """The ACUs of all instances of the cluster when nothing is asked of them."""
    hours = Decimal(quantities.assume("hours_per_month"))
    instances = len(stack.required("AWS::RDS::DBInstance"))
    if not stack.required("AWS::RDS::DBCluster"):
        return Decimal(0)
    smallest = Decimal(str(stack.only("AWS::RDS::DBCluster")["ServerlessV2ScalingConfiguration"]["MinCapacity"]))
    if smallest == 0 and is_kept_awake(stack, hours):
        smallest = Decimal(quantities.assume("awake_acu"))
    return instances * smallest


def is_kept_awake(stack: Stack, hours: Decimal) -> bool:
    """Whether something holds or opens connections even when nobody uses the stack, at least every hour: then no cluster pauses."""
    # Those of functions outside of the VPC reach no ledger by themselves.
    schedules = [
        one for one in stack.required("AWS::Scheduler::Schedule").values() if "VpcConfig" in stack.function(target_of(one["Target"]["Arn"]))
    ]
    often = [schedule for schedule in schedules if metering.runs_per_month(schedule["ScheduleExpression"], hours) >= hours]
    return bool(stack.required("AWS::RDS::DBProxy")) or bool(often)


def proxies(stack: Stack, quantities: Quantities) -> Decimal:
    """The ACUs that RDS Proxy charges for."""
    behind = max(Decimal(metering.PROXY_ACU_MIN), capacity_acu(stack, quantities))
    return len(stack.required("AWS::RDS::DBProxy")) * behind


def caches(stack: Stack) -> int:
    """How many serverless caches there are."""
    found = stack.required("AWS::ElastiCache::ServerlessCache")
    others = {cache["Engine"] for cache in found.values()} - {"valkey"}
    if others:
        raise Problem(f"What a serverless cache with the engine {', '.join(others)} costs is not in the table of prices.")
    return len(found)


def endpoints(stack: Stack) -> int:
    """How many interface endpoints there are, in each zone one. Gateway endpoints cost nothing."""
    found = stack.required("AWS::EC2::VPCEndpoint").values()
    interfaces = [endpoint for endpoint in found if endpoint.get("VpcEndpointType") == "Interface"]
    return sum(len(endpoint["SubnetIds"]) for endpoint in interfaces)


def idle_metrics(stack: Stack, quantities: Quantities) -> Decimal:
    """How many metrics are sent by scheduled runs that find nothing to do, weighed with the share of the hours in which they are."""
    hours = Decimal(quantities.assume("hours_per_month"))
    total = Decimal(0)
    for schedule in stack.required("AWS::Scheduler::Schedule").values():
        binary = stack.binary(schedule["Target"]["Arn"]["Fn::GetAtt"][0])
        names = quantities.assume("metrics_of_a_run").get(binary)
        if names is None:
            raise Problem(f"Which metrics a run of {binary} sends is not known.")
        if unknown := set(names) - emitted_metrics():
            raise Problem(f"No function emits the metric {min(unknown)}.")
        total += len(names) * min(Decimal(1), metering.runs_per_month(schedule["ScheduleExpression"], hours) / hours)
    return total


def emitted_metrics(sources: Path = METRICS) -> set[str]:
    """The metrics that the functions emit, from the lists of their names. Each costs in the hours in which it is sent.

    Those of services alone go to Prometheus.
    """
    text = "".join(file.read_text() for file in sorted(sources.glob("**/*.rs")))
    names = metrics_listed("METRIC_NAMES", text) - metrics_listed("SERVICE_METRIC_NAMES", text)
    if not names:
        raise Problem(f"No metric was found in {sources}.")
    return names


def metrics_listed(constant: str, text: str) -> set[str]:
    """The names in a list of metrics in Rust."""
    listed = re.search(rf"\b{constant}: &\[&str\] =\s+&\[(.*?)\];", text, re.DOTALL)
    return set(re.findall(r'"(\w+)"', listed[1])) if listed else set()


def route_metrics(stack: Stack) -> int:
    """Detailed metrics of routes are charged like the stack's own. A route's own settings stand for all of the default ones."""
    stage = stack.only("AWS::ApiGatewayV2::Stage")
    others, own = stage.get("DefaultRouteSettings", {}), stage.get("RouteSettings", {})
    keys = [route["RouteKey"] for route in stack.required("AWS::ApiGatewayV2::Route").values()]
    detailed = [key for key in keys if own.get(key, others).get("DetailedMetricsEnabled")]
    return len(detailed) * METRICS_OF_A_ROUTE


def alarms(stack: Stack, prices: Prices) -> Decimal:
    """Alarms by the metrics that they look at; dashboards."""
    metrics = sum(map(alarm_metrics, stack.required("AWS::CloudWatch::Alarm").values()))
    return (
        prices.cost("alarm_metric_month", metrics)
        + prices.cost("composite_alarm_month", len(stack.resources("AWS::CloudWatch::CompositeAlarm")))
        + prices.cost("dashboard_month", len(stack.resources("AWS::CloudWatch::Dashboard")))
    )


def alarm_metrics(alarm: dict) -> int:
    """How many metrics an alarm looks at: one, or those that its expression is made of."""
    return sum("MetricStat" in metric for metric in alarm["Metrics"]) if "Metrics" in alarm else 1


def secrets(stack: Stack, prices: Prices) -> Decimal:
    """Secrets, those included that RDS manages, and keys of the stack's own."""
    managed = sum(bool(cluster.get("ManageMasterUserPassword")) for cluster in stack.required("AWS::RDS::DBCluster").values())
    own = len(stack.resources("AWS::SecretsManager::Secret"))
    return prices.cost("secret_month", own + managed) + prices.cost("kms_key_month", len(stack.resources("AWS::KMS::Key")))


def polling(stack: Stack, prices: Prices, quantities: Quantities) -> Decimal:
    """Lambda asks queues for messages all the time; schedules invoke their functions."""
    hours = Decimal(quantities.assume("hours_per_month"))
    functions = stack.required("AWS::Serverless::Function").values()
    sources = sum(event["Type"] == "SQS" for function in functions for event in function.get("Events", {}).values())
    polls = sources * quantities.assume("sqs_pollers") * hours * 3600 / quantities.assume("sqs_poll_seconds")
    total = prices.cost("sqs_request_million", polls / metering.MILLION)
    for schedule in stack.required("AWS::Scheduler::Schedule").values():
        runs = metering.runs_per_month(schedule["ScheduleExpression"], hours)
        function = stack.function(schedule["Target"]["Arn"]["Fn::GetAtt"][0])
        # Nothing was posted, so a run is one look at the ledger: less than its wait for a new connection.
        total += prices.cost("scheduler_invocation_million", runs / metering.MILLION)
        total += runs * lambda_cost(function, Decimal(quantities.assume("cold_start_wait_ms")), prices)
    return total
