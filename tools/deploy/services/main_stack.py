"""What the second door takes over from the main stack: its stores, and the settings of its functions, whose handlers it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from deploy.account import Account
from deploy.problem import Problem
from deploy.stack import STANDING, DeployedStack, parameter

# "Amazon EKS VPC and subnet considerations": where no cluster may have a subnet.
WITHOUT_EKS = {"use1-az3", "usw1-az2", "cac1-az3"}
# "Set up VPC links for HTTP APIs in API Gateway": of the others, where no link may have one.
WITHOUT_VPC_LINK = {"ape1-az1"}
SHARED = (
    "LEDGER_HOST",
    "LEDGER_PORT",
    "LEDGER_DATABASE",
    "LEDGER_USER",
    "LEDGER_AUTH",
    "LEDGER_PASSWORD",
    "LEDGER_TLS",
    "LEDGER_GENERATION",
    "REDIS_URL",
    "REDIS_CLUSTER",
    "REDIS_KEY_PREFIX",
    "BUSINESS_TIME_ZONE",
    "METRICS_NAMESPACE",
    "EDGE_KEY",
)
# Which of a function's variables become which of the second door's.
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "ReverseEntry": {name: name for name in SHARED},
    "GetEntry": {"BALANCE_TOKEN_KEY": "BALANCE_TOKEN_KEY"},
    "GetDailyBalance": {"BALANCES_TABLE": "BALANCES_TABLE"},
    "ReconcileBalances": {"LEDGER_USER": "LEDGER_MAINTENANCE_USER", "LEDGER_PASSWORD": "LEDGER_MAINTENANCE_PASSWORD"},
    "RegisterEntry": {"LEDGER_USER": "LEDGER_LOOKUP_USER", "LEDGER_PASSWORD": "LEDGER_LOOKUP_PASSWORD"},
}
# Of the function that migrates: which of its variables only the job that migrates has.
OWNER_FUNCTION = "MigrateLedger"
OF_OWNER = {
    "LEDGER_HOST": "LEDGER_DIRECT_HOST",
    "LEDGER_OWNER_SECRET_ARN": "LEDGER_OWNER_SECRET_ARN",
    "LEDGER_OWNER_USER": "LEDGER_OWNER_USER",
    "LEDGER_OWNER_PASSWORD": "LEDGER_OWNER_PASSWORD",
}
# What a parameter of the main stack says, for the job that migrates.
OF_PARAMETERS = {"LedgerLookupConnections": "LEDGER_LOOKUP_CONNECTIONS", "LedgerEpoch": "LEDGER_EPOCH"}
# What the network policies open.
LEDGER_PORT = "5432"
MEMORY_PORTS = (6379, 6380)
CLIENTS = ("UserPoolClient", "WebClient", "EntraClient")


@dataclass(frozen=True)
class MainStack:
    """A main stack that stands."""

    account: Account
    described: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]

    @classmethod
    def find(cls, account: Account, name: str) -> "MainStack":
        """The stack of this name."""
        stack = DeployedStack(account.client("cloudformation"), name)
        described = stack.describe()
        if described is None or described["StackStatus"] not in STANDING:
            status = described["StackStatus"] if described else "not there"
            raise Problem(f"The main stack {name} is {status}: the second door stands beside one that works. Deploy it first.")
        return cls(account, described, stack.resources())

    def id_of(self, name: str) -> str:
        """The id of one of its resources; nothing if it has none of that name."""
        return self.resources.get(name, {}).get("PhysicalResourceId", "")

    def parameter(self, name: str) -> str:
        """A parameter's value; nothing if it has none."""
        return parameter(dict(self.described), name) or ""

    @cached_property
    def settings(self) -> dict[str, str]:
        """The variables that processes of the second door have in common with functions."""
        found: dict[str, str] = {}
        for function, names in SETTINGS.items():
            found |= self.variables_of(function, names)
        found |= {variable: self.parameter(name) for name, variable in OF_PARAMETERS.items()}
        issuer = f"https://cognito-idp.{self.account.region}.amazonaws.com/{self.id_of('UserPool')}"
        audience = ",".join(filter(None, map(self.id_of, CLIENTS)))
        return found | {"AWS_REGION": self.account.region, "JWT_ISSUER": issuer, "JWT_AUDIENCE": audience}

    def variables_of(self, function: str, names: Mapping[str, str]) -> dict[str, str]:
        """What a function has of these variables, by the second door's names."""
        configuration = self.account.client("lambda").get_function_configuration(FunctionName=self.id_of(function))
        variables = configuration.get("Environment", {}).get("Variables", {})
        return {name: variables[own] for own, name in names.items() if variables.get(own)}

    def owner_settings(self, secret: str) -> dict[str, str]:
        """Where the ledger is without its proxy, and who owns it: as the main stack's own function has it, or else by this secret."""
        if self.id_of("SecretsEndpoint"):
            # It answers in the whole VPC, and to functions alone.
            raise Problem("The main stack migrates its own ledger, and the cluster cannot read the owner's secret: leave MigrateHere out.")
        if self.id_of(OWNER_FUNCTION):
            return self.variables_of(OWNER_FUNCTION, OF_OWNER)
        if not secret:
            raise Problem(
                "MigrateHere is true, and nobody said who owns the ledger: give LedgerOwnerSecretArn in services/deploy/stages.toml."
            )
        return {"LEDGER_DIRECT_HOST": self.settings["LEDGER_HOST"], "LEDGER_OWNER_SECRET_ARN": secret}

    def parameters(self) -> dict[str, str]:
        """What services/deploy/eks.yaml is told of it."""
        direct, proxy = self.id_of("LedgerSecurityGroup"), self.id_of("LedgerProxySecurityGroup")
        table = self.account.client("dynamodb").describe_table(TableName=self.id_of("BalancesTable"))["Table"]
        vpc = self.id_of("Vpc") or self.parameter("VpcId")
        if not vpc:
            raise Problem("The main stack is in no VPC, so that no cluster could reach its stores: deploy it with VpcId.")
        self.require_ports()
        if not self.id_of("Vpc"):
            self.require_names(vpc)
        return {
            "VpcId": vpc,
            **self.zones(),
            "LedgerSecurityGroupId": proxy or direct,
            "LedgerDirectSecurityGroupId": direct if proxy else "",
            "LedgerResourceId": self.ledger_resource() if self.settings["LEDGER_AUTH"] == "iam" else "",
            "LedgerUser": self.settings["LEDGER_USER"],
            "LedgerMaintenanceUser": self.settings["LEDGER_MAINTENANCE_USER"],
            "MemorySecurityGroupId": self.id_of("MemorySecurityGroup"),
            "BalancesTableArn": table["TableArn"],
            "AlarmTopicArn": self.parameter("AlarmTopicArn"),
        }

    def require_ports(self) -> None:
        """Whether the network policies let the pods to the stores: they open these ports and no other."""
        ledger, memory = self.settings["LEDGER_PORT"], self.settings.get("REDIS_URL", "")
        if ledger != LEDGER_PORT:
            raise Problem(f"The ledger is at port {ledger}, and network-policies.yaml opens {LEDGER_PORT} only.")
        if memory and (port := urlsplit(memory).port or MEMORY_PORTS[0]) not in MEMORY_PORTS:
            raise Problem(f"Redis is at port {port}, and network-policies.yaml opens {' and '.join(map(str, MEMORY_PORTS))} only.")

    def require_names(self, vpc: str) -> None:
        """Whether the VPC has DNS: without it no node finds the cluster ("VPC requirements and considerations"), and no client a broker."""
        ec2 = self.account.client("ec2")
        asked = {"EnableDnsSupport": "enableDnsSupport", "EnableDnsHostnames": "enableDnsHostnames"}
        answers = {name: ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[name] for name, attribute in asked.items()}
        if off := [asked[name] for name, answer in answers.items() if not answer["Value"]]:
            needed = " and ".join(off)
            raise Problem(f"{vpc} has no {needed}, and EKS and MSK need it: aws ec2 modify-vpc-attribute switches it on, one at a time.")

    def ledger_resource(self) -> str:
        """What the right to sign in to the ledger is about."""
        rds = self.account.client("rds")
        if proxy := self.id_of("LedgerProxy"):
            (found,) = rds.describe_db_proxies(DBProxyName=proxy)["DBProxies"]
            return found["DBProxyArn"].rsplit(":", 1)[-1]
        if cluster := self.id_of("LedgerCluster"):
            (found,) = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
            return found["DbClusterResourceId"]
        return self.parameter("LedgerResourceId")

    def zones(self) -> dict[str, str]:
        """Those of the main stack, if it has any, and enough others for three."""
        answer = self.account.client("ec2").describe_availability_zones(
            Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
        )
        unusable = WITHOUT_EKS | WITHOUT_VPC_LINK
        usable = [zone["ZoneName"] for zone in answer["AvailabilityZones"] if zone["ZoneId"] not in unusable]
        first = [zone for zone in (self.parameter("ZoneA"), self.parameter("ZoneB")) if zone in usable]
        chosen = [*first, *sorted(set(usable) - set(first))][:3]
        if len(chosen) < 3:
            raise Problem(
                f"{self.account.region} has {len(chosen)} zones for EKS and VPC links, and the log keeps each record in three: "
                "choose another region."
            )
        return dict(zip(("ZoneA", "ZoneB", "ZoneC"), chosen, strict=True))
