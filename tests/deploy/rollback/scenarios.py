"""The deployments that are simulated: the stages, stores that exist, everything at once, and a change of each parameter."""

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from cost.template import text_of
from deploy import stage
from sam_transform import processed, schemas

from rollback.graph import Graph, graph

REGION = "us-east-1"
Parameters = dict[str, str]

# `make deploy` finds them.
ZONES = {"ZoneA": f"{REGION}a", "ZoneB": f"{REGION}b"}
NETWORK = {"VpcId": "vpc-0a", "PrivateSubnetIds": "subnet-0a,subnet-0b"}
LEDGER = {
    "LedgerHost": "ledger.example.com",
    "LedgerResourceId": "cluster-A",
    "LedgerOwnerSecretArn": f"arn:aws:secretsmanager:{REGION}:1:secret:a",
}
PASSWORDS = {
    "LedgerAuth": "password",
    "LedgerResourceId": "",
    "LedgerPassword": "a",
    "LedgerLookupPassword": "b",
    "LedgerMaintenancePassword": "c",
}
OWNER = {"LedgerOwnerSecretArn": "", "LedgerOwnerUser": "owner", "LedgerOwnerPassword": "d"}
MEMORY = {"RedisUrl": "rediss://memory.example.com"}
PAGES = {"HostedDomainPrefix": "fluxo", "WebCallbackUrls": "https://app.example.com"}
CONSOLE = {"ConsoleEnabled": "true", "HostedDomainPrefix": "fluxo"}
CERTIFICATE = f"arn:aws:acm:{REGION}:123456789012:certificate/0a1b2c3d"
DOMAIN = {"ConsoleDomain": "caixa.example.com", "ConsoleCertificateArn": CERTIFICATE}
WEB_ACL = f"arn:aws:wafv2:{REGION}:123456789012:global/webacl/own/0a1b2c3d"
ENTRA = {"EntraTenantId": "00000000-0000-0000-0000-000000000000", "EntraClientId": "a", "EntraClientSecret": "b"}
EXTRAS = {
    "AlarmTopicArn": f"arn:aws:sns:{REGION}:1:alarms",
    "CorsOrigins": "https://app.example.com",
    "SealSchedule": "cron(0 2 * * ? *)",
    "WorkflowType": "EXPRESS",
    "EventBusEnabled": "true",
}


@cache
def released() -> dict[str, Any]:
    """The template of the next release: other programs, another definition, another schema of the ledger."""
    document = copy.deepcopy(processed())
    for resource in document["Resources"].values():
        match resource["Type"]:
            case "AWS::Lambda::Function":
                resource["Properties"]["Code"]["S3Key"] = "next"
            case "AWS::StepFunctions::StateMachine":
                resource["Properties"]["DefinitionS3Location"]["Key"] = "next"
            case "Custom::LedgerSchema":
                resource["Properties"]["SchemaDigest"] = "next"
    return document


def built(parameters: Mapping[str, str], of_next_release: bool = False) -> Graph:
    """The graph of the template with these parameters."""
    return kept_graph(tuple(sorted(parameters.items())), of_next_release)


@cache
def kept_graph(parameters: tuple[tuple[str, str], ...], of_next_release: bool) -> Graph:
    """The same, built once."""
    return graph(released() if of_next_release else processed(), dict(parameters), schemas())


@cache
def stacks() -> dict[str, Parameters]:
    """The deployments by name, with the parameters that they are given."""
    prod = {**stage.read("prod").parameters, **ZONES, **CONSOLE}
    none = {**prod, "ConsoleEnabled": "false", "HostedDomainPrefix": ""}
    exist = {**NETWORK, **LEDGER, **MEMORY, "DeletionProtection": "true"}
    return {
        "dev": {**stage.read("dev").parameters, **ZONES, **CONSOLE},
        "prod": prod,
        "stores that exist": exist,
        "everything": {**prod, **PAGES, **CONSOLE, **DOMAIN, "EdgeRateLimit": "2000", "OperatorsEnabled": "true", **ENTRA, **EXTRAS},
        # From here on, only to change a parameter of them.
        "own network": {**prod, **NETWORK},
        "passwords": {**exist, **PASSWORDS, **OWNER},
        "no console": none,
        "pages": {**none, **PAGES},
    }


STANDING = ("dev", "prod", "stores that exist", "everything")

# Parameters that have no other value that their declaration tells: what is changed, and in which stack.
CHANGES: dict[str, list[tuple[str, Parameters]]] = {
    "VpcId": [("own network", {"VpcId": "vpc-0b", "PrivateSubnetIds": "subnet-0c,subnet-0d"}), ("prod", NETWORK)],
    "PrivateSubnetIds": [("own network", {"PrivateSubnetIds": "subnet-0a,subnet-0c"})],
    "FunctionsSecurityGroupId": [("own network", {"FunctionsSecurityGroupId": "sg-0a"})],
    "ZoneA": [("prod", {"ZoneA": f"{REGION}c"})],
    "ZoneB": [("prod", {"ZoneB": f"{REGION}c"})],
    "VpcCidr": [("prod", {"VpcCidr": "10.21.0.0/22"})],
    "LedgerEngineVersion": [("prod", {"LedgerEngineVersion": "17.99"}), ("prod", {"LedgerEngineVersion": "18.99"})],
    "LedgerHost": [
        ("own network", LEDGER),
        ("own network", {**LEDGER, "DeletionProtection": "false"}),
        ("stores that exist", dict.fromkeys(LEDGER, "")),
        ("stores that exist", {"LedgerHost": "other.example.com"}),
    ],
    "LedgerPort": [("stores that exist", {"LedgerPort": "5433"})],
    "LedgerDatabase": [("prod", {"LedgerDatabase": "other"})],
    "LedgerUser": [("prod", {"LedgerUser": "other"})],
    "LedgerLookupUser": [("prod", {"LedgerLookupUser": "other"})],
    "LedgerMaintenanceUser": [("prod", {"LedgerMaintenanceUser": "other"})],
    "LedgerAuth": [("stores that exist", PASSWORDS)],
    "LedgerResourceId": [("stores that exist", {"LedgerResourceId": "cluster-B"})],
    "LedgerPassword": [("passwords", {"LedgerPassword": "other"})],
    "LedgerLookupPassword": [("passwords", {"LedgerLookupPassword": "other"})],
    "LedgerMaintenancePassword": [("passwords", {"LedgerMaintenancePassword": "other"})],
    "LedgerTls": [("passwords", {"LedgerTls": "off"})],
    "LedgerOwnerSecretArn": [("stores that exist", {"LedgerOwnerSecretArn": ""})],
    "LedgerOwnerUser": [("passwords", {"LedgerOwnerUser": "other"})],
    "LedgerOwnerPassword": [("passwords", {"LedgerOwnerPassword": "other"})],
    "RedisUrl": [("own network", MEMORY), ("stores that exist", {"RedisUrl": ""})],
    "RedisCluster": [("stores that exist", {"RedisCluster": "true"})],
    "HostedDomainPrefix": [
        ("no console", PAGES),
        ("pages", {"HostedDomainPrefix": "other"}),
        ("pages", dict.fromkeys(PAGES, "")),
    ],
    "WebCallbackUrls": [("pages", {"WebCallbackUrls": "https://other.example.com"})],
    "WebLogoutUrls": [("pages", {"WebLogoutUrls": "https://other.example.com"})],
    "ConsoleEnabled": [
        ("no console", CONSOLE),
        ("everything", {"ConsoleEnabled": "false", **dict.fromkeys(DOMAIN, ""), "EdgeRateLimit": "0"}),
    ],
    "ConsoleDomain": [
        ("prod", DOMAIN),
        ("everything", dict.fromkeys(DOMAIN, "")),
        ("everything", {"ConsoleDomain": "other.example.com"}),
    ],
    "ConsoleCertificateArn": [("everything", {"ConsoleCertificateArn": f"{CERTIFICATE}4e"})],
    "ConsoleApiId": [("prod", {"ConsoleApiId": "a1b2c3d4e5"}), ("everything", {"ConsoleApiId": "a1b2c3d4e5"})],
    "EdgeRateLimit": [
        ("prod", {"EdgeRateLimit": "2000"}),
        ("everything", {"EdgeRateLimit": "0"}),
        ("everything", {"EdgeRateLimit": "500"}),
    ],
    "EdgeWebAclArn": [("prod", {"EdgeWebAclArn": WEB_ACL}), ("everything", {"EdgeRateLimit": "0", "EdgeWebAclArn": WEB_ACL})],
    "EmulatorPort": [("prod", {"EmulatorPort": "18740"})],
    "WebhookLoopback": [("prod", {"EmulatorPort": "18740", "WebhookLoopback": "admitted"})],
    "EventArchiveDays": [("prod", {"EventArchiveDays": "0"}), ("prod", {"EventArchiveDays": "30"})],
    "EventSweepSchedule": [("prod", {"EventSweepSchedule": "rate(1 hour)"})],
    "EntraTenantId": [
        ("pages", ENTRA),
        ("everything", {"EntraTenantId": "11111111-1111-1111-1111-111111111111"}),
        ("everything", dict.fromkeys(ENTRA, "")),
    ],
    "EntraClientId": [("everything", {"EntraClientId": "other"})],
    "EntraClientSecret": [("everything", {"EntraClientSecret": "other"})],
    "EntraMerchantClaim": [("everything", {"EntraMerchantClaim": "other"})],
    "BusinessTimeZone": [("everything", {"BusinessTimeZone": "Europe/Lisbon"})],
    "SealSchedule": [("prod", EXTRAS), ("everything", {"SealSchedule": ""})],
    "ReconcileSchedule": [("prod", {"ReconcileSchedule": "rate(1 hour)"}), ("prod", {"ReconcileSchedule": ""})],
    "CorsOrigins": [("prod", EXTRAS), ("everything", {"CorsOrigins": ""})],
    "AlarmTopicArn": [("prod", EXTRAS), ("everything", {"AlarmTopicArn": ""})],
}


def changes(name: str, declared: Mapping[str, Any]) -> Iterator[tuple[Parameters, Parameters]]:
    """A stack's parameters, before and after this one is changed."""
    if name in CHANGES:
        for stack, change in CHANGES[name]:
            yield stacks()[stack], {**stacks()[stack], **change}
        return
    before = stacks()["prod"]
    value = before.get(name, text_of(declared["Default"]))
    for other in others(value, declared):
        yield before, {**before, name: other}


def others(value: str, declared: Mapping[str, Any]) -> list[str]:
    """Other values that a parameter may have, as far as its declaration says; two are enough."""
    if "AllowedValues" in declared:
        return [other for other in map(text_of, declared["AllowedValues"]) if other != value][:2]
    if declared["Type"] == "Number":
        up = float(value) + 1
        return [f"{up if up <= declared.get('MaxValue', up) else float(value) - 1:g}"]
    return []
