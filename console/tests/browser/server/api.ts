import type { BatchEntry, EntryRequest, FaultCode } from "../../../src/api/types";
import { Alerts } from "./alerts";
import { TODAY } from "./bakery";
import { idOf, minorOf, type Kept, type Ledger } from "./ledger";
import { ok, problem, type Call, type Reply } from "./replies";
import { Webhooks } from "./webhooks";

export { problem, type Call, type Reply };

/** The API's answers, from the ledger in memory. Who may do what is the server's concern (server.ts). */
export class Api {
  /** How often a lookup still says `pending` before it says `posted`. */
  pendingLooks = 1;
  /** Names of executions by the ids of their entries, as operators are told them. */
  executions = new Map<string, string>();
  /** Ids whose reversals another one has overtaken. */
  overtaken = new Set<string>();
  #looks = new Map<string, number>();
  #sent = new Map<string, string>();

  readonly webhooks: Webhooks;
  readonly alerts: Alerts;

  constructor(readonly ledger: Ledger) {
    this.webhooks = new Webhooks(() => ledger.now());
    this.alerts = new Alerts(ledger, TODAY);
  }

  answer(call: Call): Reply {
    const [first = "", ...others] = call.path.split("/").filter(Boolean).map(decodeURIComponent);
    const [second = "", third = "", fourth = ""] = others;
    if (first === "webhook-endpoints") return this.webhooks.answer(call, others);
    if (first === "balance-alerts") return this.alerts.answer(call, second);
    const currency = call.query.get("currency") ?? "BRL";
    const route = `${call.method} ${first}`;
    if (route === "POST entries" && second === "") return this.#record(call);
    if (route === "POST entries" && second === "batch") return this.#batch(call);
    if (route === "POST entries" && third === "reversal") return this.#reverse(call, second);
    if (route === "GET entries" && second !== "") return this.#entry(second);
    if (route === "GET entries") return this.#statement(call, currency);
    if (route === "GET entries.csv") return this.#csv(call, currency);
    if (route === "GET daily-balances.csv") {
      return { status: 200, headers: { "Content-Type": "text/csv" }, body: "date,currency\r\n" };
    }
    if (route === "GET daily-balances" && third === "as-of") return ok(this.ledger.asOf(second, currency, fourth));
    if (route === "GET daily-balances" && second !== "") return ok(this.ledger.balance(second, currency));
    if (route === "GET daily-balances") return this.#balances(call, currency);
    if (route === "POST days") {
      const { seal, isNew } = this.ledger.seal(second, currency);
      return ok(seal, isNew ? 201 : 200);
    }
    if (route === "GET days") return ok({ seals: this.ledger.sealsOf(second, currency), next_cursor: null });
    return ok({ message: "Not Found" }, 404);
  }

  #record(call: Call): Reply {
    const key = call.headers["idempotency-key"] ?? "";
    const body = call.body as EntryRequest;
    const sent = JSON.stringify(body);
    const known = this.ledger.find(idOf(this.ledger.merchant, key));
    if (known && this.#sent.get(key) !== sent) return problem(422, "idempotency_key_reused");
    this.#sent.set(key, sent);
    const kept = this.ledger.post(key, body);
    return ok(this.#accepted(kept), 202, {
      Location: `/entries/${kept.line.id}`,
      ...(known && { "Idempotent-Replayed": "true" }),
    });
  }

  #accepted({ line }: Kept): object {
    const { id, type, amount, currency, date, description, category, reverses } = line;
    const entry = {
      id,
      merchant_id: this.ledger.merchant,
      type,
      amount,
      currency,
      date,
      description,
      category,
      status: "accepted",
    };
    return reverses ? { ...entry, reverses } : entry;
  }

  #batch(call: Call): Reply {
    const { entries } = call.body as { entries: BatchEntry[] };
    const kept = entries.map(({ idempotency_key, ...body }) => this.ledger.post(idempotency_key, body));
    return ok({ entries: kept.map(({ line }) => ({ id: line.id, status: "accepted" })) }, 202);
  }

  #reverse(call: Call, id: string): Reply {
    const original = this.ledger.find(id);
    if (!original) return problem(404, "not_found");
    if (original.line.reversed_by) return problem(409, "already_reversed");
    const { date, description } = call.body as { date?: string; description?: string };
    const { type, amount, currency, category } = original.line;
    const body = {
      type: type === "credit" ? "debit" : "credit",
      amount,
      currency,
      category,
      date,
      description,
    } as EntryRequest;
    const kept = this.ledger.post(call.headers["idempotency-key"] ?? "", body, { reverses: id });
    return ok(this.#accepted(kept), 202);
  }

  #entry(id: string): Reply {
    const kept = this.ledger.find(id);
    if (!kept) return problem(404, "not_found");
    const execution = this.executions.get(id);
    const common = {
      ...(this.#accepted(kept) as Record<string, unknown>),
      reverses: kept.line.reverses,
      ...(execution && { execution }),
    };
    const looks = (this.#looks.get(id) ?? 0) + 1;
    this.#looks.set(id, looks);
    if (this.overtaken.has(id)) return ok({ ...common, status: "already_reversed", conflicts: [] });
    if (looks <= this.pendingLooks) return ok({ ...common, status: "pending" });
    const { posted_at, reversed_by, seal } = kept.line;
    const late = seal === null && this.ledger.sealsOf(kept.line.date, kept.line.currency).length > 0;
    return ok({
      ...common,
      status: "posted",
      posted_at,
      reversed_by,
      seal,
      late,
      conflicts: [],
      balance_token: `token-${id}`,
    });
  }

  #statement(call: Call, currency: string): Reply {
    const lines = this.ledger.statement(call.query.get("date") ?? "", currency);
    const from = Number(call.query.get("cursor") ?? 0);
    const limit = Number(call.query.get("limit") ?? 100);
    const next = from + limit < lines.length ? String(from + limit) : null;
    return ok({ entries: lines.slice(from, from + limit), next_cursor: next });
  }

  #balances(call: Call, currency: string): Reply {
    const [from, to] = [call.query.get("from") ?? "", call.query.get("to") ?? ""];
    const balances = [];
    for (let at = Date.parse(from); at <= Date.parse(to); at += 86_400_000) {
      balances.push(this.ledger.balance(new Date(at).toISOString().slice(0, 10), currency));
    }
    return ok({ balances });
  }

  #csv(call: Call, currency: string): Reply {
    const [from, to] = [call.query.get("from") ?? "", call.query.get("to") ?? ""];
    const lines = this.ledger.entries.filter(
      ({ line }) => line.currency === currency && line.date >= from && line.date <= to,
    );
    const rows = lines.map(
      ({ line }) =>
        `${line.date},${line.id},${line.type},${line.amount},${line.currency},,,,${line.posted_at},,false,0.00`,
    );
    return { status: 200, headers: { "Content-Type": "text/csv" }, body: ["date,id,type", ...rows, ""].join("\r\n") };
  }
}

/** What the contract refuses of an entry: as much of it as the tests ask for. */
export function faultsOf(body: unknown): { pointer: string; code: FaultCode; detail: string }[] {
  const { amount } = body as EntryRequest;
  return typeof amount !== "string" || minorOf(amount) <= 0n
    ? [{ pointer: "/amount", code: "not_positive", detail: "must be greater than zero" }]
    : [];
}
