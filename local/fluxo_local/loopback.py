"""Small HTTP calls to servers on loopback, past any proxy that the environment names."""

import http.client
import json
from typing import Any

TIMEOUT_S = 30


def request(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> tuple[int, bytes]:
    """Status and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def request_json(port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """As `request`, with JSON both ways."""
    status, answer = request(
        port, method, path, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"} | (headers or {})
    )
    return status, json.loads(answer or b"null")


def answers(port: int, path: str) -> bool:
    """Whether a GET there is answered with 200."""
    try:
        return request(port, "GET", path)[0] == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
