import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { NewWebhookEndpoint } from "../../src/api/types";
import { launch, settled, visit } from "./browser";
import { problem } from "./server/api";
import { fill } from "./server/bakery";
import { TestServer } from "./server/server";

const URL_OF_ERP = "https://erp.example.com/events";

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

const added = (): NewWebhookEndpoint => server.api.webhooks.add(URL_OF_ERP);
const rotations = (id: string): number => server.posts(`/webhook-endpoints/${id}/rotate-secret`).length;
const focused = (page: Page): Promise<string> => page.evaluate(() => document.activeElement?.id ?? "");

async function openForm(page: Page, url = URL_OF_ERP): Promise<void> {
  await page.getByRole("button", { name: "Adicionar webhook" }).click();
  await page.locator("#hook-url").fill(url);
}

const submit = (page: Page): ReturnType<Page["getByRole"]> =>
  page.getByRole("button", { name: "Adicionar e ver o segredo" });

test("a double click adds one endpoint, whose secret is shown once and kept nowhere", async () => {
  const { page, context, complaints } = await visit(browser, server, "/integrations");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const logged: string[] = [];
  page.on("console", (message) => logged.push(message.text()));
  await page.getByText("Nenhum webhook ainda.").waitFor();
  await openForm(page);
  await submit(page).dblclick();
  const dialog = page.getByRole("dialog", { name: "Guarde o segredo agora" });
  const secret = (await dialog.locator("code").first().textContent()) ?? "";
  expect(secret).toMatch(/^whsec_/);
  await dialog.getByRole("button", { name: "Copiar" }).first().click();
  await dialog.getByText("Copiado").first().waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
  await dialog.getByRole("button", { name: "Já guardei o segredo" }).click();
  await page.getByRole("link", { name: URL_OF_ERP }).waitFor();
  await settled(page);

  const posts = server.posts("/webhook-endpoints");
  expect(posts.map(({ body }) => body)).toEqual([{ url: URL_OF_ERP }]);
  expect(await focused(page)).toBe(`endpoint-${server.api.webhooks.endpoints[0]?.id}`);
  const everywhere = await page.evaluate(() =>
    JSON.stringify([{ ...sessionStorage }, { ...localStorage }, location.href, history.state, document.body.innerHTML]),
  );
  expect(everywhere).not.toContain("whsec_");
  expect(logged.join()).not.toContain("whsec_");
  expect(server.calls.some(({ query }) => query.toString().includes("whsec_"))).toBe(false);
  expect(complaints).toEqual([]);
  await page.reload();
  await page.getByRole("link", { name: URL_OF_ERP }).waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);
});

test("an endpoint for some types is asked for with those", async () => {
  const { page } = await visit(browser, server, "/integrations");
  await openForm(page);
  await page.getByLabel("Só estes").check();
  await submit(page).click();
  await page.getByText("Escolha ao menos um tipo de evento.").waitFor();
  expect(server.posts("/webhook-endpoints")).toEqual([]);
  await page.getByRole("checkbox", { name: /^Dia selado/ }).check();
  await page.getByRole("checkbox", { name: /^Conflito de chave/ }).check();
  await submit(page).click();
  await page.getByRole("dialog").waitFor();
  expect(server.posts("/webhook-endpoints")[0]?.body).toEqual({
    url: URL_OF_ERP,
    types: ["entry.conflicted", "day.sealed"],
  });
});

/** What the API refuses with one code, and what the URL shows to be wrong. */
const REFUSED: [string, string][] = [
  ["http://erp.example.com/events", "O endereço precisa começar com https://"],
  ["https://user:password@erp.example.com/", "Tire usuário e senha do endereço."],
  ["https://erp.example.com/#events", "Tire o # e o que vem depois"],
  ["https://localhost/events", "O servidor precisa estar na internet pública"],
  ["https://10.0.0.1:8443/events", "O servidor precisa estar na internet pública"],
  ["https://erp.example.com:22/", "Use a porta 443"],
];

test.each(REFUSED)("why nothing is sent to %s is said at the field", async (url, sentence) => {
  const { page } = await visit(browser, server, "/integrations");
  await openForm(page, url);
  await submit(page).click();
  await page.locator("#hook-url-fault").getByText(sentence).waitFor();
  await page.getByText("Nada foi guardado.").waitFor();
  expect(await focused(page)).toBe("hook-url");
  expect(server.api.webhooks.endpoints).toEqual([]);
});

test("what is no URL is told before it is sent", async () => {
  const { page } = await visit(browser, server, "/integrations");
  await openForm(page, "erp.example.com/events");
  await submit(page).click();
  await page.getByText("Isto não é um endereço completo").waitFor();
  expect(server.posts("/webhook-endpoints")).toEqual([]);
});

test("a sixth endpoint is refused in words", async () => {
  for (let number = 0; number < 5; number++) server.api.webhooks.add(`${URL_OF_ERP}/${number}`);
  const { page } = await visit(browser, server, "/integrations");
  await openForm(page);
  await submit(page).click();
  await page.getByText("Já há tantos webhooks quanto um lojista pode ter.").waitFor();
});

test("without a connection nothing is sent, and the form says so", async () => {
  const { page, context } = await visit(browser, server, "/integrations");
  await openForm(page);
  await context.setOffline(true);
  await submit(page).click();
  await page.getByText("Sem conexão: nada foi enviado.").waitFor();
  await context.setOffline(false);
  await submit(page).click();
  await page.getByRole("dialog").waitFor();
  expect(server.posts("/webhook-endpoints")).toHaveLength(1);
});

test("adding without an answer is not repeated, and the list shows what became of it", async () => {
  const { page } = await visit(browser, server, "/integrations");
  server.intercept = (call) => {
    if (call.method !== "POST") return null;
    server.api.answer(call);
    return problem(503, "temporarily_unavailable");
  };
  await openForm(page);
  await submit(page).click();
  await page.getByText("não sabemos se o webhook foi adicionado").waitFor();
  await page.getByRole("link", { name: URL_OF_ERP }).waitFor();
  expect(server.posts("/webhook-endpoints")).toHaveLength(1);
  expect(await page.locator("#hook-url").inputValue()).toBe(URL_OF_ERP);
});

test("Escape loses no secret that was not copied", async () => {
  const { page } = await visit(browser, server, "/integrations");
  await openForm(page);
  await submit(page).click();
  const secret = page.getByRole("dialog").locator("code").first();
  await secret.waitFor();
  for (let pressed = 0; pressed < 4; pressed++) {
    await page.keyboard.press("Escape");
    expect(await secret.isVisible()).toBe(true);
  }
  const close = page.getByRole("button", { name: "Fechar sem copiar" });
  if (!(await close.isVisible())) await page.keyboard.press("Escape");
  await close.click();
  expect(await page.getByRole("dialog").count()).toBe(0);
});

test("a secret is still there after going back and forth, and a reload asks first", async () => {
  const { page } = await visit(browser, server, "/integrations");
  await page.goto(`${server.url}/day/2026-11-27`);
  await page.getByRole("link", { name: "Integrações" }).first().click();
  await openForm(page);
  await submit(page).click();
  const shown = page.getByRole("dialog").locator("code").first();
  const secret = await shown.textContent();
  await page.goBack();
  await page.locator("[data-row]").first().waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);
  await page.goForward();
  expect(await shown.textContent()).toBe(secret);
  const asked = new Promise<string>((resolve) =>
    page.once("dialog", (dialog) => {
      resolve(dialog.type());
      void dialog.dismiss();
    }),
  );
  await page.evaluate(() => setTimeout(() => location.reload()));
  expect(await asked).toBe("beforeunload");
  expect(await shown.textContent()).toBe(secret);
});

test("rotating is asked for first, done once at a double click, and says how long the previous secret is valid", async () => {
  const { id } = added();
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}`);
  await page.getByRole("button", { name: "Trocar o segredo" }).click();
  await page.getByText("O atual ainda vale por 24 horas").waitFor();
  await page.keyboard.press("Escape");
  expect(await focused(page)).toBe("hook-rotate");
  expect(rotations(id)).toBe(0);
  await page.getByRole("button", { name: "Trocar o segredo" }).click();
  await page.getByRole("button", { name: "Trocar e ver o segredo novo" }).dblclick();
  await page
    .getByRole("dialog")
    .getByText(/O segredo anterior vale até 29\/11\/2026/)
    .waitFor();
  await page.getByRole("button", { name: "Já guardei o segredo" }).click();
  expect(rotations(id)).toBe(1);
  expect(await focused(page)).toBe("hook-rotate");
  await page
    .locator("dl")
    .getByText(/vale até 29\/11\/2026/)
    .waitFor();
});

test("a second rotation says that the secret before ends at once", async () => {
  const { id } = added();
  const endpoint = server.api.webhooks.endpoints[0];
  if (endpoint) endpoint.previous_valid_until = "2026-11-29T10:00:00Z";
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}`);
  await page.getByRole("button", { name: "Trocar o segredo" }).click();
  await page.getByText(/que valia até 29\/11\/2026, 07:00:00, deixa de valer na hora/).waitFor();
});

test("a rotation without an answer is not repeated", async () => {
  const { id } = added();
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}`);
  server.intercept = (call) => (call.method === "POST" ? problem(503, "temporarily_unavailable") : null);
  await page.getByRole("button", { name: "Trocar o segredo" }).click();
  await page.getByRole("button", { name: "Trocar e ver o segredo novo" }).click();
  await page.getByText("não sabemos se o segredo foi trocado").waitFor();
  expect(rotations(id)).toBe(1);
});

test("a disabled endpoint says so and is enabled again", async () => {
  const { id } = added();
  server.api.webhooks.disable(id);
  const { page } = await visit(browser, server, "/integrations");
  await page.getByText("Desativado").waitFor();
  await page.getByRole("link", { name: URL_OF_ERP }).click();
  await page.getByText("Todas as tentativas falharam por cinco dias, até 28/11/2026").waitFor();
  await page.getByRole("button", { name: "Reativar" }).dblclick();
  await page.getByText("Webhook reativado.").waitFor();
  await page.getByText("Ativo", { exact: true }).waitFor();
  expect(server.posts(`/webhook-endpoints/${id}/enable`)).toHaveLength(1);
});

test("deleting is asked for first", async () => {
  const { id } = added();
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}`);
  await page.getByRole("button", { name: "Excluir" }).click();
  await page.getByRole("button", { name: "Cancelar" }).click();
  expect(await focused(page)).toBe("hook-remove");
  expect(server.api.webhooks.endpoints).toHaveLength(1);
  await page.getByRole("button", { name: "Excluir" }).click();
  await page.getByRole("button", { name: "Excluir o webhook" }).click();
  await page.getByText("Nenhum webhook ainda.").waitFor();
  expect(new URL(page.url()).pathname).toBe("/integrations");
  expect(server.api.webhooks.endpoints).toEqual([]);
});

test("deliveries are paged, each shown once, and filtered by a status that is in the address", async () => {
  const { id } = added();
  const { webhooks } = server.api;
  for (let number = 0; number < 60; number++)
    webhooks.deliver(id, "entry.posted", { status: "delivered", response: 204 });
  webhooks.deliver(id, "day.sealed", { status: "failed", response: 400 });
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}`);
  const rows = page.locator("tbody tr");
  await expect.poll(() => rows.count()).toBe(25);
  // One comes in between: the page after it begins with what is shown already.
  webhooks.deliver(id, "day.sealed", { status: "delivered", response: 204 });
  await page.keyboard.press("m");
  await expect.poll(() => rows.count()).toBe(49);
  await page.getByRole("button", { name: "Com falha" }).click();
  await expect.poll(() => rows.count()).toBe(1);
  expect(new URL(page.url()).searchParams.get("status")).toBe("failed");
  await page.reload();
  await expect.poll(() => rows.count()).toBe(1);
  await page.getByRole("button", { name: /^Dia selado/ }).click();
  await page.locator(".detail").getByText("HTTP 400").waitFor();
  await page.getByRole("button", { name: "Pendentes" }).click();
  await page.getByText("Nenhuma entrega com esta situação.").waitFor();
});

test("an empty page of deliveries that is not the last one says so, and leads on", async () => {
  const { id } = added();
  server.api.webhooks.deliver(id, "day.sealed", { status: "failed", response: 400 });
  server.intercept = (call) =>
    call.path.endsWith("/deliveries") && !call.query.has("cursor")
      ? { status: 200, body: { deliveries: [], next_cursor: "0" } }
      : null;
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}?status=failed`);
  await page.getByText("Há entregas mais antigas.").waitFor();
  await page.getByRole("button", { name: "Carregar mais" }).click();
  await page.locator("tbody").getByText("Dia selado").waitFor();
});

test("a double click sends a delivery again once, and the list says that it is pending", async () => {
  const { id } = added();
  const delivery = server.api.webhooks.deliver(id, "entry.posted", { status: "failed", response: 400 });
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}`);
  await page.getByRole("button", { name: /^Reenviar Lançamento feito/ }).dblclick();
  await page.getByText("O evento será enviado de novo em instantes.").waitFor();
  await page.locator("tbody").getByText("Pendente").waitFor();
  expect(server.posts(`/webhook-endpoints/${id}/deliveries/${delivery.id}/redeliver`)).toHaveLength(1);
});

test("a disabled endpoint sends nothing again, in words", async () => {
  const { id } = added();
  server.api.webhooks.deliver(id, "entry.posted", { status: "failed", error: "timed_out" });
  server.api.webhooks.disable(id);
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}`);
  await page.getByRole("button", { name: /^Reenviar/ }).click();
  await page.getByText("Reative-o antes.").waitFor();
  await page.getByRole("button", { name: /^Lançamento feito/ }).click();
  await page.getByText("não respondeu em 10 segundos").waitFor();
});

test("who only reads sees endpoints and deliveries without actions", async () => {
  const { id } = added();
  server.api.webhooks.deliver(id, "entry.posted", { status: "failed", response: 400 });
  server.user = { groups: [], name: "Caio Leitor" };
  const { page } = await visit(browser, server, "/integrations");
  await page.getByText("Seu usuário só consulta.").waitFor();
  await page.getByRole("link", { name: URL_OF_ERP }).click();
  await page.locator("tbody").getByText("Falhou").waitFor();
  const main = page.locator("#main");
  for (const name of [/Adicionar/, /Trocar/, /Excluir/, /Reenviar/]) {
    expect(await main.getByRole("button", { name }).count()).toBe(0);
  }
});

test("a right that was taken away is told, and what was typed stays", async () => {
  const { page } = await visit(browser, server, "/integrations");
  server.intercept = (call) => (call.method === "POST" ? problem(403, "clerk_required") : null);
  await openForm(page);
  await submit(page).click();
  await page.getByText("Seu usuário só consulta. Nada mudou.").waitFor();
  expect(await page.locator("#hook-url").inputValue()).toBe(URL_OF_ERP);
});

test("a session that ends takes nothing of what was typed", async () => {
  const { page } = await visit(browser, server, "/integrations");
  await openForm(page);
  server.expireTokens();
  server.refreshRefused = true;
  await submit(page).click();
  await page.getByText("Sua sessão terminou").first().waitFor();
  server.refreshRefused = false;
  await page.getByRole("button", { name: "Entrar de novo" }).click();
  await expect.poll(() => page.locator("#hook-url").inputValue()).toBe(URL_OF_ERP);
  expect(server.posts("/webhook-endpoints")).toEqual([]);
  await submit(page).click();
  await page.getByRole("dialog").waitFor();
  expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).not.toContain(URL_OF_ERP);
});

test("a part that does not answer is asked again, and its words are not those of entries", async () => {
  added();
  let refusals = 1;
  const { page } = await visit(browser, server, "/");
  server.intercept = (call) =>
    call.path === "/webhook-endpoints" && refusals-- > 0
      ? problem(503, "temporarily_unavailable", {}, { "Retry-After": "1" })
      : null;
  await page.getByRole("link", { name: "Integrações" }).first().click();
  await page.getByText("Uma parte do sistema não responde. Nova tentativa em 1 s.").waitFor();
  await page.getByRole("link", { name: URL_OF_ERP }).waitFor();
});

test("without a connection the list says so and is read when it is back", async () => {
  added();
  const { page, context } = await visit(browser, server, "/integrations");
  await page.getByRole("link", { name: URL_OF_ERP }).click();
  await page.getByText("Nenhuma entrega ainda.").waitFor();
  await context.setOffline(true);
  await page.getByRole("button", { name: "Atualizar" }).click();
  await page.getByText("O sistema não pôde ser alcançado.").waitFor();
  server.api.webhooks.deliver(server.api.webhooks.endpoints[0]?.id ?? "", "day.sealed", {
    status: "delivered",
    response: 200,
  });
  await context.setOffline(false);
  await page.locator("tbody").getByText("Dia selado").waitFor();
});

test.each(["/integrations/endpoints/none", "/integrations/else", "/integrations/alerts/1"])(
  "there is no page %s",
  async (path) => {
    const { page } = await visit(browser, server, path);
    await page.getByText("Esta página não existe.").waitFor();
  },
);

test("an endpoint that was deleted is told as such", async () => {
  const { id } = added();
  server.api.webhooks.endpoints = [];
  const { page } = await visit(browser, server, `/integrations/endpoints/${id}`);
  await page.getByText("Este webhook não existe mais").waitFor();
});
