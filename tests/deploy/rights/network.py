"""Whether functions in a VPC reach what they call: endpoints, their policies and routes, and security groups."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rights.combinations import REGION
from rights.groups import GROUP, Groups, Rule
from rights.needs import FUNCTION, NeedsOf
from rights.policies import Need, allows, grants_of
from rights.reach import INTERNET

ENDPOINT = "AWS::EC2::VPCEndpoint"
HTTPS = 443
# "Access CloudFormation using an interface endpoint (AWS PrivateLink)", CloudFormation User Guide: the names of regions without
# hyphens. Its address is signed by CloudFormation, which is who the endpoint sees.
ANSWERS = Need(
    "s3:PutObject", f"arn:aws:s3:::cloudformation-custom-resource-response-{REGION.replace('-', '')}/*", "CloudFormation's answer"
)
# "Setting up ElastiCache", grant network access, ElastiCache User Guide: a serverless cache is at both.
SERVERLESS_CACHE_PORTS = (6379, 6380)
# Where stores say in which subnets they are.
SUBNETS = {"AWS::ElastiCache::ServerlessCache": "SubnetIds", "AWS::RDS::DBProxy": "VpcSubnetIds", "AWS::RDS::DBSubnetGroup": "SubnetIds"}
# As the parameter PrivateSubnetIds names what a VPC that is given has to have a way to.
CALLED = {"dynamodb": "DynamoDB", "s3": "S3", "states": "Step Functions", "secretsmanager": "Secrets Manager"}


@dataclass(frozen=True)
class Way:
    """Something that a function connects to."""

    what: str
    """For people."""
    port: int
    store: str | None
    """The resource of the stack that is at its end, if it is one."""
    groups: tuple[str | None, ...]
    """Its security groups."""


class Network:
    """The ways of one deployed template."""

    def __init__(self, needs: NeedsOf, neighbours: Iterable[NeedsOf]) -> None:
        self.stack = needs.stack
        self._needs = needs
        self._all_needs = [needs, *neighbours]
        self._groups = Groups(self.stack)
        self._through: dict[str, list[Need]] = {name: [] for name in self.stack.of_type(ENDPOINT)}

    def check(self) -> Iterator[str]:
        """Everything that is missing, and everything that is there in vain."""
        for name, function in self.stack.of_type(FUNCTION).items():
            yield from self._check_function(name, function)
        for name, proxy in self.stack.of_type("AWS::RDS::DBProxy").items():
            yield from self._check_proxy(name, proxy)
        yield from self._check_endpoints()
        yield from self._check_places()
        yield from self._groups.too_wide()

    def _check_function(self, name: str, function: dict[str, Any]) -> Iterator[str]:
        stores, apis = list(self._stores(name)), self._apis(name)
        if "VpcConfig" in function and INTERNET in self._needs.reached(name).ways:
            yield f"{name} is in the VPC, from which nothing leads to the Internet, and sends there"
        if "VpcConfig" not in function:
            for way in stores:
                if way.store is not None:
                    yield f"{name} is outside of the VPC, and {way.what} is in it"
            return
        if not stores:
            yield f"{name} is in the VPC, and reaches nothing that is in it"
        used: set[str] = set()
        mine = function["VpcConfig"]["SecurityGroupIds"]
        for way in stores:
            for step in self._groups.connect(mine, way.groups, way.port, f"{name} to {way.what}"):
                if isinstance(step, str):
                    yield f"{name}: {step}"
                else:
                    used.add(step.resource)
        for service, needs in apis.items():
            yield from self._check_api(name, function, service, needs, used)
        yield from self._check_order(name, used | {way.store for way in stores if way.store is not None})

    def _stores(self, name: str) -> Iterator[Way]:
        """The stores that a function connects to."""
        reached, environment = self._needs.reached(name).ways, self._needs.environment(name)
        if "ledger" in reached:
            store = self.stack.name_of_host(environment["LEDGER_HOST"])
            yield Way("the ledger", int(environment["LEDGER_PORT"]), store, self._groups_of(store))
        if "memory" in reached:
            store = self.stack.name_of_host(urlsplit(environment["REDIS_URL"]).hostname or "")
            ports = SERVERLESS_CACHE_PORTS if store else self._ports_said()
            yield from (Way("the idempotency cache", port, store, self._groups_of(store)) for port in ports)

    def _ports_said(self) -> tuple[int, ...]:
        """The ports at which the parameter RedisUrl wants a memory that exists."""
        said = self.stack.document["Parameters"]["RedisUrl"]["Description"]
        return tuple(int(port) for port in re.findall(r"\b\d{4,5}\b", said))

    def _groups_of(self, store: str | None) -> tuple[str | None, ...]:
        """The security groups of a store."""
        if store is None:
            return (None,)
        properties = self.stack.all[store]["Properties"]
        return tuple(properties.get("VpcSecurityGroupIds") or properties["SecurityGroupIds"])

    def _apis(self, name: str) -> dict[str, list[Need]]:
        """What a function calls of AWS's APIs, by service. A token for the ledger is signed, and asks nobody."""
        found: dict[str, list[Need]] = {}
        for need in dict.fromkeys(need for needs in self._all_needs for need in needs.of_calls(name)):
            service = need.action.split(":")[0]
            if service != "rds-db":
                found.setdefault(service, []).append(need)
        if ANSWERS.reason in self._needs.reached(name).ways:
            found["s3"] = [ANSWERS]
        return found

    def _check_api(self, name: str, function: dict[str, Any], service: str, needs: list[Need], used: set[str]) -> Iterator[str]:
        subnets = function["VpcConfig"]["SubnetIds"]
        vpc = self._vpc_of(subnets)
        if vpc is None:
            said = self.stack.document["Parameters"]["PrivateSubnetIds"]["Description"]
            if CALLED.get(service, service) not in said:
                yield f"{name} calls {service}, and PrivateSubnetIds does not say that a VPC needs a way to it"
            groups = [None]
        else:
            endpoint = self._endpoint(service, vpc)
            if endpoint is None:
                yield f"{name} calls {service}, and the VPC has no endpoint for it"
                return
            self._through[endpoint] += needs
            yield from self._check_policy(function, endpoint, needs)
            yield from self._check_lead(name, endpoint, vpc, subnets, used)
            used.add(endpoint)
            groups = self.stack.all[endpoint]["Properties"].get("SecurityGroupIds", [None])
        for step in self._groups.connect(function["VpcConfig"]["SecurityGroupIds"], groups, HTTPS, f"{name} to {service}"):
            if isinstance(step, Rule):
                used.add(step.resource)
            else:
                yield f"{name}: {step}"

    def _endpoint(self, service: str, vpc: str) -> str | None:
        for name, endpoint in self.stack.of_type(ENDPOINT).items():
            if endpoint["ServiceName"] == f"com.amazonaws.{REGION}.{service}" and endpoint["VpcId"] == vpc:
                return name
        return None

    def _check_policy(self, function: dict[str, Any], endpoint: str, needs: list[Need]) -> Iterator[str]:
        """Both have to allow a call, the role and the endpoint's policy."""
        document = self.stack.all[endpoint]["Properties"].get("PolicyDocument")
        if document is None:
            yield f"{endpoint} lets everything through: it has no policy"
            return
        for need in needs:
            # Whose address is signed by somebody else is seen as that.
            callers = {"*"} if need is ANSWERS else {"*", function["Role"]}
            if not allows([grant for grant in grants_of(document, endpoint) if grant.principals & callers], need):
                yield f"{endpoint} does not let {need} through"

    def _check_lead(self, name: str, endpoint: str, vpc: str, subnets: list[str], used: set[str]) -> Iterator[str]:
        """Names or routes lead to an endpoint."""
        properties = self.stack.all[endpoint]["Properties"]
        if properties["VpcEndpointType"] == "Gateway":
            for subnet in subnets:
                routes = {
                    one: way
                    for one, way in self.stack.of_type("AWS::EC2::SubnetRouteTableAssociation").items()
                    if way["SubnetId"] == subnet
                }
                leading = [one for one, way in routes.items() if way["RouteTableId"] in properties["RouteTableIds"]]
                used.update(leading)
                if not leading:
                    yield f"{name} in {subnet} has no route to {endpoint}"
            return
        # "Access an AWS service using an interface VPC endpoint", AWS PrivateLink: private names need both attributes of the VPC.
        settings = self.stack.all[vpc]["Properties"]
        if not (properties.get("PrivateDnsEnabled") and settings.get("EnableDnsSupport") and settings.get("EnableDnsHostnames")):
            yield f"{name}: the name of the service does not lead to {endpoint}"
        if not any(self._vpc_of([subnet]) == vpc for subnet in properties.get("SubnetIds", [])):
            yield f"{endpoint} has no subnet in {vpc}"

    def _vpc_of(self, subnets: list[str]) -> str | None:
        """The VPC that the stack makes and these subnets are in."""
        made = self.stack.of_type("AWS::EC2::Subnet")
        vpcs = {made[subnet]["VpcId"] for subnet in subnets if subnet in made}
        return vpcs.pop() if vpcs else None

    def _check_proxy(self, name: str, proxy: dict[str, Any]) -> Iterator[str]:
        """RDS Proxy connects to its clusters."""
        for targets in self.stack.of_type("AWS::RDS::DBProxyTargetGroup").values():
            for cluster in targets["DBClusterIdentifiers"]:
                port = int(self.stack.parameter("LedgerPort"))
                groups = self.stack.all[cluster]["Properties"]["VpcSecurityGroupIds"]
                steps = self._groups.connect(proxy["VpcSecurityGroupIds"], groups, port, f"{name} to {cluster}")
                yield from (f"{name}: {step}" for step in steps if isinstance(step, str))

    def _check_endpoints(self) -> Iterator[str]:
        """What endpoints let through, somebody needs."""
        for name, needs in self._through.items():
            if not needs:
                yield f"{name} is used by nobody"
                continue
            for grant in grants_of(self.stack.all[name]["Properties"]["PolicyDocument"], name):
                if grant.effect == "Allow" and not any(grant.is_within(need) for need in needs):
                    yield f"{grant} is needed by nobody"

    def _check_places(self) -> Iterator[str]:
        """Everything is in one VPC, and stores are in subnets that functions are in."""
        vpcs = {group["VpcId"] for group in self.stack.of_type(GROUP).values()}
        if len(vpcs) > 1:
            yield f"Security groups are in several VPCs, {', '.join(sorted(vpcs))}: none lets in one of another"
        functions = self.stack.of_type(FUNCTION).values()
        known = {subnet for function in functions for subnet in function.get("VpcConfig", {}).get("SubnetIds", [])}
        for kind, subnets in SUBNETS.items():
            for name, store in self.stack.of_type(kind).items():
                yield from (f"{name} is in {subnet}, where no function is" for subnet in store[subnets] if subnet not in known)

    def _check_order(self, function: str, used: set[str]) -> Iterator[str]:
        """CloudFormation calls a custom resource's function when what it refers to is there: all of its ways have to be among that."""
        for name, resource in self.stack.all.items():
            if resource["Type"].startswith("Custom::") and self.stack.name_of(resource["Properties"]["ServiceToken"]) == function:
                before = self.stack.before(name)
                yield from (f"{name} does not wait for {missing}, which {function} needs" for missing in sorted(used - before))
                # A cluster answers when it has an instance.
                for cluster in used & self.stack.of_type("AWS::RDS::DBCluster").keys():
                    instances = self.stack.of_type("AWS::RDS::DBInstance").items()
                    if not before & {instance for instance, properties in instances if properties["DBClusterIdentifier"] == cluster}:
                        yield f"{name} waits for no instance of {cluster}"
