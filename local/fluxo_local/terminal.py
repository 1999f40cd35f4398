"""Progress on the terminal: what is being done now, and how long each step took."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

ERASE_TO_END_OF_LINE = "\x1b[K"
COLOURS = {"bold": 1, "red": 31, "green": 32, "yellow": 33}
TERMINAL_INTERVAL_S = 1
# Whoever reads a log, or waits for one, wants to know that something happens.
LOG_INTERVAL_S = 10
LOG_WIDTH = 100


class Step:
    """One step under way. A terminal's line shows the seconds spent and what it is at; elsewhere a line tells so from time to time."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._started = time.monotonic()
        self._redraws = sys.stdout.isatty()
        self._shown_at_s = 0.0
        self._is_alone_on_its_line = True
        self._write(f"{title} ... ")

    @property
    def duration_s(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def tick(self, detail: str = "") -> None:
        """Says how far the step is, at most once in an interval."""
        now_s = self.duration_s
        if now_s - self._shown_at_s < (TERMINAL_INTERVAL_S if self._redraws else LOG_INTERVAL_S):
            return
        self._shown_at_s = now_s
        words = f"  ({detail.strip()})" if any(character.isalnum() for character in detail) else ""
        if self._redraws:
            # A longer line would wrap, and could not be drawn over.
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r{f'{self._title} ... {now_s:.0f} s{words}'[:width]}{ERASE_TO_END_OF_LINE}")
        else:
            if self._is_alone_on_its_line:
                self._write("\n")
                self._is_alone_on_its_line = False
            self._write(f"  {now_s:.0f} s{words[:LOG_WIDTH]}\n")

    def finish(self, outcome: str) -> None:
        """Completes the line."""
        if self._redraws:
            self._write(f"\r{self._title} ... {outcome}{ERASE_TO_END_OF_LINE}\n")
        else:
            self._write(f"{'' if self._is_alone_on_its_line else f'{self._title} ... '}{outcome}\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Prints `title ...` now, and the duration behind it when the block ends."""
    current = Step(title)
    try:
        yield current
    except BaseException:
        current.finish("stopped")
        raise
    current.finish(f"{current.duration_s:.1f} s")


def say(text: str = "") -> None:
    """Prints a line at once, also into a pipe or a log."""
    print(text, flush=True)


def paint(text: str, colour: str) -> str:
    """The text in a colour, on a terminal whose user has not declined colours (https://no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"
