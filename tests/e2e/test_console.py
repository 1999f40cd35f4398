"""The console as a shopkeeper uses it: in a browser, signed in at the hosted pages, on the deployed stack."""

import uuid
from collections.abc import Iterator

import pytest
from deployed import browser as browsers
from deployed.stack import Stack
from fluxo_local import users
from playwright.sync_api import Browser, Page, expect

TIMEOUT_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of this file."""
    with browsers.browser() as started:
        yield started


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The console as somebody opens it who was never here."""
    context = browser.new_context(locale="pt-BR", viewport={"width": 1280, "height": 900}, timezone_id="America/Sao_Paulo")
    context.set_default_timeout(TIMEOUT_MS)
    opened = context.new_page()
    opened.goto(stack.ids["console_url"])
    yield opened
    context.close()


def sign_in(page: Page, stack: Stack, merchant: str, role: str) -> None:
    """Signs in at the hosted pages, as the merchant's user of that role."""
    users.id_token(stack.profile, merchant, role)
    page.locator("main button.p").first.click()
    page.locator("#username").fill(users.name_of(merchant, role))
    page.locator("#password").fill(users.password_of(stack.profile))
    page.locator("button[type=submit]").click()
    page.locator("#main").wait_for()


def test_a_clerk_signs_in_and_posts_an_entry_that_the_balance_shows(page: Page, stack: Stack) -> None:
    merchant = f"padaria-{uuid.uuid4().hex[:8]}"
    sign_in(page, stack, merchant, "clerk")
    # No code and no token stays in the address.
    assert page.url.removeprefix(stack.ids["console_url"]).strip("/?#") == ""
    page.keyboard.press("n")
    page.locator("#entry-amount").fill("-18,90")
    page.locator("#entry-description").fill("Fermento fresco")
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Débito lançado").wait_for()
    page.get_by_text("conferido com o comprovante").wait_for()
    page.get_by_text("Ver no extrato").click()
    expect(page.get_by_text("Fermento fresco").first).to_be_visible(timeout=TIMEOUT_MS)


def test_a_viewer_reads_and_is_offered_nothing_to_write(page: Page, stack: Stack) -> None:
    sign_in(page, stack, f"padaria-{uuid.uuid4().hex[:8]}", "viewer")
    expect(page.get_by_text("Saldo de hoje").first).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_text("Novo lançamento")).to_have_count(0)
