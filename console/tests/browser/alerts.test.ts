import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch, visit } from "./browser";
import { problem } from "./server/api";
import { fill, TODAY } from "./server/bakery";
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

const PATH = "/integrations/alerts";
const puts = (): unknown[] => server.calls.filter(({ method }) => method === "PUT").map(({ body }) => body);
const focused = (page: Page): Promise<string> => page.evaluate(() => document.activeElement?.id ?? "");

async function type(page: Page, threshold: string): Promise<void> {
  await page.getByRole("button", { name: /^(Novo alerta|New alert)$/ }).click();
  await page.locator("#alert-threshold").fill(threshold);
}

test("an alert is set with the amount as one types it, and says how it stands", async () => {
  const { page, complaints } = await visit(browser, server, PATH);
  await page.getByText("Nenhum alerta ainda.").waitFor();
  await type(page, "1.234,5");
  await page.getByRole("button", { name: "Criar o alerta" }).dblclick();
  await page.getByText(/Avisar quando o saldo de hoje ficar abaixo de R\$\s1\.234,50/).waitFor();
  await page.getByText("Dentro do limite").waitFor();
  expect(puts()).toEqual([{ currency: "BRL", direction: "below", threshold: "1234.50" }]);
  expect(await focused(page)).toBe(`alert-${server.api.alerts.kept[0]?.id}`);
  expect(complaints).toEqual([]);
});

test("an amount is read as the language of the page writes it", async () => {
  const { page } = await visit(browser, server, PATH, { language: "en-US" });
  await type(page, "-1,234.5");
  await page.locator("#alert-direction").selectOption("above");
  await page.locator("#alert-currency").selectOption("USD");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText(/rises above −\u2060\$\s1,234\.50/).waitFor();
  expect(puts()).toEqual([{ currency: "USD", direction: "above", threshold: "-1234.50" }]);
});

test("what is no amount is told before it is sent, and nothing is rounded", async () => {
  const { page } = await visit(browser, server, PATH);
  await type(page, "18,905");
  await page.keyboard.press("Enter");
  await page.getByText("Em reais, no máximo 2 casas decimais. Você digitou 3; nada é arredondado.").waitFor();
  expect(await focused(page)).toBe("alert-threshold");
  await page.locator("#alert-threshold").fill("");
  await page.keyboard.press("Enter");
  await page.getByText("Digite o limite.").waitFor();
  expect(puts()).toEqual([]);
});

test("a change says which threshold it replaces, and there is one alert for a currency and direction", async () => {
  server.api.alerts.set({ threshold: "500.00", direction: "below" });
  const { page } = await visit(browser, server, PATH);
  await page.getByRole("button", { name: /^Mudar: Avisar quando o saldo de hoje ficar abaixo de R\$\s500,00/ }).click();
  await page.getByText(/Já há um alerta assim, de R\$\s500,00/).waitFor();
  expect(await page.locator("#alert-threshold").inputValue()).toBe("500,00");
  await page.locator("#alert-threshold").fill("900");
  await page.getByRole("button", { name: "Trocar o limite" }).click();
  await page.getByText(/abaixo de R\$\s900,00/).waitFor();
  expect(await page.locator("main li").count()).toBe(1);
});

test("removing is asked for first", async () => {
  server.api.alerts.set({ threshold: "500.00", direction: "below" });
  const { page } = await visit(browser, server, PATH);
  await page.getByRole("button", { name: /^Remover:/ }).click();
  await page.keyboard.press("Escape");
  expect(server.api.alerts.kept).toHaveLength(1);
  await page.getByRole("button", { name: /^Remover:/ }).click();
  await page.getByRole("button", { name: "Remover o alerta" }).click();
  await page.getByText("Nenhum alerta ainda.").waitFor();
  expect(server.api.alerts.kept).toEqual([]);
});

test("an entry that crosses the threshold is seen in the alert's status", async () => {
  const now = server.ledger.balance(TODAY, "BRL").closing_balance;
  server.api.alerts.set({ threshold: now, direction: "above" });
  const { page } = await visit(browser, server, PATH);
  await page.getByText("Dentro do limite").waitFor();
  await page.keyboard.press("n");
  await page.locator("#entry-amount").fill("0,01");
  await page.keyboard.press("Control+Enter");
  await page.getByText("conferido com o comprovante").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("o saldo passou do limite").waitFor();
});

test("503 is repeated, since the same threshold twice is the same alert", async () => {
  const { page } = await visit(browser, server, PATH);
  let refusals = 1;
  server.intercept = (call) =>
    call.method === "PUT" && refusals-- > 0
      ? problem(503, "temporarily_unavailable", {}, { "Retry-After": "1" })
      : null;
  await type(page, "10");
  await page.getByRole("button", { name: "Criar o alerta" }).click();
  await page.getByText("Nova tentativa em 1 s.").waitFor();
  await page.getByText(/abaixo de R\$\s10,00/).waitFor();
  expect(puts()).toHaveLength(2);
  expect(server.api.alerts.kept).toHaveLength(1);
});

test("who only reads sees alerts without actions", async () => {
  server.api.alerts.set({ threshold: "500.00", direction: "below" });
  server.user = { groups: [], name: "Caio Leitor" };
  const { page } = await visit(browser, server, PATH);
  await page.getByText(/abaixo de R\$\s500,00/).waitFor();
  expect(
    await page
      .locator("#main")
      .getByRole("button", { name: /Mudar|Remover|Novo alerta/ })
      .count(),
  ).toBe(0);
});

test("a session that ends takes nothing of what was typed", async () => {
  const { page } = await visit(browser, server, PATH);
  await type(page, "-75,25");
  server.expireTokens();
  server.refreshRefused = true;
  await page.keyboard.press("Enter");
  await page.getByText("Sua sessão terminou").first().waitFor();
  server.refreshRefused = false;
  await page.getByRole("button", { name: "Entrar de novo" }).click();
  await expect.poll(() => page.locator("#alert-threshold").inputValue()).toBe("-75,25");
  expect(puts()).toEqual([]);
});
