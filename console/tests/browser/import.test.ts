import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launch, visit } from "./browser";
import { problem } from "./server/api";
import { fill } from "./server/bakery";
import { TestServer } from "./server/server";

const wasm = (path: string): string => fileURLToPath(new URL(`../../wasm/${path}`, import.meta.url));
const hasParser = existsSync(wasm("built/statement-file.wasm"));

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

/** A bank's statement of so many rows over November, two of which nobody can read. */
function statement(rows: number): { name: string; mimeType: string; buffer: Buffer } {
  const lines = ["Data;Histórico;Valor"];
  for (let row = 0; row < rows; row++) {
    const date = `${String((row % 27) + 1).padStart(2, "0")}/11/2026`;
    lines.push(
      `${date};PIX RECEBIDO ${row};${row % 3 === 0 ? "-" : ""}1.2${String(row % 100).padStart(2, "0")},${String(10 + (row % 90))}`,
    );
  }
  lines.push("31/11/2026;PAGTO LATICINIOS;-7A2,90", "05/11/2026;ESTORNO TARIFA;0,00");
  return { name: "extrato.csv", mimeType: "text/csv", buffer: Buffer.from(lines.join("\r\n"), "latin1") };
}

async function choose(page: Page, file: ReturnType<typeof statement>): Promise<void> {
  await page.locator("input[type=file]").setInputFiles(file);
  await page.getByRole("heading", { name: file.name }).waitFor();
}

const batches = (): number => server.posts("/entries/batch").length;
const imported = (): number =>
  server.ledger.entries.filter(({ line }) => line.description?.startsWith("PIX RECEBIDO")).length;

describe.skipIf(hasParser)("without the parser (make wasm builds it)", () => {
  test("the page says that the importer is not part of it", async () => {
    const { page } = await visit(browser, server, "/import");
    await page.getByText("O importador não faz parte desta versão").waitFor();
  });
});

describe.skipIf(!hasParser)("with the parser", () => {
  test("a file is checked and sent, and the same file again adds nothing", async () => {
    const { page, complaints } = await visit(browser, server, "/import");
    await choose(page, statement(40));
    await page.getByText("PIX RECEBIDO 7", { exact: false }).first().waitFor();
    await page.getByRole("button", { name: "Recusadas 2" }).click();
    await page.getByText("ESTORNO TARIFA").waitFor();
    // In the page's words: the field's name, and what is wrong with it.
    await page.getByText("Valor precisa ser maior que zero").waitFor();
    await page.getByText("Dia não é uma data do calendário").waitFor();
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "Baixar as 2 recusadas" }).click();
    expect((await saved).suggestedFilename()).toBe("extrato.refused.csv");
    await page.getByRole("button", { name: "Enviar 40 linhas" }).click();
    await page.getByText("40 linhas enviadas").waitFor();
    expect(imported()).toBe(40);
    await page.getByRole("button", { name: "Outro arquivo" }).click();
    await choose(page, statement(40));
    await page.getByRole("button", { name: "Já lançadas 40" }).waitFor();
    await page.getByText("Nenhuma linha nova.").waitFor();
    expect(imported()).toBe(40);
    expect(complaints).toEqual([]);
  });

  test("of a file that cannot be read only the reason is shown", async () => {
    const { page } = await visit(browser, server, "/import");
    const status = "<STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Signon invalid</STATUS>";
    const text = `OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><SIGNONMSGSRSV1><SONRS>${status}</SONRS></SIGNONMSGSRSV1></OFX>`;
    await choose(page, { name: "erro.ofx", mimeType: "application/x-ofx", buffer: Buffer.from(text) });
    await page.getByText("o banco respondeu com um erro em vez do extrato: 15500 Signon invalid").waitFor();
    expect(await page.locator("#main table").count()).toBe(0);
    expect(await page.getByText("Nenhuma linha nova.").count()).toBe(0);
    await page.getByRole("button", { name: "Outro arquivo" }).click();
  });

  test("a row that is a balance says so in its place, and amounts stand under their heading", async () => {
    const { page } = await visit(browser, server, "/import");
    const lines = [
      "31/10/2026;Saldo Anterior;1.000,00",
      "03/11/2026;PIX RECEBIDO;80,00",
      "03/11/2026;Saldo do dia;1.080,00",
    ];
    const text = ["Data;Histórico;Valor", ...lines, ""].join("\r\n");
    await choose(page, { name: "extrato.csv", mimeType: "text/csv", buffer: Buffer.from(text, "latin1") });
    const balance = page
      .locator("#main tbody tr")
      .filter({ hasText: "“Saldo Anterior” é um saldo, não um lançamento" });
    expect(await balance.textContent()).toContain("Ignorada");
    expect(await page.locator("#main tbody tr").count()).toBe(3);
    const edges = await page.evaluate(() =>
      ["thead th.n", "tbody td.amount"].map((selector) => {
        const range = document.createRange();
        range.selectNodeContents(document.querySelector(`#main ${selector}`) as Node);
        return Math.round(range.getBoundingClientRect().right);
      }),
    );
    expect(edges[0]).toBe(edges[1]);
    await page.setViewportSize({ width: 380, height: 844 });
    const lefts = await balance
      .first()
      .evaluate((row) =>
        [".what", ".state span"].map((cell) => Math.round(row.querySelector(cell)?.getBoundingClientRect().left ?? -1)),
      );
    expect(lefts[0]).toBe(lefts[1]);
  });

  test("2,000 rows that a closed page has interrupted go on with the same file, and every row is posted once", async () => {
    const { page, context } = await visit(browser, server, "/import");
    server.intercept = (call) =>
      call.path === "/entries/batch" && batches() > 2 ? new Promise(() => undefined) : null;
    await choose(page, statement(2000));
    await page.getByRole("button", { name: /Enviar 2.000 linhas/ }).click();
    await expect.poll(batches, { timeout: 20_000 }).toBe(3);
    const before = imported();
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(2000);
    await page.close();
    server.intercept = null;
    const next = await context.newPage();
    await next.goto(`${server.url}/import`);
    await next.locator("main button.p").click();
    await choose(next, statement(2000));
    await next
      .getByRole("button", {
        name: new RegExp(`Enviar ${(2000 - before).toLocaleString("pt-BR").replace(".", "\\.")} linhas`),
      })
      .click();
    await next.getByText(/linhas enviadas/).waitFor();
    expect(imported()).toBe(2000);
  });

  test("a batch that is refused in part goes on without the rows that are named", async () => {
    const { page } = await visit(browser, server, "/import");
    let first = true;
    server.intercept = (call) => {
      if (call.path !== "/entries/batch" || !first) return null;
      first = false;
      return problem(422, "idempotency_key_reused", {
        errors: [{ pointer: "/entries/4/idempotency_key", code: "key_reused", detail: "was used" }],
      });
    };
    await choose(page, statement(10));
    await page.getByRole("button", { name: "Enviar 10 linhas" }).click();
    await page.getByText("9 linhas enviadas").waitFor();
    await page.getByText("A chave desta linha já tem outro conteúdo").first().waitFor();
    expect(imported()).toBe(9);
  });

  test("nothing is sent before it is known what is posted already, or that it cannot be", async () => {
    const { page } = await visit(browser, server, "/import");
    let answer = (): void => undefined;
    let asked = false;
    server.intercept = (call) => {
      if (call.path !== "/entries.csv") return null;
      asked = true;
      return new Promise((resolve) => (answer = () => resolve(problem(500, "internal_error"))));
    };
    await choose(page, statement(10));
    const send = page.getByRole("button", { name: "Enviar 10 linhas" });
    await send.waitFor();
    expect(await send.isDisabled()).toBe(true);
    await expect.poll(() => asked).toBe(true);
    answer();
    await page.getByText("Não deu para ver o que já foi lançado").waitFor();
    await send.click();
    await page.getByText("10 linhas enviadas").waitFor();
  });

  test("sending is paused, and an outage is waited for", async () => {
    const { page } = await visit(browser, server, "/import");
    let refusals = 1;
    server.intercept = (call) =>
      call.path === "/entries/batch" && refusals-- > 0
        ? problem(503, "temporarily_unavailable", {}, { "Retry-After": "2" })
        : null;
    await choose(page, statement(10));
    await page.getByRole("button", { name: "Enviar 10 linhas" }).click();
    await page.getByRole("button", { name: "Pausar" }).click();
    await page.getByRole("button", { name: "Continuar" }).click();
    await page.getByText("10 linhas enviadas").waitFor();
    expect(imported()).toBe(10);
  });
});
