"""A browser on this machine, as people use it: Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fluxo_local import node_tools, toolchain
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

AXE = node_tools.LINTERS.packages / "axe-core" / "axe.min.js"
# Nothing is asked of anybody but the page's own server.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# WCAG 2.2 at the levels A and AA.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def browser() -> Iterator[Browser]:
    """Starts it, with a profile of its own that is thrown away."""
    toolchain.require_browser()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def page(started: Browser, **options: Any) -> Iterator[Page]:
    """A page of somebody who was never here; fails if it logs an error, or meets the limits of its own content security policy."""
    context: BrowserContext = started.new_context(**({"locale": "pt-BR", "viewport": {"width": 1280, "height": 900}} | options))
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    try:
        yield opened
        assert faults == []
    finally:
        context.close()


def violations(opened: Page) -> list[str]:
    """What axe finds wrong with what is shown now."""
    opened.evaluate(AXE.read_text())
    found = opened.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)["violations"]
    return [f"{each['id']}: {node['html']} {node['failureSummary']}" for each in found for node in each["nodes"]]
