import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { EntryRequest } from "../../src/api/types";
import { launch, settled, visit } from "./browser";
import { problem } from "./server/api";
import { fill, TODAY, YESTERDAY } from "./server/bakery";
import { idOf } from "./server/ledger";
import { TestServer } from "./server/server";

let browser: Browser;
let server: TestServer;

beforeAll(async () => void (browser = await launch()));
afterAll(() => browser.close());
beforeEach(async () => {
  server = await TestServer.start();
  fill(server.ledger);
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await server.stop();
});

const posted = (): number => server.ledger.entries.filter(({ line }) => line.description === "Fermento fresco").length;
const keys = (): (string | undefined)[] => server.posts("/entries").map((call) => call.headers["idempotency-key"]);

async function fillIn(page: Page, amount: string): Promise<void> {
  await page.keyboard.press("n");
  await page.locator("#entry-amount").fill(amount);
  await page.locator("#entry-description").fill("Fermento fresco");
}

test("an entry is followed until the balance of its day includes it", async () => {
  const { page, complaints } = await visit(browser, server, `/day/${YESTERDAY}`);
  const before = server.ledger.balance(YESTERDAY, "BRL").closing_balance;
  await fillIn(page, "-18,90");
  await page.keyboard.press("Control+Enter");
  await page.getByText("conferido com o comprovante").waitFor();
  await page.getByRole("heading", { name: "Débito lançado" }).waitFor();
  const call = server.posts("/entries")[0];
  expect(call?.body).toMatchObject({
    type: "debit",
    amount: "18.90",
    currency: "BRL",
    date: YESTERDAY,
    description: "Fermento fresco",
  });
  // The balance was asked for with the entry's own proof.
  const id = idOf("padaria-aurora", keys()[0] ?? "");
  expect(
    server.calls.some(
      (each) => each.path === `/daily-balances/${YESTERDAY}` && each.query.get("token") === `token-${id}`,
    ),
  ).toBe(true);
  expect(await page.locator("dialog dl").textContent()).toContain(before.replace(/(\d)(\d{3})\./, "$1.$2,"));
  await page.getByText("Ver no extrato").click();
  await page.locator(`#e-${id}`).waitFor();
  expect(complaints).toEqual([]);
});

test("a double click posts once", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "10");
  await page.getByRole("button", { name: /Lançar crédito/ }).dblclick();
  await page.getByText("conferido com o comprovante").waitFor();
  expect(keys()).toHaveLength(1);
  expect(posted()).toBe(1);
});

test("a reload in the middle of posting sends the same key again, and it is posted once", async () => {
  const { page } = await visit(browser, server, "/");
  // The first request is posted, and its answer never comes.
  let cut = true;
  server.intercept = (call) => {
    if (call.path !== "/entries" || call.method !== "POST" || !cut) return null;
    server.api.answer(call);
    return new Promise(() => undefined);
  };
  await fillIn(page, "10");
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => keys().length).toBe(1);
  cut = false;
  await page.reload();
  await page.getByText("Já tinha sido aceito antes").waitFor();
  expect(new Set(keys()).size).toBe(1);
  expect(posted()).toBe(1);
});

test("what is typed survives a reload, with its key", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "12,34");
  const key = await page.locator("dialog .key .m").textContent();
  await page.reload();
  await page.getByText("Retomamos o lançamento").waitFor();
  expect(await page.locator("#entry-amount").inputValue()).toBe("12,34");
  expect(await page.locator("dialog .key .m").textContent()).toBe(key);
});

test("503 and 429 are repeated under the same key, after the seconds that they say", async () => {
  const { page } = await visit(browser, server, "/");
  const refusals = [
    problem(503, "temporarily_unavailable", {}, { "Retry-After": "1" }),
    { status: 429, body: { message: "Too Many Requests" } },
  ];
  server.intercept = (call) => (call.path === "/entries" && call.method === "POST" ? (refusals.shift() ?? null) : null);
  await fillIn(page, "10");
  await page.keyboard.press("Control+Enter");
  await page.getByText("nada entra duas vezes").waitFor();
  await page.getByText("conferido com o comprovante").waitFor();
  expect(keys()).toHaveLength(3);
  expect(new Set(keys()).size).toBe(1);
  expect(posted()).toBe(1);
});

test("all faults are shown at their fields at once, and nothing is sent", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "18,905");
  await page.locator("#entry-date").fill("31/11/2026");
  await page.keyboard.press("Control+Enter");
  await page.getByText("Em reais, no máximo 2 casas decimais. Você digitou 3; nada é arredondado.").waitFor();
  await page.getByText("Esta data não existe no calendário").waitFor();
  expect(await page.locator("#entry-amount").getAttribute("aria-invalid")).toBe("true");
  expect(await page.locator("#entry-amount").getAttribute("aria-describedby")).toBe("entry-amount-fault");
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("entry-amount");
  expect(keys()).toEqual([]);
});

test("a fault that only the server sees is shown at its field", async () => {
  const { page } = await visit(browser, server, "/");
  server.intercept = (call) =>
    call.path === "/entries" && call.method === "POST"
      ? problem(400, "validation_failed", {
          errors: [
            { pointer: "/date", code: "too_late", detail: "must not be after 2026-11-20", limit: "2026-11-20" },
            // Of a later release than the page.
            { pointer: "/category", code: "not_in_plan", detail: "is not allowed here" },
          ],
        })
      : null;
  await fillIn(page, "10");
  await page.keyboard.press("Control+Enter");
  await page.locator("#entry-category-fault").waitFor();
  const fault = (field: string): Promise<string | null> => page.locator(`#entry-${field}-fault`).textContent();
  expect(await fault("date")).toBe("O dia não pode ser depois de 20/11/2026.");
  expect(await fault("category")).toBe("O servidor recusou: is not allowed here");
});

test("a used key shows what is on record beside what was sent, and posts under another key", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "194,60");
  const key = (await page.locator("dialog .key .m").textContent()) ?? "";
  server.ledger.post(key, {
    type: "credit",
    amount: "186.40",
    date: TODAY,
    description: "Embalagens",
    currency: "BRL",
  });
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: /Não foi lançado/ }).waitFor();
  await page.getByRole("row", { name: /Valor/ }).waitFor();
  const row = await page.getByRole("row", { name: /Valor/ }).textContent();
  expect(row).toContain("186,40");
  expect(row).toContain("194,60");
  await page.getByRole("button", { name: "Lançar com outra chave" }).click();
  await page.getByText("conferido com o comprovante").waitFor();
  expect(new Set(keys()).size).toBe(2);
  expect(posted()).toBe(1);
});

test("a large amount is reviewed before it is sent", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "12.345,00");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: "Confira antes de lançar" }).waitFor();
  expect(keys()).toEqual([]);
  await page.getByRole("button", { name: /Confirmar/ }).click();
  await page.getByText("conferido com o comprovante").waitFor();
  expect((server.posts("/entries")[0]?.body as EntryRequest).amount).toBe("12345.00");
});

test("saving and adding another keeps the form open with a new key", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "10");
  await page.getByRole("button", { name: "Lançar e criar outro" }).click();
  await expect.poll(() => page.locator("#entry-amount").inputValue()).toBe("");
  await page.locator("#entry-amount").fill("11");
  await page.locator("#entry-description").fill("Fermento fresco");
  await page.keyboard.press("Control+Enter");
  await page.getByText("conferido com o comprovante").waitFor();
  expect(new Set(keys()).size).toBe(2);
  expect(posted()).toBe(2);
});

test("closing asks only when something was typed", async () => {
  const { page } = await visit(browser, server, "/");
  await page.keyboard.press("n");
  await page.locator("#entry-amount").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await fillIn(page, "10");
  await page.keyboard.press("Escape");
  await page.getByText("Descartar?").waitFor();
  await page.getByRole("button", { name: "Descartar" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.reload();
  await settled(page);
  expect(await page.locator("dialog").count()).toBe(0);
});

test("Escape again and again takes no typed form away, and what is under way stays in sight", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "10");
  const form = page.locator("#entry-amount");
  for (let pressed = 0; pressed < 4; pressed++) {
    await page.keyboard.press("Escape");
    expect(await form.isVisible()).toBe(true);
  }
  let answer = (): void => undefined;
  server.intercept = async (call) => {
    if (call.path === "/entries" && call.method === "POST") await new Promise<void>((resolve) => (answer = resolve));
    return null;
  };
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => keys().length).toBe(1);
  for (let pressed = 0; pressed < 4; pressed++) {
    await page.keyboard.press("Escape");
    expect(await page.locator("dialog").isVisible()).toBe(true);
  }
  answer();
  await page.getByText("conferido com o comprovante").waitFor();
  expect(posted()).toBe(1);
});

test("a dialog that the browser closes by itself is opened again and asks", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "10");
  // What Chrome does at the second back gesture of a phone.
  await page.locator("dialog").evaluate((dialog: HTMLDialogElement) => dialog.close());
  await page.getByText("Descartar?").waitFor();
  await page.getByRole("button", { name: "Descartar" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
});

test("the form opens at its amount", async () => {
  const { page } = await visit(browser, server, "/");
  await page.keyboard.press("n");
  await page.locator("#entry-amount").waitFor();
  await page.keyboard.type("18,90");
  expect(await page.locator("#entry-amount").inputValue()).toBe("18,90");
});

test("an entry that loses its connection on the way is kept at once, and sent once", async () => {
  const { page, context } = await visit(browser, server, "/");
  await page.route(
    "**/api/entries",
    async (route) => {
      await context.setOffline(true);
      await route.abort("internetdisconnected");
    },
    { times: 1 },
  );
  await fillIn(page, "18,90");
  await page.keyboard.press("Control+Enter");
  // Before it would have been repeated: the first pause is a second.
  await page.getByText("1 lançamento não enviado").waitFor({ timeout: 900 });
  await context.setOffline(false);
  await page.getByText("1 lançamento guardado foi enviado").waitFor();
  expect(posted()).toBe(1);
});

test("offline, an entry is kept as not sent, and sent once when the connection is back", async () => {
  const { page, context } = await visit(browser, server, "/");
  await fillIn(page, "10");
  await context.setOffline(true);
  await page.keyboard.press("Control+Enter");
  await page.getByRole("region", { name: "1 lançamento não enviado" }).waitFor();
  expect(keys()).toEqual([]);
  const second = await context.newPage();
  await context.setOffline(false);
  await second.goto(server.url);
  await page.getByRole("region", { name: "1 lançamento não enviado" }).waitFor({ state: "detached" });
  await expect.poll(posted).toBe(1);
  expect(new Set(keys()).size).toBe(1);
});

test("a session that ends in the middle keeps what was typed for after the next sign-in", async () => {
  const { page } = await visit(browser, server, "/");
  await fillIn(page, "10");
  server.expireTokens();
  server.refreshRefused = true;
  await page.keyboard.press("Control+Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Entrar de novo" }).click();
  server.refreshRefused = false;
  await page.getByText("conferido com o comprovante").waitFor();
  expect(posted()).toBe(1);
});

test("a sign within is no sign: a pasted date or sum is not an amount", async () => {
  const { page } = await visit(browser, server, "/");
  await page.keyboard.press("n");
  for (const text of ["2026-11-28", "50+20"]) {
    await page.locator("#entry-amount").fill(text);
    expect(await page.locator("#entry-amount").inputValue()).toBe(text);
    await page.keyboard.press("Control+Enter");
    await page.getByText("Isto não é um valor como").waitFor();
  }
  await page.locator("#entry-amount").fill("18,90-");
  expect(await page.locator("#entry-amount").inputValue()).toBe("18,90");
  expect(server.posts("/entries")).toHaveLength(0);
});
