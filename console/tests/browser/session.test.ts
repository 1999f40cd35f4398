import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch, settled, visit } from "./browser";
import { fill } from "./server/bakery";
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

test("signing in comes back to where one was, without the code in the address", async () => {
  const { page, complaints } = await visit(browser, server, "/day/2026-11-27?currency=BRL");
  expect(page.url()).toBe(`${server.url}/day/2026-11-27?currency=BRL`);
  // The ID token is in memory only.
  const stored = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
  expect(stored).not.toContain("e30.");
  expect(complaints).toEqual([]);
});

test("a code that comes with another state than this tab has sent is refused", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.url);
  // The code is good: only the state tells that the answer is not to this tab's question.
  await page.route("**/auth/authorize*", async (route) => {
    const answer = await route.fetch({ maxRedirects: 0 });
    const back = new URL(answer.headers()["location"] ?? "");
    back.searchParams.set("state", "other");
    await route.fulfill({ status: 302, headers: { Location: back.href } });
  });
  await page.locator("main button.p").click();
  await page.getByRole("alert").waitFor();
  expect(await page.locator("#main").count()).toBe(0);
  await page.goto(`${server.url}/?code=stolen&state=other`);
  await page.getByRole("alert").waitFor();
  expect(await page.locator("#main").count()).toBe(0);
});

test("a reload goes on with the refresh token", async () => {
  const { page } = await visit(browser, server, "/");
  await page.reload();
  await page.locator("#main").waitFor();
  expect(await page.getByRole("button", { name: /Novo lançamento/ }).count()).toBeGreaterThan(0);
});

test("a token that the API refuses is renewed and the request repeated", async () => {
  const { page } = await visit(browser, server, "/");
  await settled(page);
  server.expireTokens();
  await page.goto(`${server.url}/day/2026-11-27`);
  await page.locator("[data-row]").first().waitFor();
});

test("where a refresh drops the groups one signs in anew, once, and stays a clerk", async () => {
  const { page } = await visit(browser, server, "/");
  server.refreshDropsGroups = true;
  await page.reload();
  await page
    .getByRole("button", { name: /Novo lançamento/ })
    .first()
    .waitFor();
  expect(new URL(page.url()).pathname).toBe("/");
});

test("a session that ends while the page is open says so, and keeps what is on screen", async () => {
  const { page } = await visit(browser, server, "/day/2026-11-27");
  await page.locator("[data-row]").first().waitFor();
  server.expireTokens();
  server.refreshRefused = true;
  await page.getByRole("link", { name: /qui 26/ }).click();
  await page.getByText("Sua sessão terminou").first().waitFor();
  server.refreshRefused = false;
  await page.getByRole("button", { name: "Entrar de novo" }).click();
  await page.locator("[data-row]").first().waitFor();
  expect(page.url()).toContain("/day/2026-11-26");
});

test("a token that cannot be renewed for now ends no session", async () => {
  const { page } = await visit(browser, server, "/day/2026-11-27");
  await page.locator("[data-row]").first().waitFor();
  server.expireTokens();
  server.signInDown = true;
  await page.getByRole("link", { name: /qui 26/ }).click();
  await page.getByText("O sistema não pôde ser alcançado").first().waitFor();
  expect(await page.getByText("Sua sessão terminou").count()).toBe(0);
  server.signInDown = false;
  await expect.poll(() => page.getByText("O sistema não pôde ser alcançado").count(), { timeout: 10_000 }).toBe(0);
  await page.locator("[data-row]").first().waitFor();
  expect(page.url()).toContain("/day/2026-11-26");
});

test("signing out leaves nothing of the merchant on the page", async () => {
  const { page } = await visit(browser, server, "/");
  await page.getByRole("button", { name: /Conta:/ }).click();
  await page.getByRole("button", { name: "Sair" }).click();
  await page.getByRole("button", { name: "Entrar" }).waitFor();
  expect(await page.evaluate(() => sessionStorage.getItem("fluxo.refresh"))).toBeNull();
  expect(await page.getByText("padaria-aurora").count()).toBe(0);
});

test("signing out ends the session of every tab", async () => {
  const { page, context } = await visit(browser, server, "/");
  const other = await context.newPage();
  await other.goto(`${server.url}/day/2026-11-27`);
  await other.locator("main button.p").first().click();
  await other.locator("[data-row]").first().waitFor();
  await page.getByRole("button", { name: /Conta:/ }).click();
  await page.getByRole("button", { name: "Sair" }).click();
  await other.getByRole("button", { name: "Entrar" }).waitFor();
  expect(await other.getByText("padaria-aurora").count()).toBe(0);
  expect(await other.evaluate(() => sessionStorage.getItem("fluxo.refresh"))).toBeNull();
});

test("an address with two slashes in front is signed in to as any other", async () => {
  const context = await browser.newContext({ locale: "pt-BR" });
  const page = await context.newPage();
  await page.goto(`${server.url}//other.example/x`);
  await page.locator("main button.p").first().click();
  await page.getByText("Esta página não existe").waitFor();
  expect(new URL(page.url()).origin).toBe(server.url);
});
