import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
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

test("a restated day shows its seal in the statement, what is late, and is sealed again", async () => {
  const { page, complaints } = await visit(browser, server, `/day/${YESTERDAY}`);
  await page.getByText("3 lançamentos chegaram depois do selo").waitFor();
  expect(await page.locator("tr.seal").count()).toBe(1);
  expect(await page.locator("tr.late").count()).toBe(3);
  await page.keyboard.press("s");
  await page.getByText("Dia selado: selo nº 2.").waitFor();
  await page.getByRole("article", { name: /Selo nº 2/ }).waitFor();
  expect(await page.locator("tr.late").count()).toBe(0);
  expect(complaints).toEqual([]);
});

test("a seal is verified by computing its digest again, and a changed statement is found", async () => {
  const { page } = await visit(browser, server, `/day/${YESTERDAY}`);
  await page.getByRole("article").first().waitFor();
  await page.keyboard.press("v");
  await page.getByText("O extrato é o mesmo que foi selado").waitFor();
  const sealed = server.ledger.day(YESTERDAY, "BRL")[0];
  if (sealed) sealed.line.description = "changed";
  await page.reload();
  await page.getByRole("button", { name: /Verificar/ }).click();
  await page.getByText("O extrato mudou depois do selo: avise o suporte").waitFor();
});

test("an entry is reversed once, in its row, and the opposite entry is shown", async () => {
  const { page } = await visit(browser, server, `/day/${TODAY}`);
  await page.getByRole("button", { name: "Troco devolvido", exact: true }).click();
  await page.keyboard.press("e");
  await page.getByText("Nada é apagado: entra um débito de −12,00").waitFor();
  await page.getByRole("button", { name: /^Estornar 12,00/ }).dblclick();
  await page.getByText("Estorno de “Troco devolvido”").waitFor();
  const original = server.ledger.find(idOf("padaria-aurora", `${TODAY}-9`));
  expect(original?.line.reversed_by).not.toBeNull();
  expect(server.posts(`/entries/${original?.line.id}/reversal`)).toHaveLength(1);
  await page.getByRole("button", { name: "ver o original" }).click();
  await expect.poll(() => page.url()).toContain(`entry=${original?.line.id}`);
});

test("an overtaken reversal says that it was not posted", async () => {
  const { page } = await visit(browser, server, `/day/${TODAY}`);
  server.intercept = (call) => {
    if (!call.path.endsWith("/reversal")) return null;
    server.api.overtaken.add(idOf("padaria-aurora", call.headers["idempotency-key"] ?? ""));
    return null;
  };
  await page.getByRole("button", { name: "Estornar Troco devolvido" }).click();
  await page.getByRole("button", { name: /^Estornar 12,00/ }).click();
  await page.getByText("Outro estorno deste lançamento chegou antes").waitFor();
});

test("a long statement is loaded page by page", async () => {
  for (let number = 0; number < 130; number++) {
    server.ledger.post(`many-${number}`, {
      type: "credit",
      amount: "1.00",
      date: TODAY,
      description: `Venda ${number}`,
      currency: "BRL",
    });
  }
  const { page } = await visit(browser, server, `/day/${TODAY}`);
  await page.getByRole("button", { name: /Carregar mais 3\d/ }).waitFor();
  expect(await page.locator("[data-row]").count()).toBe(100);
  await page.keyboard.press("m");
  await expect.poll(() => page.locator("[data-row]").count()).toBe(server.ledger.day(TODAY, "BRL").length);
});

test("a moment of the past is framed, never written to, and adds up", async () => {
  const { page } = await visit(browser, server, `/day/${YESTERDAY}?asof=2026-11-27T19:00:00Z`);
  await page.getByText("Você está vendo o passado:").waitFor();
  await page.getByText("Desde então:").waitFor();
  expect(await page.getByText("Novo lançamento").count()).toBe(0);
  expect(await page.getByText("Selar").count()).toBe(0);
  const then = server.ledger.asOf(YESTERDAY, "BRL", "2026-11-27T19:00:00Z");
  expect(await page.locator("table.statement tbody tr").count()).toBe(then.entry_count);
  await page.keyboard.press("n");
  expect(await page.locator("dialog").count()).toBe(0);
  await page.keyboard.press("Escape");
  await expect.poll(() => page.url()).not.toContain("asof");
});

test("a moment that can still change is refused with a reason", async () => {
  server.intercept = (call) =>
    call.path.includes("/as-of/") ? problem(409, "not_settled", {}, { "Retry-After": "3" }) : null;
  const { page } = await visit(browser, server, `/day/${TODAY}?asof=2026-11-28T17:31:59Z`);
  await page.getByText("Este momento ainda pode mudar").waitFor();
});

test("a viewer sees no way to write", async () => {
  server.user = { groups: [], name: "Vera Leitora" };
  const { page } = await visit(browser, server, `/day/${YESTERDAY}`);
  await page.locator("table.statement [data-row]").first().waitFor();
  for (const name of [/Novo lançamento/, /Selar/, /Estornar/])
    expect(await page.getByRole("button", { name }).count()).toBe(0);
  await page.keyboard.press("n");
  await page.keyboard.press("s");
  await page.getByRole("button", { name: /Conta:.*só leitura/ }).waitFor();
  expect(await page.locator("dialog").count()).toBe(0);
  expect(server.calls.every((call) => call.method === "GET")).toBe(true);
});

test("an operator comes from an entry to its execution, or to the logs that name it", async () => {
  server.user = { groups: ["clerk", "operator"], name: "Olga Operadora" };
  server.inspector = {
    kind: "aws",
    region: "sa-east-1",
    stateMachineArn: "arn:aws:states:sa-east-1:1:stateMachine:record-entries",
    standardStateMachineArn: "arn:aws:states:sa-east-1:1:stateMachine:record-entries",
    logGroups: ["/aws/lambda/fluxo/register-entry"],
  };
  const [first, second] = server.ledger.day(YESTERDAY, "BRL").map(({ line }) => line.id);
  server.api.pendingLooks = 0;
  server.api.executions.set(first ?? "", "batch-1");
  const { page, complaints } = await visit(browser, server, `/day/${YESTERDAY}`);
  const link = page.getByRole("link", { name: "ver o fluxo" });
  await page.locator("table.statement [data-row]").nth(0).click();
  expect(await link.getAttribute("href")).toMatch(/#\/v2\/executions\/details\/.*record-entries%3Abatch-1$/);
  await page.locator("table.statement [data-row]").nth(1).click();
  await page.getByText(second ?? "").waitFor();
  expect(await link.getAttribute("href")).toContain(`#logsV2:logs-insights`);
  expect(await link.getAttribute("href")).toContain(second);
  expect(complaints).toEqual([]);
});

test("an empty day says where its balance came from", async () => {
  const { page } = await visit(browser, server, "/day/2026-11-23");
  await page.getByText("Nenhum lançamento neste dia. O saldo veio de 22").waitFor();
});

test("an outage shows what stands, and the page goes on by itself", async () => {
  let down = 2;
  server.intercept = (call) =>
    call.path === "/daily-balances" && down-- > 0
      ? problem(503, "temporarily_unavailable", {}, { "Retry-After": "1" })
      : null;
  const { page } = await visit(browser, server, `/day/${YESTERDAY}`);
  await page.getByText("Uma parte do sistema não responde").waitFor();
  await page.getByText("Uma parte do sistema não responde").waitFor({ state: "detached" });
  await page.getByText("Retificado").first().waitFor();
});

test("arrow keys go from day to day, and rows are reached without a mouse", async () => {
  const { page } = await visit(browser, server, `/day/${YESTERDAY}`);
  await page.locator("[data-row]").first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-expanded"))).toBe("false");
  await page.keyboard.press("Enter");
  await page.getByText("Identificação").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Identificação").waitFor({ state: "detached" });
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press("ArrowLeft");
  await expect.poll(() => page.url()).toContain("/day/2026-11-26");
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await expect.poll(() => new URL(page.url()).pathname).toBe("/");
  await settled(page);
});

test("the palette finds a day, an id and a key", async () => {
  const { page } = await visit(browser, server, "/");
  await page.keyboard.press("/");
  await page.getByRole("combobox").fill("06/11");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.url()).toContain("/day/2026-11-06");
  await page.keyboard.press("/");
  await page.getByRole("combobox").fill("late-1");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.url()).toContain(`entry=${idOf("padaria-aurora", "late-1")}`);
  await page.locator("tr.detail").waitFor();
});

test("what is verified of one day is not shown at the seal of another", async () => {
  const { page } = await visit(browser, server, "/day/2026-11-26");
  const changed = server.ledger.day("2026-11-25", "BRL")[0];
  if (changed) changed.line.description = "changed";
  await page.getByRole("button", { name: /Verificar/ }).waitFor();
  let answer: (() => void) | undefined;
  server.intercept = (call) => {
    const isVerifying = call.path === "/entries" && call.query.get("limit") === "500";
    if (!isVerifying || call.query.get("date") !== "2026-11-26") return null;
    return new Promise((resolve) => (answer = () => resolve(null)));
  };
  await page.keyboard.press("v");
  await expect.poll(() => answer).toBeDefined();
  await page.keyboard.press("ArrowLeft");
  await page.waitForURL(/2026-11-25/);
  answer?.();
  await page.getByRole("button", { name: /Verificar/ }).click();
  await page.getByText("O extrato mudou depois do selo: avise o suporte").waitFor();
  expect(await page.getByText("Confere", { exact: true }).count()).toBe(0);
});

test("a seal whose figures are not those of its entries does not match", async () => {
  const seal = server.ledger.sealsOf("2026-11-26", "BRL")[0];
  if (seal) seal.total_credits = "999999.00";
  const { page } = await visit(browser, server, "/day/2026-11-26");
  await page.getByRole("button", { name: /Verificar/ }).click();
  await page.getByText("O extrato mudou depois do selo: avise o suporte").waitFor();
});

test("the first week of all asks for no day before it, and no key leads there", async () => {
  const { page } = await visit(browser, server, "/day/1900-01-01");
  await page.getByRole("heading", { name: /1 de janeiro de 1900/ }).waitFor();
  await settled(page);
  const asked = server.calls.filter((call) => call.path === "/daily-balances").map((call) => call.query.get("from"));
  expect(asked).toContain("1900-01-01");
  expect(asked.filter((from) => from && from < "1900-01-01")).toEqual([]);
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("heading", { name: /1 de janeiro de 1900/ }).waitFor();
});

test("texts without a space break on a phone", async () => {
  const line = server.ledger.day(TODAY, "BRL")[0]?.line;
  if (line) [line.description, line.category] = ["X".repeat(255), "Y".repeat(100)];
  const { page } = await visit(browser, server, `/day/${TODAY}`, { width: 320 });
  await page.locator("[data-row]").first().waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
});
