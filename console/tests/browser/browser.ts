import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { NOW } from "./server/bakery";
import type { TestServer } from "./server/server";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Debian's Chromium: `apt-get install chromium`. Nothing is downloaded. */
export function launch(more: string[] = []): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  if (!existsSync(executablePath))
    throw new Error(`${executablePath} is missing: apt-get install chromium, or say where it is in CHROMIUM`);
  return chromium.launch({ executablePath, args: [...FLAGS, ...more] });
}

/** One that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export interface Look {
  width?: number;
  theme?: "light" | "dark";
  language?: "pt-BR" | "en-US";
  /** The real clock, for what is measured; usually it stands still in the afternoon of the tests' day. */
  realClock?: boolean;
}

export interface Visit {
  context: BrowserContext;
  page: Page;
  /** What the console and the policy have complained about. */
  complaints: string[];
}

/** A new visitor who is signed in. Everything that the browser complains of is collected. */
export async function visit(browser: Browser, server: TestServer, path: string, look: Look = {}): Promise<Visit> {
  const { width = 1280, theme = "light", language = "pt-BR" } = look;
  const context = await browser.newContext({
    viewport: { width, height: width < 500 ? 844 : 900 },
    colorScheme: theme,
    locale: language,
    timezoneId: "America/Sao_Paulo",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    // A refused request is what many tests are about; the browser writes a line for each.
    if (["error", "warning"].includes(message.type()) && !message.text().includes("Failed to load resource"))
      complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  if (!look.realClock) await page.clock.setFixedTime(NOW);
  await page.goto(server.url + path);
  await page.locator("main button.p").first().click();
  await page.locator("#main").waitFor();
  return { context, page, complaints };
}

/** Everything that was asked is answered and drawn. */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => document.fonts.ready);
}
