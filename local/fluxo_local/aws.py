"""How a client reaches the AWS engine instead of AWS."""

import os
from typing import Any

from fluxo_local import loopback
from fluxo_local.problem import Problem

REGION = "us-east-1"


def signed_for(service: str) -> str:
    """An Authorization header that names the service. The engine routes by it and checks no signature."""
    return f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"


def ask(port: int, service: str, target: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What an API of AWS's JSON protocol answers, such as `AmazonSQS.SendMessage`."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target, "Authorization": signed_for(service)}
    status, answer = loopback.request_json(port, "POST", "/", arguments, headers)
    if status != 200:
        raise Problem(f"{target} was refused (status {status}): {(answer or {}).get('message', answer)}")
    return answer or {}


def aws_environment(endpoint: str) -> dict[str, str]:
    """What leads an AWS client to the engine, with credentials that are worth nothing anywhere else."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Not the developer's own: no profile of theirs may decide where this deploys.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
