/**
 * Fills a running stack with some months of a bakery's entries, to look at the console with: FLUXO_URL and FLUXO_TOKEN say where and
 * as whom. Every entry has a key of its own made from its place, so running it again adds nothing.
 */

const url = process.env.FLUXO_URL;
const token = process.env.FLUXO_TOKEN;
if (!url || !token) throw new Error("FLUXO_URL and FLUXO_TOKEN are missing: see console/README.md");

const DAYS = Number(process.env.DAYS ?? 300);
const BATCH = 400;
const today =
  process.env.TODAY ?? new Intl.DateTimeFormat("en-CA", { timeZone: "America/Sao_Paulo" }).format(new Date());

/** The same numbers every time (mulberry32). */
let state = 20261128;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let value = Math.imul(state ^ (state >>> 15), 1 | state);
  value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
  return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
}
const between = (low, high) => Math.floor(low + random() * (high - low));
const amount = (cents) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
const pick = (list) => list[between(0, list.length)];

const SALES = [
  ["Venda no balcão, dinheiro", "vendas", 12000, 48000],
  ["Pix, vendas da manhã", "vendas", 22000, 61000],
  ["Cartão de débito, lote 1", "vendas", 30000, 74000],
  ["Cartão de crédito, lote 1", "vendas", 34000, 88000],
  ["Pix, encomenda de bolo", "encomendas", 9000, 32000],
  ["Venda no balcão, dinheiro", "vendas", 9000, 42000],
  ["Cartão de crédito, lote 2", "vendas", 28000, 71000],
];
const COSTS = [
  ["Leite e manteiga, Laticínios Serra", "fornecedores", 42000, 82000],
  ["Embalagens, Papel & Cia", "fornecedores", 12000, 24000],
  ["Gás de cozinha", "utilidades", 30000, 42000],
  ["Farinha, Moinho Boa Vista", "fornecedores", 90000, 220000],
  ["Motoboy, entregas", "entregas", 4000, 12000],
  ["Tarifa da maquininha", "tarifas", 3000, 7000],
];

function addDays(date, days) {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

function entriesOf(date) {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  const dayOfMonth = Number(date.slice(8));
  const entries = [];
  const add = (type, [description, category, low, high]) =>
    entries.push({
      idempotency_key: `seed-${date}-${entries.length}`,
      type,
      amount: amount(between(low, high)),
      date,
      description,
      category,
    });
  if (weekday !== 1) {
    const busy = weekday === 0 || weekday === 6 ? 2 : 1;
    for (let i = 0; i < 5 * busy + between(0, 5); i++) add("credit", pick(SALES));
    for (let i = 0; i < between(1, 5); i++) add("debit", pick(COSTS));
  } else if (random() < 0.4) add("debit", COSTS[2]);
  if (dayOfMonth === 6) add("debit", ["Folha de pagamento", "salários", 1250000, 1400000]);
  if (dayOfMonth === 10) add("debit", ["Aluguel da loja", "aluguel", 680000, 680001]);
  if (dayOfMonth === 19) add("debit", ["Impostos, DAS", "impostos", 820000, 990000]);
  return entries;
}

async function send(path, body, headers = {}) {
  for (;;) {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.ok) return response.json();
    const text = await response.text();
    if (response.status !== 503 && response.status !== 429 && response.status !== 409)
      throw new Error(`${path}: ${response.status} ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function untilPosted(id) {
  for (;;) {
    const response = await fetch(`${url}/entries/${id}`, { headers: { Authorization: `Bearer ${token}` } });
    if (response.ok && (await response.json()).status === "posted") return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const days = Array.from({ length: DAYS }, (_, index) => addDays(today, index - DAYS + 1));
const opening = {
  idempotency_key: "seed-opening",
  type: "credit",
  amount: "18250.00",
  date: days[0],
  description: "Saldo inicial",
  category: "abertura",
};
const all = [opening, ...days.flatMap(entriesOf)];
let last;
for (let at = 0; at < all.length; at += BATCH) {
  const answer = await send("/entries/batch", { entries: all.slice(at, at + BATCH) });
  last = answer.entries.at(-1).id;
  await untilPosted(last);
}
console.log(`${all.length} entries`);
for (const date of days.slice(0, -1)) await send(`/days/${date}/seal`, undefined);
console.log(`${days.length - 1} days sealed`);
const late = [1, 22, 70, 131].map((ago, index) => ({
  idempotency_key: `seed-late-${index}`,
  type: index % 2 ? "debit" : "credit",
  amount: "318.75",
  date: days.at(-1 - ago),
  description: "Cartão de crédito, lote 3",
  category: "vendas",
}));
const answered = await send("/entries/batch", { entries: late });
await untilPosted(answered.entries.at(-1).id);
await send(
  `/entries/${answered.entries[0].id}/reversal`,
  { date: late[0].date, description: null },
  { "Idempotency-Key": "seed-reversal" },
);
console.log("late entries and a reversal");
