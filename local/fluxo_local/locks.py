"""Work that one launcher of this checkout does at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from fluxo_local.profile import LOCAL


@contextmanager
def one_at_a_time(work: str) -> Iterator[None]:
    """Lets one launcher of this checkout at a time do such work; another waits for it."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / f".{work}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
