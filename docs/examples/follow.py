"""Follows the feed, and remembers where it is only when what it read is done."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen


def follow(api: str, token: Callable[[], str], place: Path, handle: Callable[[dict[str, Any]], None]) -> bool:
    """Hands over one page of events, each at least once and in order. Call it again and again; true if there is more at once."""
    query = {"limit": "500", "wait": "20"}
    if place.exists():
        query["after"] = place.read_text()
    request = Request(f"{api}/events?{urlencode(query)}", headers={"Authorization": f"Bearer {token()}"})
    began = time.monotonic()
    with urlopen(request, timeout=35) as answer:
        page = json.load(answer)
    if not page["events"] and not page["has_more"] and time.monotonic() - began < 1:
        time.sleep(5)  # As many wait as may, so this request did not.
    for event in page["events"]:
        handle(event)
    place.with_suffix(".new").write_text(page["next"])
    place.with_suffix(".new").replace(place)
    return page["has_more"]
