"""The inspector: a page that shows what executions went through, served beside the local stack.

    python3 -m fluxo_local.inspector PROFILE PORT

It shows amounts and texts of entries and can move messages, so it listens on loopback only, and answers no page but its own: a request
must name a loopback host (another name that leads here, "DNS rebinding", is refused), and one that changes something must come from
the page itself, with the token of this run.
"""

import hmac
import json
import secrets
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from fluxo_local import aws, history, pages, queues, redrive, terminal
from fluxo_local.inspection import KINDS, Executions, NotFound, Wanted
from fluxo_local.problem import Problem
from fluxo_local.processes import Service
from fluxo_local.profile import CHECKOUT, Profile, read_json

PAGE = CHECKOUT / "local" / "inspector" / "page"
# The console's colours, type, controls and frame, which the page shares.
STYLES = CHECKOUT / "console" / "src" / "styles"
SHARED = ("tokens.css", "base.css", "controls.css", "frame.css")
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
TYPES |= {".json": "application/json", ".svg": "image/svg+xml"}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
TOKEN_HEADER = "X-Inspector-Token"
IDLE_CONNECTION_S = 30
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # What executions went through changes, and the page changes with the checkout.
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """A request that is not answered, with the status that says why."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def start(profile: Profile, port: int) -> Service:
    """Starts the inspector of a profile."""
    with terminal.step("Starting the inspector") as step:
        command = [sys.executable, "-m", "fluxo_local.inspector", profile.name, str(port)]
        return pages.serve("the inspector", command, port, profile, "inspector.log", step)


class Inspector:
    """What the page is answered."""

    def __init__(self, stack_file: Path, port: int) -> None:
        self._stack_file = stack_file
        self._token = secrets.token_urlsafe(32)
        self._executions: tuple[Mapping[str, Any], Executions] | None = None
        self.hosts = {f"{host}:{port}" for host in LOOPBACK}
        self.files = {"/": PAGE / "index.html"} | {f"/{file.name}": file for file in PAGE.iterdir() if file.suffix in TYPES}
        self.files |= {f"/styles/{name}": STYLES / name for name in SHARED}

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """Answers a question of the page. None changes anything."""
        match path.strip("/").split("/")[1:]:
            case ["about"]:
                stack = self._stack()
                return {"token": self._token, **{name: stack.get(name) for name in ("console_url", "docs_url", "url")}}
            case ["executions"]:
                return self._of_stack().find(wanted(query), query.get("cursor"))
            case ["executions", name]:
                return self._of_stack().went_through(unquote(name))
            case ["executions", name, "states", index] if index.isdigit():
                return self._of_stack().data(unquote(name), int(index))
            case ["entries", entry]:
                return {"executions": self._of_stack().of_entry(unquote(entry))}
            case ["queues"]:
                return queues.queues(self._stack())
        raise Refused(HTTPStatus.NOT_FOUND, f"The inspector knows nothing of {path}.")

    def post(self, path: str, headers: Mapping[str, str]) -> Any:
        """Does what the page asks for, if it is the page that asks."""
        if headers.get("Origin") not in {f"http://{host}" for host in self.hosts}:
            raise Refused(HTTPStatus.FORBIDDEN, "Only the inspector's own page may change anything.")
        if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            raise Refused(HTTPStatus.FORBIDDEN, "The inspector was started again since the page was loaded: load the page again.")
        if path != "/api/redrive":
            raise Refused(HTTPStatus.NOT_FOUND, f"The inspector knows nothing of {path}.")
        return {"moved": redrive.bring_back(self._stack())}

    def _stack(self) -> Mapping[str, Any]:
        stack = read_json(self._stack_file)
        if not stack:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Fluxo is starting or stopping.")
        return stack

    def _of_stack(self) -> Executions:
        stack = self._stack()
        if self._executions is None or self._executions[0] != stack:

            def ask(operation: str, arguments: dict[str, Any]) -> Mapping[str, Any]:
                return aws.ask(stack["port"], "states", f"AWSStepFunctions.{operation}", arguments)

            self._executions = (stack, Executions(ask, stack["state_machine_arn"]))
        return self._executions[1]


def wanted(query: Mapping[str, str]) -> Wanted:
    """What a query asks for."""
    kind = query.get("kind")
    if kind is not None and kind not in KINDS:
        raise Refused(HTTPStatus.BAD_REQUEST, f'"{kind}" is none of {", ".join(KINDS)}.')
    return Wanted(query.get("merchant"), kind, query.get("name"), moment(query, "since"), moment(query, "until"))


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """A time of a query."""
    try:
        return history.moment(query[name]) if name in query else None
    # Of a time such as 0001-01-01T00:00:00+14:00 there is none in UTC.
    except (ValueError, OverflowError):
        raise Refused(HTTPStatus.BAD_REQUEST, f'{name} must be a time such as 2026-11-28T12:00:00Z; it is "{query[name]}".') from None


class Handler(BaseHTTPRequestHandler):
    """A request to the inspector."""

    inspector: ClassVar[Inspector]
    protocol_version = "HTTP/1.1"
    server_version = "Fluxo"
    sys_version = ""
    timeout = IDLE_CONNECTION_S

    def do_GET(self) -> None:
        """Answers a file or a question."""
        url = urlsplit(self.path)
        file = self.inspector.files.get(url.path)
        if file is None:
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            self._answer_json(lambda: self.inspector.get(url.path, query))
        elif self._is_allowed():
            self._answer(HTTPStatus.OK, TYPES[file.suffix], file.read_bytes())

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Does what the page asks for. A request has no body, and a connection with one is of no further use."""
        self.close_connection = True
        self._answer_json(lambda: self.inspector.post(urlsplit(self.path).path, self.headers))

    def _is_allowed(self) -> bool:
        """Whether it was sent to a loopback address, and not to a name that somebody has made lead here."""
        allowed = self.headers.get_all("Host") is not None and self.headers["Host"].lower() in self.inspector.hosts
        if not allowed:
            self._fail(HTTPStatus.MISDIRECTED_REQUEST, "The inspector answers under a loopback address only, such as 127.0.0.1.")
        return allowed

    def _answer_json(self, answer: Callable[[], Any]) -> None:
        if not self._is_allowed():
            return
        try:
            body = answer()
        except Refused as refused:
            self._fail(refused.status, str(refused))
        except NotFound as problem:
            self._fail(HTTPStatus.NOT_FOUND, str(problem))
        except Problem as problem:
            self._fail(HTTPStatus.BAD_REQUEST, str(problem))
        except OSError as error:
            self._fail(HTTPStatus.BAD_GATEWAY, f"The AWS engine does not answer: {error}")
        else:
            self._answer(HTTPStatus.OK, TYPES[".json"], json.dumps(body).encode())

    def _fail(self, status: HTTPStatus, message: str) -> None:
        self._answer(status, TYPES[".json"], json.dumps({"message": message}).encode())

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": content_type, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs what was not answered as it should be: a page that looks every second would fill the disk."""
        if not isinstance(code, int) or code >= HTTPStatus.BAD_REQUEST:
            super().log_request(code, size)


def server(inspector: Inspector, port: int) -> ThreadingHTTPServer:
    """The inspector's server, on loopback."""
    handler = type("InspectorHandler", (Handler,), {"inspector": inspector})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main(profile: str, port: str) -> None:
    """Serves until it is told to stop."""
    server(Inspector(Profile(profile).stack_file, int(port)), int(port)).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
