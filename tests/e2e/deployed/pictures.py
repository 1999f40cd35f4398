"""Draws the pictures of the inspector for the documentation, on the running stack of a profile: `python -m deployed.pictures`."""

import argparse
import uuid

from fluxo_local.profile import CHECKOUT, Profile

from deployed import browser as browsers
from deployed.merchant import Merchant, entry
from deployed.stack import Stack

FOLDER = CHECKOUT / "docs" / "inspector"
MERCHANT = "padaria-aurora"
THEMES = ("light", "dark")
SIZE = {"width": 1280, "height": 860}


def retried(stack: Stack) -> str:
    """Posts an entry while the ledger refuses, and answers its id when it is recorded: at a later attempt."""
    merchant = Merchant(stack, MERCHANT)
    for number, (type_, amount, description) in enumerate(
        [("debit", "742.90", "Leite e manteiga, Laticínios Serra"), ("credit", "512.80", "Cartão de débito, lote 1")]
    ):
        merchant.recorded(merchant.accepted(entry(amount, type=type_, date=None, description=description), f"{uuid.uuid4()}-{number}"))
    with stack.ledger.refusing():
        posted = merchant.accepted(entry("189.05", type="debit", date=None, description="Embalagens, Papel & Cia"), str(uuid.uuid4()))
        (name,) = stack.workflow.names_for(posted.body["id"])
        stack.workflow.failing(name)
    assert stack.workflow.finished(name).failed_attempts
    return posted.body["id"]


def draw(stack: Stack, entry_id: str) -> None:
    """The page of that entry's execution, in each theme."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with browsers.browser() as browser:
        for theme in THEMES:
            with browsers.page(
                browser, viewport=SIZE, color_scheme=theme, reduced_motion="reduce", timezone_id="America/Sao_Paulo"
            ) as page:
                page.goto(f"{stack.ids['inspector_url']}?entry={entry_id}")
                page.locator("[data-state='ApplyToLedger'] .second", has_text="✕").wait_for()
                page.wait_for_load_state("networkidle")
                page.screenshot(path=str(FOLDER / f"retry-{theme}.png"))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="default", help="whose running stack it is (default: default)")
    stack = Stack(Profile(parser.parse_args().profile))
    draw(stack, retried(stack))


if __name__ == "__main__":
    main()
