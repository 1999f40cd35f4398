"""Rules for the doors to PostgreSQL and Redis, which look for a moment in the stream."""

import asyncio
from collections.abc import Callable

from chaos.proxy import Link, Rule
from chaos.victims import Victim

# PostgreSQL's message that everything asked for is done, outside any transaction: all is committed.
READY = b"Z\x00\x00\x00\x05I"
POSTING = b"ledger.post("
# The beginning of what stands in Redis for a request that was accepted; a reservation begins in another way.
REMEMBERING = b"\r\naccepted "


class KillAfterCommit(Rule):
    """Kills the function that posts entries when PostgreSQL has committed and answered, before it gets the answer, some times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    async def to_server(self, link: Link, data: bytes) -> bytes:
        """All of it; a posting is marked."""
        if POSTING in data and self.hits < self._times:
            self.hits += 1
            link.marked = True
        return await super().to_server(link, data)

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """Nothing of the answer to a marked posting."""
        if not link.marked:
            return data
        if READY in data:
            await self.end(link)
            link.reset()
        return b""

    async def end(self, link: Link) -> None:
        """Kills whoever posts."""
        kill(await asyncio.to_thread(link.owner))


class KillServiceAfterCommit(KillAfterCommit):
    """The same for the only process of the second door that posts."""

    def __init__(self, times: int, kill_service: Callable[[], None]) -> None:
        super().__init__(times)
        self._kill_service = kill_service

    async def end(self, link: Link) -> None:
        """Kills it."""
        self._kill_service()


class KillBeforeRemembering(Rule):
    """Kills the function that is about to remember a request in Redis, before Redis gets to know, some times."""

    def __init__(self, function: str, times: int) -> None:
        super().__init__()
        self._function = function
        self._times = times

    async def to_server(self, link: Link, data: bytes) -> bytes:
        """All but the moment."""
        if REMEMBERING in data and self.hits < self._times:
            victim = link.owner()
            if victim and victim.function == self._function:
                self.hits += 1
                victim.kill()
                link.reset()
                return b""
        return await super().to_server(link, data)


class HangFor(Rule):
    """The connections of one function hang, and those of all others do not."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self._function = function

    async def to_server(self, link: Link, data: bytes) -> bytes:
        """What the function sends arrives when the rule is lifted."""
        victim = await asyncio.to_thread(link.owner)
        if victim and victim.function == self._function:
            self.hits += 1
            await self.lifted.wait()
        return await super().to_server(link, data)


class AnswerGarbage(Rule):
    """Redis answers what no Redis answers."""

    async def to_client(self, link: Link, data: bytes) -> bytes:
        """Something else of the same length."""
        self.hits += 1
        return bytes((byte * 7 + 13) % 256 for byte in data)


def kill(victim: Victim | None) -> None:
    """Kills it, if it is still there."""
    if victim:
        victim.kill()
