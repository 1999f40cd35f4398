"""What the template deploys: who may do what, where the functions run, and which parameters it refuses.

The template is the processed one, which SAM has expanded and the stack was deployed from.
"""

import json
from typing import Any

import pytest
from deployed.stack import Stack
from deployed.template import Template
from fluxo_local.deployment import STACK_NAME, deployment_log, sam_deploy

# What a deployment on AWS that makes everything itself is given, and one that finds its stores.
MADE = {"ZoneA": "us-east-1a", "ZoneB": "us-east-1b"}
PASSWORDS = {
    "LedgerAuth": "password",
    "LedgerPassword": "a",
    "LedgerLookupPassword": "b",
    "LedgerMaintenancePassword": "c",
}
GIVEN = {
    "LedgerHost": "ledger.example.com",
    **PASSWORDS,
    "RedisUrl": "rediss://cache.example.com",
}
UNBOUNDED = {"AcceptingConcurrency": "0", "EventsConcurrency": "0"}
NETWORK = {"VpcId": "vpc-1", "PrivateSubnetIds": "subnet-1,subnet-2"}
CONSOLE = {"ConsoleEnabled": "true", "HostedDomainPrefix": "example"}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/own/0a1b2c3d"

ACCOUNT = "${AWS::Partition}:{service}:${AWS::Region}:${AWS::AccountId}"
DATABASE_USER = f"rds-db:connect on arn:{ACCOUNT.replace('{service}', 'rds-db')}:dbuser"
LEDGER_USER = f"{DATABASE_USER}:LedgerProxy.DBProxyArn[6]/fluxo"
LEDGER_OWNER = f"{DATABASE_USER}:LedgerCluster.DBClusterResourceId/fluxo_owner"
START = {
    "states:StartExecution on RecordEntries",
    "states:StartExecution on RecordEntriesExpress",
    f"states:DescribeExecution on arn:{ACCOUNT.replace('{service}', 'states')}:execution:${{RecordEntries.Name}}:*",
}
MARK = "dynamodb:UpdateItem on BalancesTable.Arn"
# Who works with what follows the feed asks for events, and has others given them.
SUBSCRIBERS = {"lambda:InvokeFunction on ReadEvents.Arn", "sqs:SendMessage on EventDeliveries.Arn"}
FIND_SUBSCRIBERS = {"dynamodb:Query on WebhooksTable.Arn", "dynamodb:Query on ${WebhooksTable.Arn}/index/*"}

# Beside its log, its traces and its way into the network, each function may do this and nothing else.
PERMISSIONS = {
    "RegisterEntry": {f"{LEDGER_USER}_lookup"} | START,
    "ReverseEntry": {LEDGER_USER} | START,
    "GetEntry": {LEDGER_USER},
    "ListEntries": {LEDGER_USER},
    "ExportEntries": {LEDGER_USER},
    "GetBalanceAsOf": {LEDGER_USER},
    "ListSeals": {LEDGER_USER},
    "ApplyToLedger": {LEDGER_USER},
    "SealDay": {LEDGER_USER, MARK},
    "SealPastDay": {f"{LEDGER_USER}_maintenance", MARK},
    "ReconcileBalances": {
        f"{LEDGER_USER}_maintenance",
        MARK,
        "dynamodb:Query on BalancesTable.Arn",
        "dynamodb:Scan on BalancesTable.Arn",
    },
    "ConsolidateDay": {MARK},
    "GetDailyBalance": {"dynamodb:Query on BalancesTable.Arn", "dynamodb:GetItem on BalancesTable.Arn"},
    "ReplayParked": START
    | {f"sqs:{action} on ParkQueue.Arn" for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage")}
    | {"sqs:SendMessage on DeadLetterQueue.Arn"},
    "ListEvents": {LEDGER_USER},
    "BalanceAlerts": {LEDGER_USER},
    "ReadEvents": {f"{LEDGER_USER}_maintenance"},
    "WebhookEndpoints": SUBSCRIBERS
    | {"kms:Encrypt on WebhookKey.Arn"}
    | {f"dynamodb:{action} on WebhooksTable.Arn" for action in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")},
    "RelayEvents": SUBSCRIBERS
    | FIND_SUBSCRIBERS
    | {f"dynamodb:{action} on BalancesTable.StreamArn" for action in ("DescribeStream", "GetRecords", "GetShardIterator")}
    | {f"dynamodb:{action} on WebhooksTable.Arn" for action in ("GetItem", "UpdateItem")}
    | {"dynamodb:ListStreams on *", "sqs:SendMessage on EventWakesFailed.Arn"},
    "DeliverEvents": SUBSCRIBERS
    | FIND_SUBSCRIBERS
    | {f"sqs:{action} on EventDeliveries.Arn" for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")}
    | {f"dynamodb:{action} on WebhooksTable.Arn" for action in ("BatchGetItem", "PutItem", "UpdateItem")}
    | {"kms:Decrypt on WebhookKey.Arn", "sqs:SendMessage on UndeliverableEvents.Arn"},
    "MigrateLedger": {LEDGER_OWNER, "secretsmanager:GetSecretValue on LedgerCluster.MasterUserSecret.SecretArn"},
}
OUTSIDE_THE_NETWORK = {"ConsolidateDay", "GetDailyBalance", "ReplayParked", "WebhookEndpoints", "RelayEvents", "DeliverEvents"}

# Why an action is allowed on everything.
WIDE = {
    "xray:PutTraceSegments": "X-Ray knows no resources",
    "xray:PutTelemetryRecords": "X-Ray knows no resources",
    "xray:GetSamplingRules": "X-Ray knows no resources",
    "xray:GetSamplingTargets": "X-Ray knows no resources",
    "dynamodb:ListStreams": "it lists nothing narrower",
    "ec2:CreateNetworkInterface": "Lambda asks for it before the function is there; denied to the function's own code",
    "ec2:DescribeNetworkInterfaces": "EC2 describes nothing narrower; denied to the function's own code",
    "ec2:DescribeSubnets": "EC2 describes nothing narrower; denied to the function's own code",
    "ec2:DeleteNetworkInterface": "Lambda asks for it before the function is there; denied to the function's own code",
    "ec2:AssignPrivateIpAddresses": "Lambda asks for it before the function is there; denied to the function's own code",
    "ec2:UnassignPrivateIpAddresses": "Lambda asks for it before the function is there; denied to the function's own code",
    "logs:CreateLogDelivery": "the delivery of vended logs knows no resources",
    "logs:GetLogDelivery": "the delivery of vended logs knows no resources",
    "logs:UpdateLogDelivery": "the delivery of vended logs knows no resources",
    "logs:DeleteLogDelivery": "the delivery of vended logs knows no resources",
    "logs:ListLogDeliveries": "the delivery of vended logs knows no resources",
    "logs:PutResourcePolicy": "the delivery of vended logs knows no resources",
    "logs:DescribeResourcePolicies": "the delivery of vended logs knows no resources",
    "logs:DescribeLogGroups": "the delivery of vended logs knows no resources",
}
NETWORK_ACTIONS = {action for action in WIDE if action.startswith("ec2:")}


@pytest.fixture(scope="module")
def processed(stack: Stack) -> dict[str, Any]:
    """The template as CloudFormation holds it."""
    return stack.client("cloudformation").get_template(StackName=STACK_NAME, TemplateStage="Processed")["TemplateBody"]


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """All statements of a role's own policies. It has no others."""
    assert "ManagedPolicyArns" not in role, role
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def listed(value: Any) -> list[Any]:
    """One or several, as IAM writes it."""
    return value if isinstance(value, list) else [value]


def granted(statement: dict[str, Any]) -> set[str]:
    """What one statement allows or denies, a line for each action and resource."""
    return {f"{action} on {resource}" for action in listed(statement["Action"]) for resource in listed(statement["Resource"])}


def allowed(role: dict[str, Any]) -> set[str]:
    """What a role allows."""
    return set().union(*(granted(statement) for statement in statements(role) if statement["Effect"] == "Allow"))


def common(function: str, in_network: bool) -> set[str]:
    """What every function may do."""
    network = {f"{action} on *" for action in NETWORK_ACTIONS} if in_network else set()
    log = {f"logs:{action} on {function}Log.Arn" for action in ("CreateLogStream", "PutLogEvents")}
    return network | log | {"xray:PutTraceSegments on *", "xray:PutTelemetryRecords on *"}


def test_each_function_may_do_what_the_table_says_and_nothing_else(processed: dict[str, Any]) -> None:
    template = Template(processed, MADE)
    roles = template.resources("AWS::IAM::Role")
    functions = template.resources("AWS::Lambda::Function")
    assert set(functions) == set(PERMISSIONS)
    for name, function in functions.items():
        assert function["Role"] == f"{name}Role.Arn"
        expected = PERMISSIONS[name] | common(name, name not in OUTSIDE_THE_NETWORK)
        assert allowed(roles[f"{name}Role"]) == expected, name


def test_only_lambda_and_not_the_function_itself_may_make_network_interfaces(processed: dict[str, Any]) -> None:
    template = Template(processed, MADE)
    roles = template.resources("AWS::IAM::Role")
    for name in set(PERMISSIONS) - OUTSIDE_THE_NETWORK:
        denied = [statement for statement in statements(roles[f"{name}Role"]) if statement["Effect"] == "Deny"]
        assert [set(listed(statement["Action"])) for statement in denied] == [NETWORK_ACTIONS], name
        assert list(denied[0]["Condition"]) == ["ArnLike"] and "lambda:SourceFunctionArn" in denied[0]["Condition"]["ArnLike"]


def test_nothing_is_allowed_on_everything_without_a_reason(processed: dict[str, Any]) -> None:
    for parameters in (MADE, GIVEN, GIVEN | NETWORK):
        for name, role in Template(processed, parameters).resources("AWS::IAM::Role").items():
            wide = {line.removesuffix(" on *") for line in allowed(role) if line.endswith(" on *")}
            assert wide <= set(WIDE), name


def test_with_passwords_and_stores_that_exist_functions_may_do_less(processed: dict[str, Any]) -> None:
    roles = Template(processed, GIVEN).resources("AWS::IAM::Role")
    assert "MigrateLedgerRole" not in roles and "LedgerProxyRole" not in roles
    for name in set(PERMISSIONS) - {"MigrateLedger"}:
        without_ledger = {line for line in PERMISSIONS[name] if not line.startswith("rds-db:")}
        assert allowed(roles[f"{name}Role"]) == without_ledger | common(name, False), name


def test_only_functions_with_a_store_behind_the_network_run_in_it(processed: dict[str, Any]) -> None:
    for parameters in (MADE, GIVEN | NETWORK):
        functions = Template(processed, parameters).resources("AWS::Lambda::Function")
        outside = {name for name, function in functions.items() if "VpcConfig" not in function}
        assert outside == OUTSIDE_THE_NETWORK
        for name, function in functions.items():
            variables = function["Environment"]["Variables"]
            assert ("LEDGER_HOST" in variables or "REDIS_URL" in variables) == (name not in outside), name


def test_stores_that_exist_in_the_open_need_no_network(processed: dict[str, Any]) -> None:
    template = Template(processed, GIVEN)
    assert all("VpcConfig" not in function for function in template.resources("AWS::Lambda::Function").values())
    for made in ("AWS::EC2::VPC", "AWS::RDS::DBCluster", "AWS::RDS::DBProxy", "AWS::ElastiCache::ServerlessCache", "AWS::EC2::VPCEndpoint"):
        assert template.resources(made) == {}, made


def test_a_network_that_exists_is_used_and_none_is_made(processed: dict[str, Any]) -> None:
    template = Template(processed, NETWORK)
    assert template.resources("AWS::EC2::VPC") == {}
    assert set(template.resources("AWS::RDS::DBCluster")) == {"LedgerCluster"}
    configuration = template.resources("AWS::Lambda::Function")["ApplyToLedger"]["VpcConfig"]
    assert configuration == {"SecurityGroupIds": ["FunctionsSecurityGroup"], "SubnetIds": ["subnet-1", "subnet-2"]}
    own_group = Template(processed, NETWORK | {"FunctionsSecurityGroupId": "sg-1"})
    assert "FunctionsSecurityGroup" not in own_group.resources("AWS::EC2::SecurityGroup")


def test_no_way_leads_to_or_from_the_internet(processed: dict[str, Any]) -> None:
    template = Template(processed, MADE)
    for way in ("AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route", "AWS::EC2::EIP"):
        assert template.resources(way) == {}, way
    for name, group in template.resources("AWS::EC2::SecurityGroup").items():
        assert all("CidrIp" not in rule for rule in group.get("SecurityGroupIngress", [])), name
    assert all(not instance["PubliclyAccessible"] for instance in template.resources("AWS::RDS::DBInstance").values())


def test_the_cache_lets_in_who_has_the_password_and_nobody_else(processed: dict[str, Any]) -> None:
    template = Template(processed, MADE)
    (cache,) = template.resources("AWS::ElastiCache::ServerlessCache").values()
    (group,) = template.resources("AWS::ElastiCache::UserGroup").values()
    assert cache["UserGroupId"] == "MemoryUsers"
    assert set(group["UserIds"]) == {"MemoryUser", "MemoryDefaultUser"}
    users = {user["UserName"]: user for user in template.resources("AWS::ElastiCache::User").values()}
    password = "{{resolve:secretsmanager:${MemoryPassword}}}"
    for user in users.values():
        assert user["AuthenticationMode"] == {"Type": "password", "Passwords": [password]}
    assert users["default"]["AccessString"].split()[0] == "off"
    assert "~*" not in users["fluxo"]["AccessString"] and "@all" not in users["fluxo"]["AccessString"].replace("-@all", "")
    urls = {
        variables["REDIS_URL"]
        for function in template.resources("AWS::Lambda::Function").values()
        if "REDIS_URL" in (variables := function["Environment"]["Variables"])
    }
    assert urls == {f"rediss://fluxo:{password}@${{MemoryCache.Endpoint.Address}}:${{MemoryCache.Endpoint.Port}}"}
    for made in ("AWS::ElastiCache::UserGroup", "AWS::ElastiCache::User"):
        assert Template(processed, GIVEN | NETWORK).resources(made) == {}, made


def reserved(template: Template) -> dict[str, int]:
    """How much concurrency is reserved for each function."""
    functions = template.resources("AWS::Lambda::Function").items()
    found = {name: function.get("ReservedConcurrentExecutions") for name, function in functions}
    return {name: int(number) for name, number in found.items() if number is not None}


def test_nothing_else_can_use_up_the_concurrency_of_accepting_entries(processed: dict[str, Any]) -> None:
    assert reserved(Template(processed, MADE)) == {"RegisterEntry": 100, "ListEvents": 50}
    assert reserved(Template(processed, MADE | {"AcceptingConcurrency": "40", "EventsConcurrency": "20"})) == {
        "RegisterEntry": 40,
        "ListEvents": 20,
    }


def test_who_signs_and_who_checks_balance_tokens_share_a_key(processed: dict[str, Any]) -> None:
    """Nobody else has it."""
    functions = Template(processed, MADE).resources("AWS::Lambda::Function")
    keys = {name: function["Environment"]["Variables"].get("BALANCE_TOKEN_KEY") for name, function in functions.items()}
    reference = "{{resolve:secretsmanager:${BalanceTokenKey}}}"
    assert {name: key for name, key in keys.items() if key} == {"GetEntry": reference, "GetDailyBalance": reference}


def test_without_the_proxy_reserved_concurrency_bounds_the_connections(processed: dict[str, Any]) -> None:
    assert reserved(Template(processed, MADE | UNBOUNDED)) == {}
    alone = Template(processed, {"LedgerProxyEnabled": "false", "LedgerConcurrency": "7"} | UNBOUNDED)
    assert alone.resources("AWS::RDS::DBProxy") == {}
    bounded = reserved(alone)
    scheduled = {"SealPastDay", "ReconcileBalances"}
    # The role of RegisterEntry has a limit of connections itself, and accepting goes on without one. Of the owner there is one at a time.
    connecting = {name for name, lines in PERMISSIONS.items() if any(line.startswith("rds-db:") for line in lines)}
    assert set(bounded) == connecting - {"RegisterEntry", "MigrateLedger"}
    assert bounded == {name: 2 if name in scheduled else 7 for name in bounded}
    assert reserved(Template(processed, {"LedgerProxyEnabled": "false", "LedgerConcurrency": "0"} | UNBOUNDED)) == {}
    assert "LedgerCluster.Endpoint.Address" in {
        function["Environment"]["Variables"].get("LEDGER_HOST") for function in alone.resources("AWS::Lambda::Function").values()
    }


def test_the_merchant_of_a_user_is_written_by_nobody_who_signs_in(processed: dict[str, Any]) -> None:
    pages = {"HostedDomainPrefix": "example", "WebCallbackUrls": "https://app.example.com/"}
    entra = {"EntraTenantId": "00000000-0000-0000-0000-000000000001", "EntraClientId": "c", "EntraClientSecret": "s"}
    clients = Template(processed, pages | entra).resources("AWS::Cognito::UserPoolClient")
    assert set(clients) == {"UserPoolClient", "WebClient", "EntraClient"}
    for name, client in clients.items():
        # This scope is what lets a user change attributes through an access token of a client with OAuth flows.
        assert "aws.cognito.signin.user.admin" not in client.get("AllowedOAuthScopes", []), name
    assert "custom:merchant_id" not in clients["UserPoolClient"]["WriteAttributes"] + clients["WebClient"]["WriteAttributes"]
    # Cognito itself writes what Entra ID says, which it does only to attributes that the client may write.
    assert clients["EntraClient"]["SupportedIdentityProviders"] == ["EntraID"]
    assert clients["EntraClient"]["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    for name in ("WebClient", "EntraClient"):
        assert clients[name]["AllowedOAuthFlows"] == ["code"] and clients[name]["GenerateSecret"] is False


def test_browsers_come_back_to_the_console_and_to_the_pages_that_are_named(processed: dict[str, Any]) -> None:
    own, other = "https://${ConsoleDistribution.DomainName}/", "https://app.example.com/"
    domain = {"ConsoleDomain": "caixa.example.com", "ConsoleCertificateArn": CERTIFICATE}
    for parameters, expected in (
        (CONSOLE, [own]),
        (CONSOLE | {"WebCallbackUrls": other}, [own, other]),
        (CONSOLE | domain, ["https://caixa.example.com/"]),
        ({"HostedDomainPrefix": "example", "WebCallbackUrls": other}, [other]),
    ):
        client = Template(processed, MADE | parameters).resources("AWS::Cognito::UserPoolClient")["WebClient"]
        assert (client["CallbackURLs"], client["LogoutURLs"]) == (expected, expected), parameters


def test_with_a_console_the_functions_behind_the_api_have_its_key(processed: dict[str, Any]) -> None:
    without, console = (Template(processed, MADE | more) for more in ({}, CONSOLE | {"OperatorsEnabled": "true"}))
    for kind in ("AWS::IAM::Role", "AWS::Lambda::Permission"):
        assert console.resources(kind) == without.resources(kind), kind
    integrations = console.resources("AWS::ApiGatewayV2::Integration").values()
    behind = {integration["IntegrationUri"].removesuffix(".Arn") for integration in integrations}
    before = without.resources("AWS::Lambda::Function")
    for name, function in console.resources("AWS::Lambda::Function").items():
        key = function["Environment"]["Variables"].pop("EDGE_KEY", None)
        assert key == ("{{resolve:secretsmanager:${EdgeKey}}}" if name in behind else None), name
        assert function == before[name], name
    (distribution,) = console.resources("AWS::CloudFront::Distribution").values()
    (api,) = (origin for origin in distribution["DistributionConfig"]["Origins"] if origin["Id"] == "api")
    assert api["OriginCustomHeaders"] == [{"HeaderName": "x-fluxo-edge", "HeaderValue": "{{resolve:secretsmanager:${EdgeKey}}}"}]
    assert without.resources("AWS::CloudFront::Distribution") == without.resources("AWS::S3::Bucket") == {}
    assert set(console.resources("AWS::S3::Bucket")) == {"ConsoleBucket"}


@pytest.mark.parametrize(
    "parameters",
    [
        MADE,
        GIVEN,
        GIVEN | NETWORK,
        NETWORK,
        NETWORK | {"RedisUrl": "rediss://cache.example.com", "RedisCluster": "true"},
        NETWORK | {"LedgerHost": "ledger.example.com", "LedgerResourceId": "cluster-ABC"},
        GIVEN | {"LedgerOwnerUser": "owner", "LedgerOwnerPassword": "p"},
        MADE | {"HostedDomainPrefix": "example", "WebCallbackUrls": "https://app.example.com/"},
        MADE | CONSOLE,
        MADE | CONSOLE | {"ConsoleDomain": "caixa.example.com", "ConsoleCertificateArn": CERTIFICATE, "EdgeRateLimit": "10"},
        MADE | CONSOLE | {"EdgeWebAclArn": WEB_ACL, "WebCallbackUrls": "https://app.example.com/"},
    ],
)
def test_complete_parameters_are_taken(processed: dict[str, Any], parameters: dict[str, str]) -> None:
    assert Template(processed, parameters).refusals() == []


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({}, "needs ZoneA and ZoneB"),
        ({"ZoneA": "us-east-1a", "ZoneB": "us-east-1a"}, "needs ZoneA and ZoneB"),
        ({"VpcId": "vpc-1"}, "VpcId needs PrivateSubnetIds"),
        ({"PrivateSubnetIds": "subnet-1,subnet-2"}, "need VpcId"),
        ({"FunctionsSecurityGroupId": "sg-1"}, "need VpcId"),
        ({"RedisUrl": "rediss://cache.example.com"}, "VpcId has to name a VPC"),
        ({name: value for name, value in GIVEN.items() if name != "RedisUrl"}, "VpcId has to name a VPC"),
        (
            PASSWORDS,
            "are for a ledger that exists",
        ),
        ({"LedgerResourceId": "cluster-ABC"}, "are for a ledger that exists"),
        ({"LedgerTls": "off"}, "may only travel encrypted"),
        (GIVEN | NETWORK | {"LedgerAuth": "iam"}, "needs LedgerResourceId"),
        (GIVEN | {"LedgerPassword": ""}, "needs LedgerPassword"),
        (GIVEN | {"LedgerOwnerUser": "owner"}, "go together"),
        (GIVEN | {"LedgerOwnerUser": "o", "LedgerOwnerPassword": "p", "LedgerOwnerSecretArn": "arn:aws:secretsmanager:x"}, "not both"),
        ({"RedisCluster": "true"}, "RedisCluster is for a Redis that exists"),
        ({"HostedDomainPrefix": "example"}, "needs WebCallbackUrls or ConsoleEnabled"),
        ({"WebCallbackUrls": "https://app.example.com/"}, "needs HostedDomainPrefix"),
        ({"ConsoleEnabled": "true"}, "ConsoleEnabled=true needs HostedDomainPrefix"),
        (CONSOLE | {"ConsoleDomain": "caixa.example.com"}, "ConsoleDomain and ConsoleCertificateArn go together"),
        (CONSOLE | {"ConsoleCertificateArn": CERTIFICATE}, "ConsoleDomain and ConsoleCertificateArn go together"),
        (MADE | {"EdgeRateLimit": "2000"}, "need ConsoleEnabled=true"),
        (CONSOLE | {"EdgeRateLimit": "9"}, "EdgeRateLimit is 0, or 10 at least"),
        (CONSOLE | {"EdgeRateLimit": "2000", "EdgeWebAclArn": WEB_ACL}, "not both"),
        ({"EntraTenantId": "00000000-0000-0000-0000-000000000001"}, "go together"),
        ({"EntraTenantId": "t", "EntraClientId": "c", "EntraClientSecret": "s"}, "needs HostedDomainPrefix"),
    ],
)
def test_parameters_that_are_half_given_are_refused(processed: dict[str, Any], parameters: dict[str, str], says: str) -> None:
    refusals = Template(processed, parameters).refusals()
    assert any(says in refusal for refusal in refusals), refusals


def test_deploying_again_changes_nothing(stack: Stack) -> None:
    sam_deploy(stack.profile, f"http://127.0.0.1:{stack.ids['port']}")
    assert "No changes to deploy" in deployment_log(stack.profile).read_text()


def test_cloudformation_itself_refuses_them(stack: Stack) -> None:
    cloudformation, s3 = stack.client("cloudformation"), stack.client("s3")
    template = cloudformation.get_template(StackName=STACK_NAME, TemplateStage="Original")["TemplateBody"]
    # By its address: a body may have 51,200 bytes, and who sends more is answered with all of it, whatever is looked for.
    s3.create_bucket(Bucket="half-given")
    s3.put_object(Bucket="half-given", Key="template", Body=template if isinstance(template, str) else json.dumps(template))
    # A rule that fails without a network: the emulator does not know all of a network's resources, and says that first.
    parameters = GIVEN | {"LedgerPassword": ""}
    refusal = "PasswordSignInIsComplete failed: LedgerAuth=password needs LedgerPassword"
    with pytest.raises(cloudformation.exceptions.ClientError, match=refusal):
        cloudformation.create_stack(
            StackName="half-given",
            TemplateURL=f"http://127.0.0.1:{stack.ids['port']}/half-given/template",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
