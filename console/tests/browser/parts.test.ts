/** The parts of the page that the first load leaves out. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, visit } from "./browser";
import { TestServer } from "./server/server";

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  browser = await launch();
  server = await TestServer.start();
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

test("a part that could not be fetched comes by itself when the connection is back, with its styles", async () => {
  const { page, context } = await visit(browser, server, "/");
  await context.setOffline(true);
  await page.getByRole("navigation").getByRole("link", { name: "Importar" }).first().click();
  await page.getByRole("alert").getByText("não pôde ser alcançado").waitFor();
  await context.setOffline(false);
  await page.locator("#main h1").waitFor();
  // Only a style that was read has rules that can be read.
  const rules = await page.evaluate(() => {
    const link = document.querySelector<HTMLLinkElement>('head link[rel=stylesheet][href*="/Import-"]');
    return link?.sheet?.cssRules.length;
  });
  expect(rules).toBeGreaterThan(0);
  await context.close();
});

test("without a connection, an entry can be typed as soon as the page says that it is whole", async () => {
  const { page, context } = await visit(browser, server, "/", { realClock: true });
  await expect.poll(() => page.evaluate(() => performance.getEntriesByName("fluxo-fetched").length)).toBe(1);
  await context.setOffline(true);
  await page.keyboard.press("n");
  await page.locator("#entry-amount").fill("10");
  await context.close();
});
