"""The HTTP API, called as any client would."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

# API Gateway gives up after 30 s.
TIMEOUT_S = 35
# Past any proxy that the environment names: the API is on this machine.
OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """What the API answered; the names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def problem(self) -> tuple[int, str | None]:
        """Status and code of a refusal."""
        return self.status, self.body.get("code")

    @property
    def faults(self) -> list[str]:
        """Where the faults are: pointers into the body, or names of parameters."""
        return [fault.get("pointer", fault.get("parameter")) for fault in self.body.get("errors", [])]

    @property
    def retry_after_s(self) -> int:
        """After how many seconds to ask again; an answer without it fails the test."""
        return int(self.headers["retry-after"])

    @property
    def next_page(self) -> str | None:
        """Path of the page after this one, if there is one (RFC 8288)."""
        link = self.headers.get("link")
        return "/" + re.fullmatch('<(entries[.]csv[^>]+)>; rel="next"', link).group(1) if link else None

    @property
    def is_repeat(self) -> bool:
        """Whether the request is said to be known already."""
        return self.headers.get("idempotent-replayed") == "true"


def call(url: str, method: str, token: str | None, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    """One request. A body of bytes is sent as it is, any other as JSON in plain UTF-8."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    content_type = {"Content-Type": "application/json"} if data is not None else {}
    request = Request(url, data, authorization | content_type | (headers or {}), method=method)
    try:
        with OPENER.open(request, timeout=TIMEOUT_S) as reply:
            return read(reply)
    except HTTPError as error:
        return read(error)


def read(reply: Any) -> Answer:
    """The answer, good or bad: a text if it is CSV, nothing if it is empty, and else JSON."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    text = reply.read().decode()
    if not text:
        return Answer(reply.status, headers, None)
    return Answer(reply.status, headers, text if headers["content-type"].startswith("text/csv") else json.loads(text))
