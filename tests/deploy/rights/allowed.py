"""Holds what is needed against what roles and resources allow: nothing is missing, and nothing is there in vain."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from rights import Problem
from rights.deployed import ACCOUNT, Deployed, arn
from rights.iam import takes_a_resource
from rights.needs import EVERYWHERE, FUNCTION, JOINING_A_VPC, STATE_MACHINE, NeedsOf
from rights.policies import Grant, Need, allows, grants_of, matches

ROLE = "AWS::IAM::Role"
# Who acts with a role that a property of a resource of this type names.
USERS = {
    FUNCTION: ("Role", "lambda.amazonaws.com"),
    STATE_MACHINE: ("RoleArn", "states.amazonaws.com"),
    "AWS::RDS::DBProxy": ("RoleArn", "rds.amazonaws.com"),
    "AWS::Scheduler::Schedule": ("Target.RoleArn", "scheduler.amazonaws.com"),
}
# Who says for which account it acts ("Confused deputy prevention in EventBridge Scheduler"). Of the others that stand above no page says
# so, and a condition on that would keep them out.
SAYS_ITS_ACCOUNT = {"scheduler.amazonaws.com"}


def check_roles(needs: NeedsOf, neighbours: Iterable[NeedsOf]) -> Iterator[str]:
    """What roles lack and have in vain. `neighbours` are what the stack may change into while it runs: both have to work."""
    stack = needs.stack
    needed: dict[str, list[Need]] = {}
    for one in [needs, *neighbours]:
        for role, of_role in one.by_role.items():
            needed.setdefault(stack.name_of(role) or role, []).extend(of_role)
    for name, role in stack.of_type(ROLE).items():
        grants = grants_of_role(name, role)
        yield from missing_and_vain(name, tuple(grants), tuple(dict.fromkeys(needed.pop(name, []))))
        joining = tuple(grant for grant in grants if grant.action.startswith("ec2:"))
        for function in functions_of(stack, name) if joining else ():
            yield from (f"{name} lets the code of {function} use {action}" for action in left_to_code(joining, function))
        yield from check_trust(stack, name, role)
    for role in needed:
        yield f"{role} is used, and the template has no such role"


@cache
def missing_and_vain(place: str, grants: tuple[Grant, ...], needs: tuple[Need, ...]) -> list[str]:
    """What is needed and not allowed, and what is allowed and not needed: in most combinations the same."""
    found = []
    for need in needs:
        if need.resource == "*" and need.action not in EVERYWHERE and takes_a_resource(need.action):
            found.append(f"{place}: {need.action} can be allowed for some resources only, and needs.py asks for all")
        if not allows(grants, need):
            found.append(f"{place} lacks {need}")
    for grant in grants:
        if grant.effect == "Allow" and not any(grant.is_within(need) for need in needs):
            found.append(f"{grant} is needed by nobody")
    return found


@cache
def left_to_code(grants: tuple[Grant, ...], function: str) -> list[str]:
    """What Lambda may do to join the VPC, and the code of the function may do as well.

    It must not: so "Giving Lambda functions access to resources in an Amazon VPC", Lambda Developer Guide, advises.
    """
    from_code = (("lambda:SourceFunctionArn", function),)
    return [action for action in JOINING_A_VPC if allows(grants, Need(action, "*", function, from_code))]


def check_trust(stack: Deployed, name: str, role: dict[str, Any]) -> Iterator[str]:
    """Who acts with a role may, and nobody else."""
    identifier = stack.identifier(name, "Arn")
    users = {
        service
        for kind, (path, service) in USERS.items()
        for properties in stack.of_type(kind).values()
        if at(properties, path) == identifier
    }
    grants = grants_of(role["AssumeRolePolicyDocument"], f"{name}, who may assume it")
    trusted = {principal for grant in grants for principal in grant.principals}
    carried = (("aws:SourceAccount", ACCOUNT),) if users <= SAYS_ITS_ACCOUNT else ()
    need = Need("sts:AssumeRole", "*", "", carried)
    yield from (f"{name} cannot be assumed by {user}, who uses it" for user in users - trusted)
    yield from (f"{name} can be assumed by {user}, who does not use it" for user in trusted - users)
    yield from (f"{grant} does not let anybody in" for grant in grants if not allows([grant], need))
    yield from (f"{grant} is needed by nobody" for grant in grants if not grant.is_within(need))


def check_queues(stack: Deployed) -> Iterator[str]:
    """Rules may send to their queues ("Using resource-based policies for Amazon EventBridge", EventBridge User Guide)."""
    needs = [
        (receiver, Need("sqs:SendMessage", receiver, name, (("aws:SourceArn", stack.identifier(name, "Arn")),)))
        for name, rule in stack.of_type("AWS::Events::Rule").items()
        for target in rule["Targets"]
        for receiver in [target["Arn"], *target.get("DeadLetterConfig", {}).values()]
    ]
    yield from (
        f"{need.reason} sends to {receiver}: say in allowed.py what that takes" for receiver, need in needs if ":sqs:" not in receiver
    )
    grants = [
        (stack.identifier(stack.name_of(queue) or queue, "Arn"), grant)
        for name, policy in stack.of_type("AWS::SQS::QueuePolicy").items()
        for queue in policy["Queues"]
        for grant in grants_of(policy["PolicyDocument"], name)
    ]
    for queue, need in needs:
        if not allows([grant for at_queue, grant in grants if at_queue == queue and grant.principals == {"events.amazonaws.com"}], need):
            yield f"{stack.name_of(queue)} does not take {need}"
    for queue, grant in grants:
        mine = [need for at_queue, need in needs if at_queue == queue and grant.is_within(need)]
        sources = {source for _, key, values in grant.conditions if key == "aws:SourceArn" for source in values}
        if grant.effect == "Allow" and not mine:
            yield f"{grant} is needed by nobody"
        elif grant.principals != {"events.amazonaws.com"} or not sources:
            yield f"{grant} lets in more than the template's rules"
        yield from (
            f"{grant} lets in {source}, which sends nothing" for source in sources - {dict(need.context)["aws:SourceArn"] for need in mine}
        )


def check_invocations(stack: Deployed) -> Iterator[str]:
    """API Gateway may call the functions of its routes.

    "Working with AWS Lambda proxy integrations for HTTP APIs", API Gateway Developer Guide. CloudFormation calls a custom resource's
    function with the rights of who deploys.
    """
    permissions = stack.of_type("AWS::Lambda::Permission")
    used = set()
    for route, properties in stack.of_type("AWS::ApiGatewayV2::Route").items():
        integration = stack.of_type("AWS::ApiGatewayV2::Integration")[properties["Target"].removeprefix("integrations/")]
        function = stack.name_of(integration["IntegrationUri"])
        method, path = properties["RouteKey"].split(" ", 1)
        source = arn("execute-api", f"{properties['ApiId']}/$default/{method}{path}")
        letting = [name for name, permission in permissions.items() if is_for(permission, function, source)]
        used.update(letting)
        if not letting:
            yield f"{function} lets in no call of {route}, {source}"
    for name, permission in permissions.items():
        if name not in used:
            yield f"{name} lets in nobody who calls"
        if not any(permission["SourceArn"].startswith(arn("execute-api", f"{api}/")) for api in stack.of_type("AWS::ApiGatewayV2::Api")):
            yield f"{name} lets in more than the API of the stack"


def check_keys(stack: Deployed) -> Iterator[str]:
    """Keys leave it to the roles of the account who may use them, and to nobody else ("Default key policy", KMS Developer Guide)."""
    account = frozenset({f"arn:aws:iam::{ACCOUNT}:root"})
    for name, key in stack.of_type("AWS::KMS::Key").items():
        grants = grants_of(key["KeyPolicy"], name)
        if [(grant.effect, grant.action, grant.resource, grant.principals) for grant in grants] != [("Allow", "kms:*", "*", account)]:
            yield f"{name} does not leave it to the roles of the account who may use it"


def is_for(permission: dict[str, Any], function: str | None, source: str) -> bool:
    """Whether a permission lets API Gateway call a function for a route."""
    named = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "FunctionName": function}
    return all(permission[name] == value for name, value in named.items()) and matches(permission["SourceArn"], source)


def functions_of(stack: Deployed, role: str) -> list[str]:
    """The ARNs of the functions with a role."""
    identifier = stack.identifier(role, "Arn")
    return [stack.identifier(name, "Arn") for name, function in stack.of_type(FUNCTION).items() if function["Role"] == identifier]


def grants_of_role(name: str, role: dict[str, Any]) -> list[Grant]:
    """What a role's policies say. What AWS's own say is AWS's to change, and wider than what is needed: there are none."""
    if role.get("ManagedPolicyArns"):
        raise Problem(f"{name} has managed policies, whose contents the template does not say: write down the actions that are needed.")
    return [
        grant for policy in role.get("Policies", []) for grant in grants_of(policy["PolicyDocument"], f"{name}, {policy['PolicyName']}")
    ]


def at(properties: dict[str, Any], path: str) -> Any:
    """The value at a path of names."""
    for name in path.split("."):
        properties = properties[name]
    return properties
