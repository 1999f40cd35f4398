"""A receiver of webhooks on this machine: it verifies what it is sent, with the published library, and can fail in several ways."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from standardwebhooks.webhooks import Webhook

CRASH = 0
"""In the place of a status: the connection is closed without an answer."""


@dataclass
class Receiver:
    """What came, and what was kept of it."""

    url: str
    secret: str = ""
    respond: Callable[[int, dict[str, Any]], int] = lambda number, event: HTTPStatus.NO_CONTENT
    """With which status each request is answered, by its number and event; `CRASH` for none."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of every request, in lower case."""
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The events that were answered with 2xx, by id: a receiver that does its work and then answers."""
    unverified: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Verifies a request and says with which status it is answered."""
        with self.lock:
            self.headers.append(headers)
            try:
                event = Webhook(self.secret).verify(body, headers)
            except Exception as error:  # Whatever is wrong with it.
                self.unverified.append(f"{error}: {body!r}")
                return HTTPStatus.BAD_REQUEST
            assert event["id"] == headers["webhook-id"], event
            status = self.respond(len(self.headers), event)
            if 200 <= status < 300:
                self.kept[event["id"]] = event
            return status


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listens until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            if status == CRASH:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing: what is wrong shows in what was kept."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hooks")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def by_id(events: list[dict[str, Any]]) -> dict[str, str]:
    """Events as texts that can be compared, by id."""
    return {event["id"]: json.dumps(event, sort_keys=True) for event in events}
