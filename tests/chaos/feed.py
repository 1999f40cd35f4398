"""A reader of a merchant's feed, who pages through it while things break, in pages of any size."""

import random
import threading
import time
from http.client import HTTPException
from typing import Any

from deployed.api import call

PAUSE_S = 0.5
PAGE_SIZES = (1, 7, 100, 500)
LARGEST = PAGE_SIZES[-1]
AFTER_OUTAGE_S = 60
OK = 200


class Reader:
    """Remembers what it has read, and where it goes on."""

    def __init__(self, url: str, token: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._url = url
        self._token = token
        self._after = ""
        self._chance = random.Random(token)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Reads again and again from now on."""
        self._thread = threading.Thread(target=self._follow, name="reader", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Reads nothing more."""
        self._stopped.set()
        if self._thread:
            self._thread.join()

    def read_to_the_end(self) -> list[dict[str, Any]]:
        """Reads until there is no more, and answers all that it has read."""
        deadline = time.monotonic() + AFTER_OUTAGE_S
        while (has_more := self._read(LARGEST)) is not False:
            if has_more is None:
                assert time.monotonic() < deadline, f"GET /events is not answered with 200 after {AFTER_OUTAGE_S} s"
                time.sleep(PAUSE_S)
        return self.events

    def _follow(self) -> None:
        while not self._stopped.wait(PAUSE_S):
            self._read(self._chance.choice(PAGE_SIZES))

    def _read(self, limit: int) -> bool | None:
        """Reads a page and says whether there is more; None if it was not answered."""
        after = f"&after={self._after}" if self._after else ""
        try:
            answer = call(f"{self._url}/events?limit={limit}{after}", "GET", self._token)
        except (OSError, HTTPException, ValueError):
            return None
        if answer.status != OK:
            return None
        self.events += answer.body["events"]
        self._after = answer.body["next"]
        return answer.body["has_more"]
