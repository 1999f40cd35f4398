"""What the roles of a deployed template need: for what the code calls, and for what AWS's services do in their place.

What the code calls is found in it. What a service does with a role for itself is in no code: those lists are AWS's, each with the page
that has it.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import Any

from rights import CHECKOUT, Problem
from rights.deployed import Deployed, arn
from rights.iam import action_of, prefix_of
from rights.policies import Need
from rights.reach import Operation, Reach, operations_of

FUNCTION = "AWS::Lambda::Function"
STATE_MACHINE = "AWS::StepFunctions::StateMachine"
LEDGER_TOKEN = "IAM token for the ledger"
AN_INDEX = "an index of a table"
# Who signs in, by where in the code that is said: the user of a variable, or the ledger's owner.
OWNER = "the owner"
SIGNS_IN_AS = {"crates/ledger/src/config.rs": "LEDGER_USER", "functions/migrate-ledger/src/settings.rs": OWNER}

# "AWSLambdaVPCAccessExecutionRole", AWS Managed Policy Reference, without the actions on logs.
JOINING_A_VPC = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
# "AWSLambdaBasicExecutionRole", the same; without CreateLogGroup, because the template makes the group.
LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")
# "Visualize Lambda function invocations using AWS X-Ray", Lambda Developer Guide: what the console adds to a role.
TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
# "AWSLambdaSQSQueueExecutionRole", AWS Managed Policy Reference, without the actions on logs.
POLLING_A_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
# "Processing DynamoDB records with Lambda", Lambda Developer Guide: what a mapping of a stream needs, on the stream and on no resource.
POLLING_A_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
FINDING_STREAMS = "dynamodb:ListStreams"
# "X-Ray", IAM policies for integrated services, Step Functions Developer Guide.
TRACING_EXECUTIONS = (*TRACING, "xray:GetSamplingRules", "xray:GetSamplingTargets")
# "IAM policies for logging to CloudWatch Logs", Step Functions Developer Guide.
LOGGING_EXECUTIONS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)

# What sends on what failed needs, by the service of what it is sent to: "Capturing records of Lambda asynchronous invocations",
# Lambda Developer Guide.
SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}

# AWS's pages allow these everywhere, although they can be allowed for some resources: which network interfaces Lambda makes, nobody
# knows before.
EVERYWHERE = frozenset(JOINING_A_VPC)


class NeedsOf:
    """What is needed in one deployed template."""

    def __init__(self, stack: Deployed, reach: dict[str, Reach]) -> None:
        self.stack = stack
        self._reach = reach
        self._calls: dict[str, list[Need]] = {}

    def program(self, function: str) -> str:
        """The program that a function of the template runs."""
        return self.stack.binary(function)

    def reached(self, function: str) -> Reach:
        """What a function of the template reaches."""
        program = self.program(function)
        if program not in self._reach:
            raise Problem(f"The template's function {function} runs {program}, which is no package in functions/.")
        return self._reach[program]

    @cached_property
    def by_role(self) -> dict[str, list[Need]]:
        """What each role needs, by its ARN."""
        found: dict[str, list[Need]] = {}
        for role, need in self._of_roles():
            found.setdefault(role, []).append(need)
        return found

    def of_calls(self, name: str) -> list[Need]:
        """What the code of a function calls of AWS's APIs, on what its environment names."""
        if name not in self._calls:
            self._calls[name] = list(self._of_code(name))
        return self._calls[name]

    def _of_roles(self) -> Iterator[tuple[str, Need]]:
        for name, function in self.stack.of_type(FUNCTION).items():
            yield from ((function["Role"], need) for need in [*self.of_calls(name), *self._of_lambda(name)])
        for name, machine in self.stack.of_type(STATE_MACHINE).items():
            yield from ((machine["RoleArn"], need) for need in self._of_state_machine(name, machine))
        for name, schedule in self.stack.of_type("AWS::Scheduler::Schedule").items():
            target = schedule["Target"]
            # "Setting up EventBridge Scheduler", EventBridge Scheduler User Guide.
            for receiver in [target["Arn"], *target.get("DeadLetterConfig", {}).values()]:
                yield target["RoleArn"], sending(receiver, name)
        for name, proxy in self.stack.of_type("AWS::RDS::DBProxy").items():
            yield from ((proxy["RoleArn"], need) for need in self._of_proxy(name))

    def _of_code(self, name: str) -> Iterator[Need]:
        environment = self.environment(name)
        reached = self.reached(name)
        for operation, places in sorted(reached.operations.items()):
            reason = f"{name}: {operation.name} at {', '.join(sorted(places))}"
            # Of a service whose resource the environment does not name, nothing is called: the ledger's owner may have a secret or not.
            yield from (Need(action_of(operation), resource, reason) for resource in self.called_on(operation, environment))
            if operation.name == "Query" and AN_INDEX in reached.ways:
                yield from (Need(action_of(operation), index, reason) for index in self.indexes_of(environment))
        for place in sorted(reached.ways.get(LEDGER_TOKEN, ())):
            if environment["LEDGER_AUTH"] == "iam":
                yield Need("rds-db:connect", self.database_user(environment, place), f"{name}: signs in with a token at {place}")

    def environment(self, function: str) -> dict[str, Any]:
        """The variables of a function."""
        return self.stack.of_type(FUNCTION)[function]["Environment"]["Variables"]

    def database_user(self, environment: dict[str, Any], place: str) -> str:
        """The ARN of who signs in, at the proxy or cluster that is connected to."""
        file = place.split(":")[0]
        if file not in SIGNS_IN_AS:
            raise Problem(f"{place} signs in to the ledger with a token: say in needs.py as whom.")
        host = self.stack.name_of(environment["LEDGER_HOST"])
        kind = self.stack.all[host]["Type"] if host else None
        match kind:
            case "AWS::RDS::DBProxy":
                resource = self.stack.identifier(host, "DBProxyArn").rsplit(":", 1)[-1]
            case "AWS::RDS::DBCluster":
                resource = self.stack.identifier(host, "DBClusterResourceId")
            case _:
                resource = self.stack.parameter("LedgerResourceId")
        user = SIGNS_IN_AS[file]
        return arn("rds-db", f"dbuser:{resource}/{self.owner(host, environment) if user == OWNER else environment[user]}")

    def owner(self, host: str | None, environment: dict[str, Any]) -> str:
        """Whose the ledger is: the cluster's master, whom the secret names, or whom the parameters do."""
        if host:
            return self.stack.of_type("AWS::RDS::DBCluster")[host]["MasterUsername"]
        if secret := environment.get("LEDGER_OWNER_SECRET_ARN"):
            return f"{{{{resolve:secretsmanager:{secret}:SecretString:username}}}}"
        return environment["LEDGER_OWNER_USER"]

    def called_on(self, operation: Operation, environment: dict[str, Any]) -> list[str]:
        """The ARNs that an operation is called on: every resource of its service that the environment names."""
        if action_of(operation) == "states:DescribeExecution":
            # EXPRESS knows none ("DescribeExecution", Step Functions API Reference).
            machines = self.stack.of_type(STATE_MACHINE).items()
            return [arn("states", f"execution:{name}:*") for name, machine in machines if machine["StateMachineType"] == "STANDARD"]
        return self.resources_of(prefix_of(operation.service), environment.values())

    def indexes_of(self, environment: dict[str, Any]) -> list[str]:
        """The indexes of the tables that the environment names: each is a resource of its own ("Query", DynamoDB API Reference)."""
        tables = {
            name: self.stack.identifier(name, "Arn")
            for name in self.stack.of_type("AWS::DynamoDB::Table")
            if self.stack.of_type("AWS::DynamoDB::Table")[name].get("GlobalSecondaryIndexes")
        }
        return [f"{table}/index/*" for name, table in tables.items() if name in map(self.stack.name_of, environment.values())]

    def resources_of(self, service: str, values: Iterable[Any]) -> list[str]:
        """The ARNs of a service among values that are ARNs, names or URLs."""
        found = []
        for value in values:
            name = self.stack.name_of(value)
            candidates = [value, *([self.stack.identifier(name, "Arn"), self.stack.identifier(name)] if name else [])]
            found += [one for one in candidates if isinstance(one, str) and one.startswith(f"arn:aws:{service}:")][:1]
        return sorted(set(found))

    def _of_lambda(self, name: str) -> Iterator[Need]:
        """What Lambda does for a function with the function's role."""
        function = self.stack.of_type(FUNCTION)[name]
        group = self.stack.identifier(function["LoggingConfig"]["LogGroup"], "Arn")
        yield from (Need(action, group, f"{name}: Lambda writes its log") for action in LOGGING)
        if function.get("TracingConfig", {}).get("Mode") == "Active":
            yield from (Need(action, "*", f"{name}: Lambda's daemon of X-Ray") for action in TRACING)
        if "VpcConfig" in function:
            yield from (Need(action, "*", f"{name}: Lambda joins the VPC") for action in JOINING_A_VPC)
        for receiver in function.get("DeadLetterConfig", {}).values():
            yield sending(receiver, f"{name}: Lambda gives it what failed")
        for config, asynchronous in self.stack.of_type("AWS::Lambda::EventInvokeConfig").items():
            if asynchronous["FunctionName"] == name:
                for outcome, destination in asynchronous.get("DestinationConfig", {}).items():
                    yield sending(destination["Destination"], f"{config}: {outcome}")
        for mapping, source in self.stack.of_type("AWS::Lambda::EventSourceMapping").items():
            if source["FunctionName"] == name:
                yield from polling(mapping, source)

    def _of_state_machine(self, name: str, machine: dict[str, Any]) -> Iterator[Need]:
        """What the tasks of a state machine call, and what Step Functions does to watch it."""
        for state, task in tasks_of(machine["DefinitionS3Location"]["Key"]).items():
            yield from self._of_task(f"{name}, state {state}", task, machine["DefinitionSubstitutions"])
        if machine.get("TracingConfiguration", {}).get("Enabled"):
            yield from (Need(action, "*", f"{name}: Step Functions traces it") for action in TRACING_EXECUTIONS)
        if machine.get("LoggingConfiguration", {}).get("Destinations"):
            yield from (Need(action, "*", f"{name}: Step Functions logs it") for action in LOGGING_EXECUTIONS)

    def _of_task(self, place: str, task: dict[str, Any], substitutions: dict[str, str]) -> Iterator[Need]:
        pattern, service, method = task["Resource"].rpartition(":::")[2].rpartition(":")[0], *task["Resource"].split(":")[-2:]
        if pattern != service or "." in method:
            raise Problem(f"{place}: the integration {task['Resource']} needs more than its call. Say in needs.py what.")
        names = {operation.name.lower(): operation for operation in operations_of(service).values()}
        given = [substitutions.get(value[2:-1]) for value in task["Parameters"].values() if isinstance(value, str) and value[:2] == "${"]
        operation = names[method.lower()]
        resources = self.resources_of(prefix_of(service), given)
        if not resources:
            raise Problem(f"{place}: none of its parameters names a resource of {service}.")
        yield from (Need(action_of(operation), resource, place) for resource in resources)

    def _of_proxy(self, name: str) -> Iterator[Need]:
        """Who signs in to the cluster through the proxy: "Configuring IAM authentication for RDS Proxy", Aurora User Guide."""
        clusters = [
            self.stack.identifier(cluster, "DBClusterResourceId")
            for targets in self.stack.of_type("AWS::RDS::DBProxyTargetGroup").values()
            if targets["DBProxyName"] == name
            for cluster in targets["DBClusterIdentifiers"]
        ]
        for function in self.stack.of_type(FUNCTION):
            environment = self.environment(function)
            if LEDGER_TOKEN in self.reached(function).ways and self.stack.name_of(environment["LEDGER_HOST"]) == name:
                user = environment["LEDGER_USER"]
                yield from (Need("rds-db:connect", arn("rds-db", f"dbuser:{one}/{user}"), f"{function} through {name}") for one in clusters)


def polling(mapping: str, source: dict[str, Any]) -> Iterator[Need]:
    """What Lambda needs to take messages from a queue, or records from a stream, and to hand on those that failed."""
    match source["EventSourceArn"].split(":")[2]:
        case "sqs":
            yield from (Need(action, source["EventSourceArn"], f"{mapping}: Lambda polls the queue") for action in POLLING_A_QUEUE)
        case "dynamodb":
            yield from (Need(action, source["EventSourceArn"], f"{mapping}: Lambda polls the stream") for action in POLLING_A_STREAM)
            yield Need(FINDING_STREAMS, "*", f"{mapping}: Lambda polls the stream")
        case other:
            raise Problem(f"{mapping}: say in needs.py what it takes to poll {other}.")
    for outcome, destination in source.get("DestinationConfig", {}).items():
        yield sending(destination["Destination"], f"{mapping}: {outcome}")


def sending(receiver: str, reason: str) -> Need:
    """What it takes to hand something to a queue, topic or function."""
    service = receiver.split(":")[2] if receiver.startswith("arn:") else receiver
    if service not in SENDING:
        raise Problem(f"{reason}: say in needs.py what it takes to send to {receiver}.")
    return Need(SENDING[service], receiver, reason)


@cache
def tasks_of(definition: str) -> dict[str, dict[str, Any]]:
    """The tasks of a state machine's definition, by state."""
    states = json.loads((CHECKOUT / definition).read_text())["States"]
    for name, state in states.items():
        if state["Type"] in ("Map", "Parallel"):
            raise Problem(f"The state {name} holds others: teach needs.py to look into it.")
    return {name: state for name, state in states.items() if state["Type"] == "Task"}
