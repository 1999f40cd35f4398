"""The console in a browser, as a merchant's user has it open."""

from collections.abc import Iterator
from contextlib import contextmanager

from fluxo_local import users
from playwright.sync_api import Browser, Page

from deployed.stack import Stack

TIMEOUT_MS = 30_000


@contextmanager
def opened(browser: Browser, stack: Stack) -> Iterator[Page]:
    """The console as somebody opens it who was never here."""
    context = browser.new_context(locale="pt-BR", viewport={"width": 1280, "height": 900}, timezone_id="America/Sao_Paulo")
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.goto(stack.ids["console_url"])
    yield page
    context.close()


def sign_in(page: Page, stack: Stack, merchant: str, role: str = "clerk") -> None:
    """Signs in at the hosted pages, as the merchant's user of that role."""
    users.id_token(stack.profile, merchant, role)
    page.locator("main button.p").first.click()
    give_password(page, stack, merchant, role)
    page.locator("#main").wait_for()


def give_password(page: Page, stack: Stack, merchant: str, role: str = "clerk") -> None:
    """Fills in the hosted page that the browser is at."""
    page.locator("#username").fill(users.name_of(merchant, role))
    page.locator("#password").fill(users.password_of(stack.profile))
    page.locator("button[type=submit]").click()


def fetched(page: Page) -> None:
    """Waits for the parts that the page fetches once it is idle: what is needed next, also without a connection."""
    page.evaluate(
        """() => new Promise((resolve) =>
            new PerformanceObserver((marks) => marks.getEntriesByName("fluxo-fetched").length && resolve())
                .observe({ type: "mark", buffered: true }))"""
    )


def post(page: Page, amount: str, description: str) -> None:
    """Types a new entry and posts it, by the keyboard alone."""
    page.keyboard.press("n")
    page.locator("#entry-amount").fill(amount)
    page.locator("#entry-description").fill(description)
    page.keyboard.press("Control+Enter")
