"""The inspector in a browser: real executions of every kind, drawn, followed live, searched, and brought back."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from deployed import browser as browsers
from deployed.merchant import Merchant, entry
from deployed.stack import Stack
from deployed.waiting import eventually
from fluxo_local import inspector, loopback, parked
from playwright.sync_api import Browser, Page, expect
from record_entries.scenarios import CONFLICTING, DEAD_LETTERED, NOT_POSTED, OVERTAKEN, RECORDED, RECORDED_BEFORE

pytestmark = pytest.mark.door("lambda", "The inspector draws executions, and the second door has none.")

TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)


@dataclass(frozen=True)
class Made:
    """Executions that every test of this file looks at, by what became of them."""

    merchant: Merchant
    names: dict[str, str]
    entries: dict[str, str]


@pytest.fixture(scope="module")
def made(stack: Stack) -> Made:
    """One execution of each kind, of one merchant."""
    merchant = Merchant(stack)
    stack.dead_letters.purge()
    posted = merchant.accepted(entry("742.90", type="debit", description="Leite e manteiga"), "new")
    good = merchant.recorded(posted).input
    entries = {"new": posted.body["id"]}
    again = {"duplicate": good, "conflict": changed(good, amount_minor="9999", fingerprint="ab" * 32)}
    refused = str(uuid.uuid4())
    entries["refused"] = refused
    again["refused"] = changed(good, id=refused, amount_minor="0", description="Lote de importação")
    original = merchant.accepted(entry("5.00"), "original").body["id"]
    eventually(lambda: merchant.look_up(original), lambda answer: answer.body.get("status") == "posted", "the entry to be posted")
    reversal = merchant.recorded(merchant.accepted_reversal(original, "reversal")).input
    again["overtaken"] = changed(reversal, id=str(uuid.uuid4()), fingerprint="cd" * 32)
    names = {}
    for kind, given in again.items():
        before = set(stack.workflow.names())
        stack.workflow.run(given)
        (names[kind],) = set(stack.workflow.names()) - before
    (names["new"],) = stack.workflow.names_for(entries["new"])

    # Its first attempt fails, one after it does not.
    with stack.ledger.refusing():
        entries["retried"] = merchant.accepted(entry(description="Embalagens"), "retried").body["id"]
        (names["retried"],) = stack.workflow.names_for(entries["retried"])
        stack.workflow.failing(names["retried"])
    stack.workflow.finished(names["retried"])
    batch = merchant.recorded_batch([entry("1.00", idempotency_key="one"), entry("2.00", idempotency_key="two")])
    entries["batch"] = batch.body["entries"][1]["id"]
    return Made(merchant, names, entries)


def changed(given: dict[str, Any], **changes: str) -> dict[str, Any]:
    """An input whose first entry is another."""
    return given | {"entries": [given["entries"][0] | changes]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browsers.page(browser) as opened:
        yield opened


def visit(page: Page, stack: Stack, query: str = "") -> None:
    """Opens the inspector, with what the address asks for."""
    page.goto(f"{stack.ids['inspector_url']}{query}")
    expect(page.locator("#main [data-state='ApplyToLedger']")).to_be_visible()


def drawn(page: Page) -> dict[str, str]:
    """How each state looks that was visited, in the order of the drawing."""
    found = page.locator("[data-state]").evaluate_all("all => all.map(each => [each.dataset.state, each.classList[1]])")
    return {name: look for name, look in found if look != "off"}


@pytest.mark.parametrize(
    ("kind", "pill", "states", "looks"),
    [
        ("new", "No saldo", RECORDED, ["ok", "ok", "ok"]),
        ("retried", "No saldo", RECORDED, ["ok", "ok", "ok"]),
        ("duplicate", "No saldo", RECORDED_BEFORE, ["ok", "ok", "warn", "ok"]),
        ("conflict", "conflito", CONFLICTING, ["ok", "ok", "warn", "ok"]),
        ("overtaken", "já estornado", OVERTAKEN, ["ok", "ok", "warn", "ok"]),
        ("refused", "mensagem morta", DEAD_LETTERED, ["caught", "refused", "refused"]),
    ],
)
def test_each_kind_of_execution_is_drawn_as_it_went(
    page: Page, stack: Stack, made: Made, kind: str, pill: str, states: list[str], looks: list[str]
) -> None:
    visit(page, stack, f"?execution={made.names[kind]}")
    expect(page.locator(".hd .pill")).to_have_text(pill)
    assert drawn(page) == dict(zip(states, looks, strict=True))
    entered = page.locator(".ev tr", has_text="StateEntered").locator("td:nth-child(3)").all_inner_texts()
    assert entered == states
    # What the first state was given is shown, and who gave it.
    expect(page.locator("#panel")).to_contain_text("ApplyToLedger")
    expect(page.locator("#panel pre").first).to_contain_text(made.merchant.id)


def test_attempts_are_shown_with_their_errors_and_the_pauses_between(page: Page, stack: Stack, made: Made) -> None:
    failed = len(stack.workflow.look(made.names["retried"]).failed_attempts)
    visit(page, stack, f"?entry={made.entries['retried']}")
    expect(page.locator("[data-state='ApplyToLedger'] .second")).to_have_text(re.compile(r"^✕ .+ ✓ [\d,]+ m?s\s*$"))
    bars = page.locator(".tl dd").first.locator("i").evaluate_all("all => all.map(each => each.className)")
    assert bars == ["failed", "pause"] * failed + ["done"]
    expect(page.locator("#panel")).to_contain_text(f"{failed + 1} de 6")
    expect(page.locator("#panel")).to_contain_text(f"Tentativa {failed + 1}, saída")
    expect(page.locator("#panel pre.er")).to_contain_text("LedgerUnavailable")
    expect(page.locator(".ev tr.er")).to_have_count(failed)
    expect(page.locator(".ev tr.er").first).to_contain_text("LedgerUnavailable: the ledger is unavailable")


def test_what_is_parked_is_followed_until_it_is_recorded(page: Page, stack: Stack, made: Made) -> None:
    delay = stack.environment("ReplayParked", REPLAY_DELAY_SECONDS="6")
    with delay, stack.ledger.refusing(), stack.waits_between_retries(0.1):
        entry_id = made.merchant.accepted(entry("512.80", description="Cartão de débito"), f"parked-{uuid.uuid4()}").body["id"]
        visit(page, stack, f"?entry={entry_id}")
        expect(page.locator("[data-state='ApplyToLedger']")).to_have_class(re.compile("running|caught"))
        expect(page.locator("[data-state='EntriesParked']")).to_have_class(re.compile("parked"))
        assert drawn(page) == dict(zip(NOT_POSTED, ["caught", "parked", "parked"], strict=True))
        expect(page.locator("[data-state='ApplyToLedger'] .second")).to_contain_text("6 de 6")
        expect(page.locator(".queue", has_text="Fila de espera")).to_contain_text("Cartão de débito")
        expect(page.locator(".gr .mark.parked")).to_have_text(re.compile("^volta (como|da fila como) r1"))
        page.screenshot(path=str(stack.profile.logs / "inspector-parked.png"), full_page=True)
    # Each repetition that failed doubles the pause before the next one.
    expect(page.locator(".hd .pill")).to_have_text("No saldo", timeout=3 * TIMEOUT_MS)
    tabs = page.locator(".ex a").all_inner_texts()
    assert tabs[0].startswith("1ª execução") and tabs[-1].endswith("concluída") and re.match(r"r\d+ · após ", tabs[-1])
    expect(page.locator("#said")).to_contain_text("Cartão de débito")
    # The way back is a click.
    page.locator(".ex a").first.click()
    expect(page.locator("[data-state='EntriesParked']")).to_have_class(re.compile("parked"))
    expect(page.locator(".gr .mark.parked")).to_have_text("rodou de novo como r1")


def test_executions_are_found_by_entry_merchant_outcome_name_and_time(page: Page, stack: Stack, made: Made) -> None:
    visit(page, stack)
    rows = page.locator("#list li a")
    page.get_by_label("Id de um lançamento ou nome de uma execução").fill(made.entries["batch"])
    expect(page.locator(".hd h1")).to_contain_text("Lote de 2 lançamentos")
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Ver todas").click()

    page.get_by_text("Filtros").click()
    page.get_by_label("Comerciante").fill(made.merchant.id)
    page.get_by_label("Situação").select_option("conflict")
    expect(rows).to_have_count(1)
    expect(rows.first).to_have_attribute("data-execution", made.names["conflict"])
    page.get_by_label("Iniciadas até").fill("2020-01-01T00:00:00")
    expect(rows).to_have_count(0)
    expect(page.locator("#list")).to_contain_text("Nenhuma execução")
    # What is found can be kept as a link.
    assert f"merchant={made.merchant.id}" in page.url and "kind=conflict" in page.url
    page.get_by_role("button", name="Limpar").click()
    expect(page.get_by_label("Comerciante")).to_have_value("")
    page.get_by_label("Id de um lançamento ou nome de uma execução").fill(made.names["refused"][:30])
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("mensagem morta")


def test_it_can_be_used_with_the_keyboard_alone(page: Page, stack: Stack, made: Made) -> None:
    visit(page, stack, f"?execution={made.names['retried']}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.state"):
            break
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-state='IdempotencyCheck']")).to_be_focused()
    expect(page.locator("[data-state='IdempotencyCheck']")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#panel")).to_contain_text("1 novo")
    before = page.url
    page.keyboard.press("j")
    expect(page).not_to_have_url(before)
    page.keyboard.press("/")
    expect(page.locator("#filter-q")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#filter-q")).to_have_value("j")
    page.keyboard.press("Escape")
    expect(page.locator("#filter-q")).to_have_value("")
    page.locator("#filter-q").blur()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize(
    ("theme", "language", "width"), [("light", "pt-BR", 380), ("dark", "pt-BR", 1280), ("light", "en", 1280), ("dark", "en", 380)]
)
def test_axe_finds_nothing_in_any_theme_or_language(
    browser: Browser, stack: Stack, made: Made, theme: Any, language: str, width: int
) -> None:
    with browsers.page(browser, locale=language, color_scheme=theme, viewport={"width": width, "height": 900}) as page:
        for kind in ("refused", "retried", "conflict"):
            visit(page, stack, f"?execution={made.names[kind]}")
            expect(page.locator("html")).to_have_attribute("lang", language)
            expect(page.locator("#panel pre").first).to_be_visible()
            expect(page.locator(".queue")).not_to_have_count(0)
            assert browsers.violations(page) == []
            page.screenshot(path=str(stack.profile.logs / f"inspector-{kind}-{theme}-{language}-{width}.png"), full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_language_and_the_theme_that_were_chosen_are_kept(page: Page, stack: Stack, made: Made) -> None:
    visit(page, stack, f"?execution={made.names['conflict']}")
    page.get_by_label("Idioma").select_option("en")
    page.get_by_label("Theme").select_option("dark")
    page.reload()
    expect(page.locator(".hd .pill")).to_have_text("conflict")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_dead_letters_are_brought_back_by_a_button_of_its_own_page_only(page: Page, stack: Stack, made: Made) -> None:
    port = urlsplit(stack.ids["inspector_url"]).port
    own = f"http://127.0.0.1:{port}"
    _, about = loopback.request_json(port, "GET", "/api/about")
    allowed = {"Origin": own, inspector.TOKEN_HEADER: about["token"]}
    assert letters(stack) != []
    for method, headers, status in [
        ("GET", allowed, 404),
        ("POST", {}, 403),
        ("POST", {"Origin": own}, 403),
        ("POST", allowed | {"Origin": "http://evil.example"}, 403),
        ("POST", allowed | {inspector.TOKEN_HEADER: "guessed"}, 403),
        ("POST", allowed | {"Host": f"evil.example:{port}"}, 421),
    ]:
        assert loopback.request(port, method, "/api/redrive", headers=headers)[0] == status, (method, headers)
    assert loopback.request(port, "GET", "/api/about", headers={"Host": f"evil.example:{port}"})[0] == 421
    before = letters(stack)

    visit(page, stack, f"?entry={made.entries['refused']}")
    page.get_by_role("button", name="Trazer a mensagem de volta").click()
    expect(page.locator("#said")).to_have_text("1 mensagem voltou à fila de espera.")
    # It can still not be posted, so replay-parked dead-letters it again, and says why.
    eventually(lambda: letters(stack), lambda now: now != [] and now != before, "the message to be dead-lettered again")
    expect(page.locator(".queue .reason")).to_contain_text("the input can never be posted")


def letters(stack: Stack) -> list[dict[str, Any]]:
    """What is in the dead-letter queue."""
    return [dict(message) for message in parked.messages(stack.ids, stack.ids["dead_letter_queue_url"])]


def test_the_console_leads_to_it(stack: Stack) -> None:
    host = {"Host": urlsplit(stack.ids["console_url"]).netloc}
    status, configuration = loopback.request_json(stack.ids["port"], "GET", "/config.json", headers=host)
    assert (status, configuration["inspector"]) == (200, {"kind": "local", "url": stack.ids["inspector_url"]})
