"""A receiver of webhooks that verifies what it is sent, with the published library, and can be slow or lie about it."""

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

from standardwebhooks.webhooks import Webhook

# Closing such a socket sends RST.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
PATH = "/hooks"
ACCEPTED = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


class Exchange:
    """One request, and what is answered to it."""

    def __init__(self, receiver: "Receiver", handler: BaseHTTPRequestHandler) -> None:
        self._receiver = receiver
        self._handler = handler
        self._length = int(handler.headers["Content-Length"])
        self._event_id = ""

    def take(self) -> None:
        """Reads all of it, verifies it, and does the work."""
        body = self._handler.rfile.read(self._length)
        headers = {name.lower(): value for name, value in self._handler.headers.items()}
        self._event_id = self._receiver.verified(self._handler.path, headers, body)

    def take_half(self) -> None:
        """Reads half of it, of which no work comes."""
        self._handler.rfile.read(self._length // 2)

    def send(self, data: bytes) -> None:
        """Sends some of an answer, or all."""
        self._handler.wfile.write(data)

    def accept(self, answer: bytes = ACCEPTED) -> None:
        """Answers with 2xx. From here on the sender need not come back."""
        self._receiver.note_accepted(self._event_id)
        self.send(answer)

    def hold(self, seconds: float) -> bool:
        """Does nothing for so long, or until the receiver is well again: then false."""
        return not self._receiver.well.wait(seconds)

    def reset(self) -> None:
        """Ends the connection as a crash does."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._handler.connection.close()


Behaviour = Callable[[Exchange], None]


def honest(exchange: Exchange) -> None:
    """Does the work and says so."""
    exchange.take()
    exchange.accept()


@dataclass
class Receiver:
    """What came, and what was answered with 2xx."""

    port: int
    secret: str = ""
    behaviour: Behaviour = honest
    # Set, unless it behaves in another way.
    well: Event = field(default_factory=Event)
    # Every event that came and was verified, by id, and when it came for the first time, in seconds since 1970.
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    first_at: dict[str, float] = field(default_factory=dict)
    # Those that were answered with 2xx.
    accepted: set[str] = field(default_factory=set)
    # How many requests came, each with an event.
    requests: int = 0
    # What no sender of ours may send.
    wrong: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.well.set()

    def verified(self, path: str, headers: dict[str, str], body: bytes) -> str:
        """Notes a request, or what is wrong with it; answers the event's id."""
        with self._lock:
            self.requests += 1
            if path != PATH:
                self.wrong.append(f"a request came to {path}, to where it was redirected")
            try:
                event = Webhook(self.secret).verify(body, headers)
            except Exception as error:  # Whatever is wrong with it.
                self.wrong.append(f"not verified, {error}: {body[:200]!r}")
                return ""
            event_id = event["id"]
            if headers["webhook-id"] != event_id:
                self.wrong.append(f"{event_id} came under the id {headers['webhook-id']}")
            if self.events.setdefault(event_id, event) != event:
                self.wrong.append(f"{event_id} came with two contents")
            self.first_at.setdefault(event_id, time.time())
            return event_id

    def note_accepted(self, event_id: str) -> None:
        """Notes that the sender is told that it has the event."""
        with self._lock:
            self.accepted.add(event_id)

    @contextmanager
    def behaving(self, behaviour: Behaviour) -> Iterator[None]:
        """It behaves like that for the block. Whoever is held then is not held any longer."""
        self.well.clear()
        self.behaviour = behaviour
        try:
            yield
        finally:
            self.behaviour = honest
            self.well.set()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listens until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            # The sender may have gone, and that is its right.
            with suppress(OSError):
                receiver.behaviour(Exchange(receiver, self))

        def log_message(self, *_: Any) -> None:
            """Says nothing: what is wrong is noted."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Says nothing of a sender that was cut off, and everything else."""
            if not isinstance(sys.exc_info()[1], OSError):
                super().handle_error(request, client_address)

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_port)
        thread = Thread(target=server.serve_forever, name="receiver")
        thread.start()
        try:
            yield receiver
        finally:
            receiver.well.set()
            server.shutdown()
            thread.join()
