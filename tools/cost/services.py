"""What the second door costs, beside the main stack: a month of it, a million entries through it, and from how many on it is cheaper."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal

from cost import idle
from cost.metering import GB, MILLION
from cost.prices import Prices
from cost.problem import Problem
from cost.quantities import Quantities
from cost.requests import API, BALANCES, LEDGER, LOGS, MEMORY, NETWORK, Case, access_log_bytes, log_cost, of_request, per_million
from cost.template import CHECKOUT, Stack, read

TEMPLATE = CHECKOUT / "services" / "deploy" / "eks.yaml"
STAGES = TEMPLATE.with_name("stages.toml")
# What costs the same through either door: batches and coalescing, which make it less, are left out.
SHARED = (API, MEMORY, LEDGER, BALANCES)


def stack_of(stage: str) -> Stack:
    """The template with the parameters of a stage."""
    return Stack(read(TEMPLATE), tomllib.loads(STAGES.read_text())[stage])


def month(stage: str, prices: Prices, quantities: Quantities) -> dict[str, Decimal]:
    """What each part of it costs in a month, in USD, whether it is used or not."""
    stack, hours = stack_of(stage), Decimal(quantities.assume("hours_per_month"))
    log = stack.only("AWS::MSK::Cluster")
    brokers, group = Decimal(log["NumberOfBrokerNodes"]), log["BrokerNodeGroupInfo"]
    nodes = Decimal(quantities.assume("services_nodes")[stage])
    instances = nodes * prices.cost("node_hour", hours)
    gateways = len(stack.required("AWS::EC2::NatGateway"))
    disks = nodes * quantities.assume("services_node_disk_gb")
    return {
        "EKS, control plane": len(stack.required("AWS::EKS::Cluster")) * prices.cost("eks_cluster_hour", hours),
        "Nodes": instances + prices.cost("node_disk_gb_month", disks),
        "Auto Mode": instances * prices.cost("eks_auto_share", 1),
        "MSK, brokers": brokers * prices.cost(f"msk_broker_hour_{group['InstanceType']}", hours),
        "MSK, storage": prices.cost("msk_storage_gb_month", brokers * Decimal(group["StorageInfo"]["EBSStorageInfo"]["VolumeSize"])),
        "NAT gateways": gateways * (prices.cost("nat_gateway_hour", hours) + prices.cost("public_ipv4_hour", hours)),
        "Load balancer": balancers(stack, hours, prices, quantities),
        "Alarms": idle.alarms(stack, prices),
    }


def balancers(stack: Stack, hours: Decimal, prices: Prices, quantities: Quantities) -> Decimal:
    """The load balancer behind API Gateway, with the least that it is charged for when it works."""
    found = stack.required("AWS::ElasticLoadBalancingV2::LoadBalancer").values()
    if others := {balancer["Type"] for balancer in found} - {"network"}:
        raise Problem(f"What a load balancer of the type {min(others)} costs is not in the table of prices.")
    units = hours * quantities.assume("services_nlcu")
    return len(found) * (prices.cost("load_balancer_hour", hours) + prices.cost("load_balancer_unit_hour", units))


def million(case: Case, main: Stack, prices: Prices, quantities: Quantities) -> dict[str, Decimal]:
    """What a million entries cost through it. Pods write their logs to the node, where they cost nothing until somebody ships them."""
    measured = quantities.case(case.name)
    requests = Decimal(MILLION) / measured["entries"]
    costs = of_request(case, main, prices, quantities)
    out = Decimal(measured["response_bytes"] + quantities.assume("response_header_bytes")) / GB
    found = {service: costs[service] * requests for service in SHARED}
    found[LOGS] = log_cost(access_log_bytes(case, main, quantities), main, prices) * requests
    found[NETWORK] = prices.cost("internet_gb", out) * requests
    return found


def break_even(monthly: Mapping[str, Decimal], case: Case, main: Stack, prices: Prices, quantities: Quantities) -> Decimal | None:
    """From how many million entries a month the second door is cheaper than a main stack of this kind; nothing if it never is."""
    first = sum(per_million(case, main, prices, quantities).values(), Decimal(0))
    second = sum(million(case, main, prices, quantities).values(), Decimal(0))
    return sum(monthly.values(), Decimal(0)) / (first - second) if first > second else None
