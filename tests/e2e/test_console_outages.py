"""Stores, the API and the session fail while the console is open: it says so in words, loses nothing, and comes back by itself."""

import re
import time
from collections.abc import Iterator

import pytest
from deployed import browser as browsers
from deployed import console
from deployed.api import call
from deployed.merchant import Merchant, entry
from deployed.stack import Stack
from playwright.sync_api import Browser, Page, Request, Route, expect

TIMEOUT_MS = console.TIMEOUT_MS
# What the page says while it repeats a question that was answered with 503.
AGAIN = re.compile(r"Uma parte do sistema .+ Nova tentativa em \d+ s")
# An outage of some seconds is over sooner than the state machine would try again.
SHORT_WAITS = 0.2
HOUR_S = 3600


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of this file."""
    with browsers.browser() as started:
        yield started


@pytest.fixture
def page(browser: Browser, stack: Stack, merchant: Merchant) -> Iterator[Page]:
    """The console of a clerk who has 100.00 today. It is never loaded again, unless a test leaves it by itself."""
    first = merchant.accepted(entry("100.00", date=None, description="Vendas do balcão"), "first")
    merchant.recorded(first)
    with console.opened(browser, stack) as page, stack.waits_between_retries(SHORT_WAITS):
        console.sign_in(page, stack, merchant.id)
        balance_is(page, "100,00")
        page.evaluate("window.untouched = true")
        yield page


def test_while_the_ledger_is_down_balances_show_and_entries_wait(page: Page, stack: Stack, merchant: Merchant) -> None:
    with stack.ledger.refusing():
        console.post(page, "18,90", "Fermento fresco")
        expect(page.get_by_role("heading", name="Crédito aceito")).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_text("Pendente: entra no livro em instantes.")).to_be_visible()
        page.keyboard.press("Escape")
        balance_is(page, "100,00")
        go(page, "Dia")
        expect(page.get_by_text(AGAIN).first).to_be_visible(timeout=TIMEOUT_MS)
        # The day's balance is not of the ledger.
        expect(page.locator("#main").get_by_text("100,00").first).to_be_visible()
    expect(page.get_by_text("Fermento fresco")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_text("Uma parte do sistema")).to_have_count(0, timeout=TIMEOUT_MS)
    go(page, "Saldos")
    balance_is(page, "118,90")
    untouched(page)
    assert amounts(merchant) == [100_00, 18_90]


def test_while_redis_hangs_everything_works(page: Page, stack: Stack, merchant: Merchant) -> None:
    with stack.hanging("Redis"):
        console.post(page, "-18,90", "Fermento fresco")
        expect(page.get_by_role("heading", name="Débito lançado")).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_text("conferido com o comprovante")).to_be_visible(timeout=TIMEOUT_MS)
        page.get_by_text("Ver no extrato").click()
        expect(page.get_by_text("Fermento fresco").first).to_be_visible(timeout=TIMEOUT_MS)
        go(page, "Saldos")
        balance_is(page, "81,10")
        expect(page.get_by_text("Uma parte do sistema")).to_have_count(0)
    untouched(page)
    assert amounts(merchant) == [100_00, 18_90]


def test_while_balances_cannot_be_read_the_page_says_so_and_entries_wait(page: Page, stack: Stack, merchant: Merchant) -> None:
    with stack.balances_hanging():
        go(page, "Dia")
        expect(page.get_by_text(AGAIN).first).to_be_visible(timeout=TIMEOUT_MS)
        console.post(page, "18,90", "Fermento fresco")
        expect(page.get_by_role("heading", name="Crédito lançado")).to_be_visible(timeout=TIMEOUT_MS)
        expect(page.get_by_text("O saldo o inclui em seguida.")).to_be_visible()
        # What was read before stays, and no figure is made up from it.
        go_without_drawer(page, "Saldos")
        expect(page.get_by_text(AGAIN).first).to_be_visible(timeout=TIMEOUT_MS)
        balance_is(page, "100,00")
    balance_is(page, "118,90")
    expect(page.get_by_text("Uma parte do sistema")).to_have_count(0, timeout=TIMEOUT_MS)
    untouched(page)
    assert amounts(merchant) == [100_00, 18_90]


def test_an_entry_that_is_posted_without_a_connection_is_sent_once(page: Page, merchant: Merchant) -> None:
    console.fetched(page)
    page.context.set_offline(True)
    console.post(page, "18,90", "Fermento fresco")
    expect(page.get_by_text("1 lançamento não enviado.")).to_be_visible(timeout=TIMEOUT_MS)
    balance_is(page, "100,00")
    assert amounts(merchant) == [100_00]
    page.context.set_offline(False)
    expect(page.get_by_text("1 lançamento guardado foi enviado")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_text("não enviado.")).to_have_count(0)
    balance_is(page, "118,90")
    untouched(page)
    assert amounts(merchant) == [100_00, 18_90]


def test_an_entry_whose_answer_is_lost_with_the_connection_is_posted_once(page: Page, stack: Stack, merchant: Merchant) -> None:
    def take_and_say_nothing(route: Route) -> None:
        """The API accepts the entry; nobody here learns of it."""
        deliver(route.request, stack)
        page.context.set_offline(True)
        route.abort("internetdisconnected")

    page.route("**/api/entries", take_and_say_nothing, times=1)
    console.post(page, "18,90", "Fermento fresco")
    expect(page.get_by_text("1 lançamento não enviado.")).to_be_visible(timeout=TIMEOUT_MS)
    page.context.set_offline(False)
    expect(page.get_by_text("1 lançamento guardado foi enviado")).to_be_visible(timeout=TIMEOUT_MS)
    balance_is(page, "118,90")
    untouched(page)
    assert amounts(merchant) == [100_00, 18_90]


def test_while_only_the_api_is_gone_the_form_waits_and_posts_once(page: Page, stack: Stack, merchant: Merchant) -> None:
    sent: list[str] = []

    def take_and_break(route: Route) -> None:
        """The API accepts the entry at the first try; each answer is lost."""
        sent.append(route.request.headers["idempotency-key"])
        if len(sent) == 1:
            deliver(route.request, stack)
        route.abort("connectionreset")

    page.route("**/api/entries", take_and_break, times=2)
    console.post(page, "18,90", "Fermento fresco")
    expect(page.get_by_text(re.compile(r"Nova tentativa em \d+ s; nada entra duas vezes"))).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_text("conferido com o comprovante")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_text("Já tinha sido aceito antes com esta chave")).to_be_visible()
    assert len(sent) == 2
    assert len(set(sent)) == 1
    untouched(page)
    assert amounts(merchant) == [100_00, 18_90]


def test_what_is_typed_outlives_a_session_that_ends(page: Page, stack: Stack, merchant: Merchant) -> None:
    page.keyboard.press("n")
    page.locator("#entry-amount").fill("18,90")
    page.locator("#entry-description").fill("Fermento fresco")
    # The token's hour is over, and the pool has taken back what would renew it.
    refresh_token = page.evaluate("JSON.parse(sessionStorage.getItem('fluxo.refresh')).refreshToken")
    stack.client("cognito-idp").revoke_token(Token=refresh_token, ClientId=stack.ids["web_client_id"])
    page.clock.set_system_time(time.time() + 2 * HOUR_S)
    page.keyboard.press("Control+Enter")
    dialog = page.locator("dialog")
    expect(dialog.get_by_text("Sua sessão terminou. Entre de novo; o que você digitou fica aqui.")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.locator("#entry-amount")).to_have_value("18,90")
    expect(page.locator("#entry-description")).to_have_value("Fermento fresco")
    untouched(page)
    assert amounts(merchant) == [100_00]
    page.clock.set_system_time(time.time())
    dialog.get_by_role("button", name="Entrar de novo").click()
    console.give_password(page, stack, merchant.id)
    # It goes on where it was stopped, under the same key.
    expect(page.get_by_text("conferido com o comprovante")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.locator("dialog").get_by_text("Fermento fresco")).to_be_visible()
    assert amounts(merchant) == [100_00, 18_90]


def deliver(request: Request, stack: Stack) -> None:
    """The entry that the page sends reaches the API, which accepts it. By its own address: only browsers know the console's."""
    token = request.headers["authorization"].removeprefix("Bearer ")
    key = {"Idempotency-Key": request.headers["idempotency-key"]}
    assert call(f"{stack.url}/entries", "POST", token, request.post_data_json, key).status == 202


def go(page: Page, name: str) -> None:
    """Follows a link of the top bar."""
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).first.click()


def go_without_drawer(page: Page, name: str) -> None:
    """The same, after the drawer is closed."""
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    go(page, name)


def balance_is(page: Page, amount: str) -> None:
    """Today's balance, the large figure of the first screen, comes to be this."""
    expect(page.locator("#main p.big")).to_have_text(re.compile(rf"R\${re.escape(amount)}$"), timeout=TIMEOUT_MS)


def untouched(page: Page) -> None:
    """The page was not loaded again."""
    assert page.evaluate("window.untouched === true")


def amounts(merchant: Merchant) -> list[int]:
    """What the ledger holds of the merchant, in cents: one amount for each entry."""
    return [each["amount_minor"] for each in merchant.entries()]
