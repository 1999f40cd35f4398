"""Rules for doors to AWS services, which look at whole requests."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chaos.proxy import Link, RequestRule
from chaos.victims import Victim

END_OF_HEADERS = b"\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """A request to an AWS service that speaks JSON."""

    raw: bytes
    operation: str
    body: dict[str, Any]


class HttpRule(RequestRule[Request]):
    """Looks at each request."""

    def take(self, link: Link) -> Request | None:
        """The next request, if all of it has come."""
        head, end, rest = link.pending.partition(END_OF_HEADERS)
        if not end:
            return None
        headers = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return None
        link.pending = rest[length:]
        operation = next((line for line in head.decode("latin-1").split("\r\n") if line.lower().startswith("x-amz-target:")), "")
        return Request(head + end + rest[:length], operation.rpartition(".")[2], json.loads(rest[:length] or b"{}"))


def error_answer(status: int, error_type: str, message: str) -> bytes:
    """An error as an AWS service that speaks JSON answers it."""
    body = json.dumps({"__type": error_type, "message": message}).encode()
    head = f"HTTP/1.1 {status} Error\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Throttle(HttpRule):
    """DynamoDB has no capacity left."""

    async def admits(self, link: Link, request: Request) -> bool:
        """Never."""
        self.hits += 1
        error = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
        link.answer(error_answer(400, error, "The level of configured provisioned throughput for the table was exceeded."))
        return False


class ResetAnswers(HttpRule):
    """The service does what it is asked, and the connection breaks in the middle of its answer, for one request in so many."""

    def __init__(self, operation: str, one_in: int) -> None:
        super().__init__()
        self._operation = operation
        self._one_in = one_in
        self._seen = 0

    async def admits(self, link: Link, request: Request) -> bool:
        """Always; some are marked."""
        if request.operation == self._operation:
            self._seen += 1
            link.marked = self._seen % self._one_in == 0
        return True

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """The first half of an answer, and then nothing more."""
        if not link.marked:
            return data
        self.hits += 1
        link.answer(data[: len(data) // 2])
        await link.writer.drain()
        link.reset()
        return b""


class KillSender(HttpRule):
    """Kills a function when its request arrives, before the service gets it, some times."""

    def __init__(self, function: str, operation: str, times: int) -> None:
        super().__init__()
        self._function = function
        self._operation = operation
        self._times = times

    async def admits(self, link: Link, request: Request) -> bool:
        """Whether the function is to live."""
        if self.hits >= self._times or request.operation != self._operation:
            return True
        victim = link.owner()
        if not victim or victim.function != self._function:
            return True
        self.hits += 1
        victim.kill()
        link.reset()
        return False


class KillAtRandom(HttpRule):
    """Kills functions at requests that chance chooses, each function some times.

    They die in turn before the service gets the request, and when it has done what it was asked and before they know.
    """

    def __init__(self, times: dict[str, int], one_in: int, chance: random.Random) -> None:
        super().__init__()
        # How often each function, by its name, is still to die.
        self.left = dict(times)
        # Who died, and when.
        self.moments: list[tuple[str, str]] = []
        self._one_in = one_in
        self._chance = chance
        # Who dies when the answer comes.
        self._doomed: dict[Link, tuple[Victim, str]] = {}

    @property
    def is_done(self) -> bool:
        """Whether all have died that are to die."""
        return not any(self.left.values()) and not self._doomed

    async def admits(self, link: Link, request: Request) -> bool:
        """Whether the function lives, so far."""
        if not any(self.left.values()) or self._chance.randrange(self._one_in):
            return True
        victim = link.owner()
        if not victim or not self.left.get(victim.function):
            return True
        self.left[victim.function] -= 1
        if self.left[victim.function] % 2:
            self._doomed[link] = victim, request.operation
            return True
        self._kill(victim, link, f"before {request.operation}")
        return False

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """Kills who is to die now."""
        if link not in self._doomed:
            return data
        victim, operation = self._doomed.pop(link)
        self._kill(victim, link, f"after {operation}")
        return b""

    def _kill(self, victim: Victim, link: Link, moment: str) -> None:
        self.hits += 1
        self.moments.append((victim.function, moment))
        victim.kill()
        link.reset()


class KillAtRequest(HttpRule):
    """Kills a process of the second door when one of its requests arrives, before the service gets it, after it has let some pass."""

    def __init__(self, operation: str, after: int, times: int, kill: Callable[[], None]) -> None:
        super().__init__()
        self._operation = operation
        self._after = after
        self._times = times
        self._kill = kill
        self._passed = 0

    async def admits(self, link: Link, request: Request) -> bool:
        """Whether the process is to live."""
        if self.hits >= self._times or request.operation != self._operation:
            return True
        self._passed += 1
        if self._passed <= self._after:
            return True
        self._passed = 0
        self.hits += 1
        self._kill()
        link.reset()
        return False


class KillBetweenWrites(HttpRule):
    """Kills a function that has written one of its items and sends the next, some times.

    It writes them at once, over a connection each: the first to arrive is let through and answered, then the others kill.
    """

    def __init__(self, function: str, times: int) -> None:
        super().__init__()
        self._function = function
        self._left = times
        # By process, of those that are to die: whether the first item is written.
        self._written: dict[int, asyncio.Event] = {}

    async def admits(self, link: Link, request: Request) -> bool:
        """Whether it is the first, or of a process that is to live."""
        victim = link.owner() if request.operation == "UpdateItem" else None
        if not victim or victim.function != self._function:
            return True
        written = self._written.get(victim.process_id)
        if not written:
            if self._left:
                self._left -= 1
                self._written[victim.process_id] = asyncio.Event()
                link.marked = True
            return True
        await written.wait()
        # Of several that waited, the first kills.
        if self._written.pop(victim.process_id, None):
            self.hits += 1
            victim.kill()
        link.reset()
        return False

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """Notes that the first item is written."""
        if link.marked:
            link.marked = False
            victim = link.owner()
            if victim and victim.process_id in self._written:
                self._written[victim.process_id].set()
        return data


class Deliver(HttpRule):
    """Every execution is started several times at once, as an EXPRESS one may be: the same input under other names."""

    def __init__(self, times: int, start: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._times = times
        self._start = start

    async def admits(self, link: Link, request: Request) -> bool:
        """Always, beside the others."""
        if request.operation == "StartExecution":
            self.hits += 1
            copies = [request.body | {"name": f"{request.body['name']}-again-{number}"} for number in range(1, self._times)]
            for copy in copies:
                asyncio.get_running_loop().run_in_executor(None, self._start, copy)
        return True
