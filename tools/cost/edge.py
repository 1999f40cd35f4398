"""What the console's distribution costs: a month of its web ACL, and requests that come through it."""

from decimal import Decimal

from cost.metering import GB, MILLION
from cost.prices import Prices
from cost.problem import Problem
from cost.quantities import Quantities
from cost.requests import Case
from cost.template import Stack

DISTRIBUTION, WEB_ACL = "AWS::CloudFront::Distribution", "AWS::WAFv2::WebACL"


def web_acl_month(stack: Stack, prices: Prices) -> Decimal:
    """What web ACLs of the stack's own cost in a month, with their rules."""
    found = stack.resources(WEB_ACL).values()
    rules = sum(len(web_acl["Rules"]) for web_acl in found)
    return prices.cost("web_acl_month", len(found)) + prices.cost("web_acl_rule_month", rules)


def per_million(case: Case, stack: Stack, prices: Prices, quantities: Quantities) -> Decimal:
    """What a million requests cost more through the distribution than at the API's own address."""
    if not stack.resources(DISTRIBUTION):
        raise Problem("A stack without ConsoleEnabled=true has no distribution.")
    measured = quantities.case(case.name)
    out = Decimal(measured["response_bytes"] + quantities.assume("response_header_bytes")) * MILLION / GB
    to_origin = Decimal(measured["request_bytes"]) * MILLION / GB
    requests = prices.cost("cloudfront_request_million", 1) + prices.cost("cloudfront_function_million", functions(stack))
    # What API Gateway sends to CloudFront is free (AWS: "Amazon CloudFront pricing"), and CloudFront charges for it in its place.
    bytes_more = prices.cost("cloudfront_gb", out) - prices.cost("internet_gb", out) + prices.cost("cloudfront_origin_gb", to_origin)
    return requests + bytes_more + web_acl_requests(stack, prices)


def functions(stack: Stack) -> int:
    """How many functions each request to the API runs at the edge."""
    behaviours = stack.only(DISTRIBUTION)["DistributionConfig"]["CacheBehaviors"]
    (api,) = (behaviour for behaviour in behaviours if behaviour["TargetOriginId"] == "api")
    return len(api["FunctionAssociations"])


def web_acl_requests(stack: Stack, prices: Prices) -> Decimal:
    """What a web ACL of the stack's own charges for a million requests."""
    return prices.cost("web_acl_request_million", len(stack.resources(WEB_ACL)))
