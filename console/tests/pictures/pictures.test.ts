import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, test } from "vitest";
import type { Browser, Page } from "playwright-core";
import { launch, settled, visit, type Look } from "../browser/browser";
import { connect, fill, YESTERDAY } from "../browser/server/bakery";
import { TestServer } from "../browser/server/server";

/** The pictures of the documentation: `npm run pictures` draws them anew. */
const FOLDER = "../docs/console";
const SCREENS: [string, string | (() => string), ((page: Page) => Promise<void>)?][] = [
  ["balances", "/"],
  [
    "day",
    `/day/${YESTERDAY}`,
    async (page) => {
      await page.getByRole("button", { name: /Verificar|Verify/ }).click();
      await page.locator("article .result").waitFor();
    },
  ],
  [
    "entry",
    "/",
    async (page) => {
      await page.keyboard.press("n");
      await page.locator("#entry-amount").fill("189,05");
    },
  ],
  ["webhook", () => `/integrations/endpoints/${endpoint}`],
];
const LOOKS: [string, Look][] = [
  ["light", { theme: "light" }],
  ["dark", { theme: "dark" }],
];

let browser: Browser;
let server: TestServer;
let endpoint = "";

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  browser = await launch();
  server = await TestServer.start();
  fill(server.ledger);
  endpoint = connect(server.api).busy;
});
afterAll(async () => {
  await browser.close();
  await server.stop();
});

for (const [theme, look] of LOOKS) {
  for (const [name, path, act] of SCREENS) {
    test(`${name}, ${theme}`, async () => {
      await draw(`${name}-${theme}`, path, look, act);
    });
  }
}
test("balances on a phone", async () => {
  await draw("balances-phone", "/", { theme: "light", width: 390 });
});

async function draw(
  name: string,
  path: string | (() => string),
  look: Look,
  act?: (page: Page) => Promise<void>,
): Promise<void> {
  const { page, context } = await visit(browser, server, typeof path === "string" ? path : path(), look);
  await settled(page);
  await act?.(page);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  await context.close();
}
