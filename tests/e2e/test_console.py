"""The console as a shopkeeper uses it: in a browser, signed in at the hosted pages, on the deployed stack."""

import uuid
from collections.abc import Iterator

import pytest
from deployed import browser as browsers
from deployed import console
from deployed.stack import Stack
from playwright.sync_api import Browser, Page, expect


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of this file."""
    with browsers.browser() as started:
        yield started


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The console as somebody opens it who was never here."""
    with console.opened(browser, stack) as page:
        yield page


def test_a_clerk_signs_in_and_posts_an_entry_that_the_balance_shows(page: Page, stack: Stack) -> None:
    merchant = f"padaria-{uuid.uuid4().hex[:8]}"
    console.sign_in(page, stack, merchant)
    # No code and no token stays in the address.
    assert page.url.removeprefix(stack.ids["console_url"]).strip("/?#") == ""
    console.post(page, "-18,90", "Fermento fresco")
    page.get_by_role("heading", name="Débito lançado").wait_for()
    page.get_by_text("conferido com o comprovante").wait_for()
    page.get_by_text("Ver no extrato").click()
    expect(page.get_by_text("Fermento fresco").first).to_be_visible(timeout=console.TIMEOUT_MS)


def test_a_viewer_reads_and_is_offered_nothing_to_write(page: Page, stack: Stack) -> None:
    console.sign_in(page, stack, f"padaria-{uuid.uuid4().hex[:8]}", "viewer")
    expect(page.get_by_text("Saldo de hoje").first).to_be_visible(timeout=console.TIMEOUT_MS)
    expect(page.get_by_text("Novo lançamento")).to_have_count(0)
