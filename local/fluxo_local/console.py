"""Progress on the terminal: what is being done now, and how long each step took."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

ERASE_TO_END_OF_LINE = "\x1b[K"
COLOURS = {"bold": 1, "red": 31, "green": 32, "yellow": 33}


class Step:
    """One step under way. On a terminal its line shows the seconds spent and what it is at."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._started = time.monotonic()
        self._redraws = sys.stdout.isatty()
        self._second_shown = 0

    @property
    def duration_s(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def tick(self, detail: str = "") -> None:
        """Redraws the line, at most once a second, and only on a terminal."""
        second = int(self.duration_s)
        if not self._redraws or second == self._second_shown:
            return
        self._second_shown = second
        line = f"{self._title} ... {second} s"
        if any(character.isalnum() for character in detail):
            line += f"  ({detail.strip()})"
        # A longer line would wrap, and could not be drawn over.
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write(f"\r{line[:width]}{ERASE_TO_END_OF_LINE}")
        sys.stdout.flush()

    def finish(self, outcome: str) -> None:
        """Completes the line."""
        start = f"\r{self._title} ... " if self._redraws else ""
        sys.stdout.write(f"{start}{outcome}{ERASE_TO_END_OF_LINE if self._redraws else ''}\n")
        sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Prints `title ...` now, and the duration behind it when the block ends."""
    current = Step(title)
    sys.stdout.write(f"{title} ... ")
    sys.stdout.flush()
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
