import type { EntryType } from "../../../src/api/types";
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
