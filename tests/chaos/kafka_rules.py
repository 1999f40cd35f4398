"""Rules for the door to Kafka, which look at whole requests of its protocol."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from chaos.proxy import Link, RequestRule

# The keys of requests (kafka.apache.org/protocol#protocol_api_keys).
PRODUCE = 0
OFFSET_COMMIT = 8
SIZE = struct.Struct(">i")
API_KEY = struct.Struct(">h")


@dataclass(frozen=True)
class Request:
    """A request to a broker."""

    raw: bytes

    @property
    def api_key(self) -> int:
        """What it asks for."""
        return API_KEY.unpack_from(self.raw, SIZE.size)[0]


@dataclass(frozen=True)
class Moment:
    """A request that is waited for: its key, and what it contains, such as the name of a topic or of a group."""

    api_key: int
    name: str

    def is_met_by(self, request: Request) -> bool:
        """Whether it is this one. Names stand in it behind their length."""
        if request.api_key != self.api_key:
            return False
        name = self.name.encode()
        # Older versions of the protocol write lengths in two bytes, newer ones as one more in a single byte.
        return any(length + name in request.raw for length in (API_KEY.pack(len(name)), bytes([len(name) + 1])))


class KafkaRule(RequestRule[Request]):
    """Looks at each request. Connections begin anew with it, so that none is met in the middle of one."""

    resets = True

    def take(self, link: Link) -> Request | None:
        """The next request, if all of it has come."""
        if len(link.pending) < SIZE.size:
            return None
        end = SIZE.size + SIZE.unpack_from(link.pending)[0]
        if len(link.pending) < end:
            return None
        raw, link.pending = link.pending[:end], link.pending[end:]
        return Request(raw)


class KillAt(KafkaRule):
    """Kills a process when it sends a certain request, some times: before the broker gets it, or when the broker has answered it."""

    def __init__(self, moment: Moment, times: int, kill: Callable[[], None], *, is_answered: bool = False) -> None:
        super().__init__()
        self._moment = moment
        self._times = times
        self._kill = kill
        self._is_answered = is_answered

    async def admits(self, link: Link, request: Request) -> bool:
        """All but the moment, unless that is to be answered."""
        if self.hits >= self._times or link.marked or not self._moment.is_met_by(request):
            return True
        self.hits += 1
        if self._is_answered:
            link.marked = True
            return True
        self._kill()
        link.reset()
        return False

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """Nothing from the moment's answer on."""
        if not link.marked:
            return data
        self._kill()
        link.reset()
        return b""


class LoseAnswers(KafkaRule):
    """The broker does what it is asked, and the connection breaks before its answer, for one such request in so many."""

    def __init__(self, moments: tuple[Moment, ...], one_in: int) -> None:
        super().__init__()
        self._moments = moments
        self._one_in = one_in
        self._seen = 0

    async def admits(self, link: Link, request: Request) -> bool:
        """Always; some are marked."""
        if any(moment.is_met_by(request) for moment in self._moments):
            self._seen += 1
            link.marked = link.marked or self._seen % self._one_in == 0
        return True

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """Nothing, if it was marked."""
        if not link.marked:
            return data
        self.hits += 1
        link.reset()
        return b""
