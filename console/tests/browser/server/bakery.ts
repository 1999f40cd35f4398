import type { EntryType } from "../../../src/api/types";
import type { Api } from "./api";
import type { Ledger } from "./ledger";

/** The day of the tests, a Saturday. The browser's clock is set to its afternoon. */
export const TODAY = "2026-11-28";
export const NOW = new Date("2026-11-28T17:32:00Z");
export const YESTERDAY = "2026-11-27";

const SALES = [
  "Venda no balcão, dinheiro",
  "Pix, vendas da manhã",
  "Cartão de débito, lote 1",
  "Cartão de crédito, lote 1",
];
const COSTS = ["Leite e manteiga, Laticínios Serra", "Embalagens, Papel & Cia", "Farinha, Moinho Boa Vista"];

/** Ten weeks of a bakery: sealed days, a restated one, yesterday with late entries and a reversal, today open. */
export function fill(ledger: Ledger): void {
  const post = (
    date: string,
    number: number,
    type: EntryType,
    amount: string,
    description: string,
    category: string,
  ): string =>
    ledger.post(
      `${date}-${number}`,
      { type, amount, date, description, category, currency: "BRL" },
      { postedAt: `${date}T${String(9 + number).padStart(2, "0")}:12:28.000Z` },
    ).line.id;
  for (let ago = 70; ago >= 0; ago--) {
    const date = new Date(Date.parse(TODAY) - ago * 86_400_000).toISOString().slice(0, 10);
    const closed = new Date(date).getUTCDay() === 1;
    if (ago === 70) post(date, 0, "credit", "18250.00", "Saldo inicial", "abertura");
    for (let number = 1; number <= (closed ? 0 : 6); number++) {
      post(
        date,
        number,
        "credit",
        `${180 + ((ago * 37 + number * 91) % 520)}.${((ago * 13 + number * 7) % 90) + 10}`,
        SALES[number % 4] ?? "",
        "vendas",
      );
    }
    if (!closed) post(date, 7, "debit", `${420 + ((ago * 53) % 900)}.40`, COSTS[ago % 3] ?? "", "fornecedores");
    if (date.endsWith("-06")) post(date, 8, "debit", "13120.00", "Folha de pagamento", "salários");
    if (date.endsWith("-19")) post(date, 8, "debit", "8640.00", "Impostos, DAS", "impostos");
    if (ago > 0) ledger.seal(date, "BRL");
  }
  post(TODAY, 9, "credit", "12.00", "Troco devolvido", "vendas");
  ledger.post("late-1", {
    type: "credit",
    amount: "318.75",
    date: YESTERDAY,
    description: "Cartão de crédito, lote 3",
    category: "vendas",
    currency: "BRL",
  });
  const late = ledger.post("late-2", {
    type: "debit",
    amount: "95.00",
    date: YESTERDAY,
    description: "Motoboy, entregas de sexta",
    category: "entregas",
    currency: "BRL",
  });
  ledger.post(
    "back-1",
    { type: "credit", amount: "95.00", date: YESTERDAY, category: "entregas", currency: "BRL" },
    { reverses: late.line.id },
  );
}

/** Two endpoints with deliveries of every status, of which one is disabled, and three alerts, of which one is triggered. */
export function connect({ webhooks, alerts }: Api): { busy: string; disabled: string } {
  const busy = webhooks.add("https://erp.padaria-aurora.example.com/fluxo/eventos").id;
  const disabled = webhooks.add("https://hooks.contador.example.net/integracoes/padaria-aurora/4f1c9b", [
    "day.sealed",
    "day.restated",
    "balance.alert.triggered",
  ]).id;
  webhooks.disable(disabled);
  for (let number = 0; number < 30; number++) {
    const type = number % 3 ? "entry.posted" : "day.balance_changed";
    webhooks.deliver(busy, type, { status: "delivered", response: 204 });
  }
  webhooks.deliver(busy, "entry.posted", { status: "failed", response: 400 });
  webhooks.deliver(busy, "entry.posted", { status: "pending", attempts: 0 });
  const next = "2026-11-28T17:37:00Z";
  webhooks.deliver(busy, "balance.alert.triggered", { status: "pending", response: 503, attempts: 4, next });
  webhooks.deliver(busy, "entry.reversal_overtaken", { status: "pending", error: "timed_out", attempts: 3, next });
  webhooks.deliver(disabled, "day.sealed", { status: "failed", response: 410 });
  alerts.set({ threshold: "80000.00", direction: "below" });
  alerts.set({ threshold: "200000.00", direction: "above" });
  alerts.set({ threshold: "-150.00", direction: "below", currency: "USD" });
  return { busy, disabled };
}
