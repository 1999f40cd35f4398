"""Integrations of the type HTTP_PROXY, as API Gateway has them.

MiniStack's own hands on nothing of an answer's headers but the type, and waits for answers in the few threads in which it also fetches
keys, so that a service that hangs would keep every client out. Here each request waits in a thread of its own, and an answer's headers
go to the client as they are, but for those that concern a single connection (RFC 9110, section 7.6.1).
"""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

# As long as API Gateway waits.
TIMEOUT_S = 30
CALLS_AT_ONCE = 512
OF_ONE_CONNECTION = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
# What a path may have besides letters and digits (RFC 3986); `%` stays, because the gateway leaves escapes of it as they are.
OF_A_PATH = "/%:@!$&'()*+,;=-._~"
UNAVAILABLE = 503, {"Content-Type": "application/json"}, json.dumps({"message": "Service Unavailable"}).encode()

threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="http-proxy")


async def forward(
    integration: dict[str, Any], path: str, method: str, headers: dict[str, str], body: bytes | None, query: dict[str, Any]
) -> tuple[int, dict[str, str], bytes]:
    """What the service answers to the request."""
    target = quote(path, safe=OF_A_PATH) + (f"?{urlencode(query, doseq=True)}" if query else "")
    return await asyncio.get_running_loop().run_in_executor(
        threads, ask, integration["integrationUri"], method, target, headers, body or b""
    )


def ask(service: str, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Sends the request on a connection of its own."""
    address = urlsplit(service)
    connection = HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
    passed_on = {name: value for name, value in headers.items() if name.lower() not in OF_ONE_CONNECTION | {"host"}}
    try:
        connection.request(method, target, body or None, passed_on)
        answer = connection.getresponse()
        contents = answer.read()
    except (OSError, HTTPException):
        return UNAVAILABLE
    finally:
        connection.close()
    return answer.status, {name: value for name, value in answer.getheaders() if name.lower() not in OF_ONE_CONNECTION}, contents
