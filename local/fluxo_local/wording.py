"""Times and numbers as a person on call reads them: in UTC, as logs and consoles of AWS have them."""

from datetime import datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86400


def moment(at: datetime) -> str:
    """`2026-11-22 15:00:02 UTC`."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    """`15:00:02.113`."""
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


def pause(duration: timedelta) -> str:
    """`0.8 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `6 d 2 h`: precise enough to act upon."""
    seconds = max(duration.total_seconds(), 0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"


def counted(count: int, noun: str) -> str:
    """`1 input`, `1,200 inputs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
