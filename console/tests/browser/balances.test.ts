import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch, settled, visit } from "./browser";
import { fill } from "./server/bakery";
import { TestServer } from "./server/server";

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  browser = await launch();
  server = await TestServer.start();
  fill(server.ledger);
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

/** A Monday, on which the shop is closed. */
const EMPTY = "/?from=2026-11-23&to=2026-11-23";

test("a range without entries says where its balance comes from, and leads there", async () => {
  const { page } = await visit(browser, server, EMPTY);
  await page.getByText("O saldo veio de 22 de novembro de 2026.").waitFor();
  await page.getByRole("button", { name: "Mostrar esses dias" }).click();
  await page.locator("table tbody tr").nth(30).waitFor();
  expect(new URL(page.url()).searchParams.get("to")).toBe("2026-11-22");
});

test("who never posted anything is invited to", async () => {
  const { page } = await visit(browser, server, "/?currency=EUR");
  await page.getByText("Faça o primeiro lançamento").waitFor();
  expect(await page.getByText("O saldo veio de").count()).toBe(0);
});

test("nothing has the colour of nothing: neither came in nor went out", async () => {
  const { page } = await visit(browser, server, EMPTY);
  await settled(page);
  const zeros = page.locator(".readout b, tbody td, tfoot td").filter({ hasText: /^0,00$/ });
  expect(await zeros.count()).toBe(6);
  const credit = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--credit"));
  expect(credit).not.toBe("");
  const colours = await zeros.evaluateAll((all) => all.map((zero) => getComputedStyle(zero).color));
  expect(new Set(colours).size).toBe(1);
});

test.each([380, 1280])("the lowest balance is not written over the axis, %s wide", async (width) => {
  const { page } = await visit(browser, server, "/?from=2026-11-08&to=2026-11-28", { width });
  await settled(page);
  const overlaps = await page.evaluate(() => {
    const boxes = (selector: string): DOMRect[] =>
      [...document.querySelectorAll(selector)].map((node) => node.getBoundingClientRect()).filter((box) => box.width);
    return boxes(".plot .label").filter((label) =>
      boxes(".plot .grid span").some(
        (figure) =>
          label.left < figure.right &&
          figure.left < label.right &&
          label.top < figure.bottom &&
          figure.top < label.bottom,
      ),
    ).length;
  });
  expect(await page.locator(".plot .label.low").count()).toBe(1);
  expect(overlaps).toBe(0);
});

test.each(["from=9999-01-01&to=9999-12-31", "from=1950-01-01&to=2026-11-28", "from=2026-02-30&to=2026-03-02"])(
  "a range that the API does not answer is as none: %s",
  async (range) => {
    const { page, complaints } = await visit(browser, server, `/?${range}`);
    await page.getByRole("button", { name: "29 out – 28 nov 2026" }).waitFor();
    expect(await page.locator("tbody tr").count()).toBeGreaterThan(20);
    expect(complaints).toEqual([]);
  },
);

test.each([320, 380])("the largest balance fits on a page %s wide", async (width) => {
  for (let number = 0; number < 9; number++) {
    const amount = "9999999999999.99";
    server.ledger.post(`huge-${number}`, { type: "credit", amount, date: "2026-11-28", currency: "BRL" });
  }
  const { page } = await visit(browser, server, "/", { width });
  await page.getByText("90.000.000.077").first().waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
});
