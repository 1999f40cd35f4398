import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { launch, settled, visit, type Look } from "./browser";
import { fill, YESTERDAY } from "./server/bakery";
import { TestServer } from "./server/server";

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  browser = await launch();
  server = await TestServer.start();
  fill(server.ledger);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

/** Every screen and state, by what is done to get there. */
const SCREENS: [string, string, ((page: Page) => Promise<void>)?][] = [
  ["balances", "/"],
  ["a year of balances", "/?from=2026-01-01&to=2026-11-28"],
  ["a day", `/day/${YESTERDAY}`],
  [
    "an open row with its reversal",
    `/day/${YESTERDAY}`,
    async (page) => {
      await page.locator("[data-row]").first().click();
      await page.getByText(/Estornar este lançamento|Reverse this entry/).click();
      await page.locator("form h3").waitFor();
    },
  ],
  [
    "a verified seal",
    `/day/${YESTERDAY}`,
    async (page) => {
      await page.getByRole("button", { name: /Verificar|Verify/ }).click();
      await page.locator("article .result").waitFor();
    },
  ],
  ["an empty day", "/day/2026-11-23"],
  ["the past", `/day/${YESTERDAY}?asof=2026-11-27T19:00:00Z`],
  [
    "a new entry with faults",
    "/",
    async (page) => {
      await page.keyboard.press("n");
      await page.locator("#entry-amount").fill("18,905,1");
      await page.keyboard.press("Control+Enter");
      await page.locator("#entry-amount-fault").waitFor();
    },
  ],
  [
    "the palette",
    "/",
    async (page) => {
      await page.keyboard.press("/");
      await page.getByRole("combobox").waitFor();
    },
  ],
  [
    "the shortcuts",
    "/",
    async (page) => {
      await page.keyboard.press("?");
      await page.locator("dialog").waitFor();
    },
  ],
  [
    "the account menu",
    "/",
    async (page) => {
      await page.locator("[popovertarget=account]").click();
      await page.locator("#account").waitFor();
    },
  ],
  ["the import", "/import"],
  ["the settings", "/settings"],
  ["no such page", "/nothing"],
];

const LOOKS: Look[] = [
  { theme: "light", language: "pt-BR", width: 1280 },
  { theme: "dark", language: "en-US", width: 1280 },
  { theme: "light", language: "en-US", width: 380 },
  { theme: "dark", language: "pt-BR", width: 768 },
];

async function faults(page: Page): Promise<string[]> {
  // By the debugger, since the page's policy allows no foreign script.
  await page.evaluate(axe.source);
  const results = await page.evaluate(() =>
    (window as unknown as { axe: typeof axe }).axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    }),
  );
  return results.violations.map(
    (fault) => `${fault.id}: ${fault.nodes.map((node) => node.target.join(" ")).join(", ")}`,
  );
}

describe.each(LOOKS)("in $theme, $language, at $width", (look) => {
  test.each(SCREENS)(
    "%s has no fault of axe, nothing sideways and nothing that the policy refuses",
    async (_, path, act) => {
      const { page, complaints } = await visit(browser, server, path, look);
      await settled(page);
      await act?.(page);
      expect(await faults(page)).toEqual([]);
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
      ).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
    },
  );

  test("the sign-in page has no fault of axe", async () => {
    const context = await browser.newContext({ colorScheme: look.theme ?? "light", locale: look.language ?? "pt-BR" });
    const page = await context.newPage();
    await page.goto(server.url);
    await page.locator("main button.p").waitFor();
    expect(await faults(page)).toEqual([]);
  });
});

test("nothing moves while the figures come in", async () => {
  const { page } = await visit(browser, server, "/");
  await settled(page);
  await page.addInitScript(() => {
    (window as unknown as { shift: number }).shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        (window as unknown as { shift: number }).shift += (entry as unknown as { value: number }).value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.reload();
  await page.locator("table tbody tr").nth(20).waitFor();
  await settled(page);
  expect(await page.evaluate(() => (window as unknown as { shift: number }).shift)).toBeLessThan(0.1);
});

test("on a throttled 4G connection with a slow processor the page can be used within a second of its first byte", async () => {
  const { page, context } = await visit(browser, server, "/");
  const debug = await context.newCDPSession(page);
  await debug.send("Network.enable");
  // Lighthouse's profile of a slow 4G: 150 ms and 1.6 Mbit/s; a processor four times as slow.
  await debug.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 20,
    downloadThroughput: 10_000_000 / 8,
    uploadThroughput: 5_000_000 / 8,
  });
  await debug.send("Network.setCacheDisabled", { cacheDisabled: true });
  const begun = performance.now();
  await page.goto(server.url, { waitUntil: "commit" });
  const first = performance.now();
  await page.locator("nav a").first().waitFor();
  expect(performance.now() - first).toBeLessThan(1000 + (first - begun));
});
