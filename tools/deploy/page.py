"""The console's page in its bucket: uploaded after a deployment."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fluxo_local.web_page import PageFile, SignIn, configuration, files

from deploy.stack import parameter

PARAMETER = "ConsoleEnabled"
BUCKET = "ConsoleBucketName"
"""The output that a stack with a console has."""
# How long files of earlier releases stay: whoever has a page open may still ask for a part of it.
KEPT = timedelta(days=7)
# The functions that accept and record entries. The page may ask the log groups of 50 ("CloudWatch Logs quotas").
RECORDING = ("register-entry", "reverse-entry", "apply-to-ledger", "consolidate-day", "replay-parked")
# What one request deletes (AWS: "DeleteObjects").
DELETED_AT_ONCE = 1000


def outputs_of(described: Mapping[str, Any]) -> dict[str, str]:
    """The stack's outputs by name."""
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def upload(s3: Any, described: Mapping[str, Any], region: str, now: datetime | None = None) -> str:
    """Uploads the page of a stack that has a console; answers its address."""
    outputs = outputs_of(described)
    bucket = outputs[BUCKET]
    written = set()
    for file in files(configuration_of(described, outputs, region)):
        put(s3, bucket, file)
        written.add(file.key)
    too_old = (now or datetime.now(UTC)) - KEPT
    delete(s3, bucket, (key for key, modified in listed(s3, bucket) if key not in written and modified < too_old))
    return outputs["ConsoleUrl"]


def configuration_of(described: Mapping[str, Any], outputs: Mapping[str, str], region: str) -> dict[str, Any]:
    """What the page reads first."""
    sign_in = SignIn(outputs["HostedPagesUrl"], outputs["WebClientId"], outputs["ConsoleUrl"])
    has_operators = parameter(dict(described), "OperatorsEnabled") == "true"
    # What the page posts to another API, the second door's, has no executions to look at.
    has_executions = not parameter(dict(described), "ConsoleApiId")
    inspector = inspector_of(described["StackName"], outputs, region) if has_operators and has_executions else None
    return configuration(sign_in, inspector=inspector, timeZone=parameter(dict(described), "BusinessTimeZone"))


def inspector_of(stack: str, outputs: Mapping[str, str], region: str) -> dict[str, Any]:
    """Where operators see what an entry went through: its execution, or the logs of the functions that it goes through.

    The API names executions of the STANDARD workflow only, also of entries that came before the type was changed.
    """
    return {
        "kind": "aws",
        "region": region,
        "stateMachineArn": outputs["StateMachineArn"],
        "standardStateMachineArn": outputs["StandardStateMachineArn"],
        "logGroups": [f"/aws/lambda/{stack}/{function}" for function in RECORDING],
    }


def put(s3: Any, bucket: str, file: PageFile) -> None:
    """Uploads one file."""
    s3.put_object(Bucket=bucket, Key=file.key, Body=file.contents, ContentType=file.content_type, CacheControl=file.cache_control)


def listed(s3: Any, bucket: str) -> Iterator[tuple[str, datetime]]:
    """The files of a bucket, and when each was uploaded."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            yield item["Key"], item["LastModified"]


def delete(s3: Any, bucket: str, keys: Iterable[str]) -> None:
    """Deletes files."""
    remaining = list(keys)
    for start in range(0, len(remaining), DELETED_AT_ONCE):
        some = [{"Key": key} for key in remaining[start : start + DELETED_AT_ONCE]]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
