"""TCP proxies between the functions and their stores, and the rules by which they disturb what passes through."""

import asyncio
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, Protocol, TypeVar

from fluxo_local.ports import free_ports

from chaos.victims import Victim, owner_of

CHUNK_BYTES = 64 * 1024
CALL_TIMEOUT_S = 30
# Closing such a socket sends RST: what whoever is on the other side sees of a peer that crashed.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class SentRequest(Protocol):
    """A request as it was sent, whatever its protocol is."""

    @property
    def raw(self) -> bytes:
        """All of it."""


Request = TypeVar("Request", bound=SentRequest)


class Link:
    """One connection of a function to a store."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, door_port: int) -> None:
        self.reader = reader
        self.writer = writer
        self.server: asyncio.StreamWriter | None = None
        # What a rule has received and not yet passed on.
        self.pending = b""
        # What a rule wants to know later of what has passed here.
        self.marked = False
        self._address = writer.get_extra_info("peername")[1], door_port

    def owner(self) -> Victim | None:
        """The function that made the connection, if it is still there."""
        return owner_of(*self._address)

    def answer(self, data: bytes) -> None:
        """Sends something to the function in the server's place."""
        self.writer.write(data)

    def reset(self) -> None:
        """Ends the connection as a crash does, on both sides."""
        for writer in (self.writer, self.server):
            if writer:
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.transport.abort()


class Rule:
    """What happens to connections. This one passes everything on."""

    # Whether the door takes connections at all, and whether those that it has are reset when the rule begins.
    listens = True
    resets = False

    def __init__(self) -> None:
        # How often it has done its harm: a fault that nothing met proves nothing.
        self.hits = 0
        self.lifted = asyncio.Event()

    async def to_server(self, link: Link, data: bytes) -> bytes:
        """What is passed on of what the function sent."""
        pending, link.pending = link.pending, b""
        return pending + data

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """What is passed on of what the server answered."""
        return data


class RequestRule(Rule, ABC, Generic[Request]):
    """Takes the stream apart into requests, as `take` finds them. This one passes all of them on."""

    async def to_server(self, link: Link, data: bytes) -> bytes:
        """The requests that may pass."""
        link.pending += data
        passed = b""
        while request := self.take(link):
            if await self.admits(link, request):
                passed += request.raw
        return passed

    @abstractmethod
    def take(self, link: Link) -> Request | None:
        """The next request, taken from what is pending, if all of it has come."""

    async def admits(self, link: Link, request: Request) -> bool:
        """Whether the request is passed on."""
        return True


class Refuse(Rule):
    """Nobody listens: existing connections are reset, new ones refused."""

    listens = False
    resets = True


class Hang(Rule):
    """Connections are accepted and nothing is answered. What was sent arrives when the rule is lifted, as after a network's outage."""

    async def to_server(self, link: Link, data: bytes) -> bytes:
        """Waits."""
        self.hits += 1
        await self.lifted.wait()
        return await super().to_server(link, data)

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """Waits."""
        await self.lifted.wait()
        return data


class Delay(Rule):
    """Everything arrives late, both ways."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def to_server(self, link: Link, data: bytes) -> bytes:
        """Waits for some time."""
        self.hits += 1
        await asyncio.sleep(self._seconds)
        return await super().to_server(link, data)

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """Waits for some time."""
        await asyncio.sleep(self._seconds)
        return data


class Proxy:
    """A door through which the functions reach one server. Use it only in the thread of its `Proxies`."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # By its number: the kernel takes back a port that it has chosen itself when the socket stops listening.
        (self.port,) = free_ports(1)
        self._socket.bind(("127.0.0.1", self.port))
        self._socket.setblocking(False)
        self._accepting: asyncio.Task[None] | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.rule = Rule()

    async def set_rule(self, rule: Rule) -> None:
        """From now on this one holds."""
        before, self.rule = self.rule, rule
        if rule.listens and not self._accepting:
            self._socket.listen(1024)
            self._accepting = asyncio.create_task(self._accept())
        if not rule.listens and self._accepting:
            self._accepting.cancel()
            self._accepting = None
            # The socket stays bound, so that nobody else gets the port, and refuses until it listens again.
            self._socket.shutdown(socket.SHUT_RDWR)
        if rule.resets:
            for link in list(self._links):
                link.reset()
        before.lifted.set()

    async def close(self) -> None:
        """Ends everything."""
        for task in (self._accepting, *self._tasks):
            if task:
                task.cancel()
        for link in list(self._links):
            link.reset()
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._socket)
            task = asyncio.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader, writer = await asyncio.open_connection(sock=connection)
        link = Link(reader, writer, self.port)
        self._links.add(link)
        try:
            server_reader, link.server = await asyncio.open_connection("127.0.0.1", self._server_port)
            await asyncio.gather(self._pump(link, True, reader, link.server), self._pump(link, False, server_reader, writer))
        except OSError:
            # One side has gone, or the server is down: so is the other.
            link.reset()
        finally:
            self._links.discard(link)
            for side in (writer, link.server):
                if side:
                    side.close()

    async def _pump(self, link: Link, to_server: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            passed = await (self.rule.to_server if to_server else self.rule.to_client)(link, data)
            if passed:
                writer.write(passed)
                await writer.drain()
        if to_server:
            # A function that has gone wants no answer, and a server must learn of it.
            writer.close()
        elif not link.writer.is_closing():
            link.writer.close()


class Proxies:
    """A thread with all the doors."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._proxies: list[Proxy] = []

    def open(self, server_port: int) -> Proxy:
        """A new door to the server there, which need not run yet."""

        async def make() -> Proxy:
            proxy = Proxy(server_port)
            await proxy.set_rule(Rule())
            return proxy

        proxy = self._call(make())
        self._proxies.append(proxy)
        return proxy

    @contextmanager
    def ruled(self, proxy: Proxy, rule: Rule) -> Iterator[Rule]:
        """The rule holds for the block."""
        self._call(proxy.set_rule(rule))
        try:
            yield rule
        finally:
            self._call(proxy.set_rule(Rule()))

    def close(self) -> None:
        """Closes all doors."""
        for proxy in self._proxies:
            self._call(proxy.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_TIMEOUT_S)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_TIMEOUT_S)
