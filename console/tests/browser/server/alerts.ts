import type { BalanceAlert, BalanceAlertRequest } from "../../../src/api/types";
import type { Ledger } from "./ledger";
import { minorOf } from "./ledger";
import { ok, problem, type Call, type Reply } from "./replies";
import { uuidOf } from "./webhooks";

type Kept = Pick<BalanceAlert, "id" | "currency" | "threshold" | "direction" | "updated_at">;

/** Balance alerts in memory. On which side the balance is, is looked at when they are asked for. */
export class Alerts {
  kept: Kept[] = [];

  constructor(
    readonly ledger: Ledger,
    readonly today: string,
  ) {}

  set({ currency: asked, threshold, direction }: BalanceAlertRequest): BalanceAlert {
    const currency = asked ?? "BRL";
    const id = uuidOf(`alert ${currency} ${direction}`);
    const kept: Kept = { id, currency, threshold, direction, updated_at: this.ledger.now() };
    this.kept = [...this.kept.filter((each) => each.id !== id), kept];
    return this.#shown(kept);
  }

  answer(call: Call, id: string): Reply {
    if (call.method === "GET") return ok({ alerts: this.kept.map((each) => this.#shown(each)) });
    if (call.method === "PUT") return ok(this.set(call.body as BalanceAlertRequest));
    if (!this.kept.some((each) => each.id === id)) return problem(404, "not_found");
    this.kept = this.kept.filter((each) => each.id !== id);
    return { status: 204 };
  }

  #shown(kept: Kept): BalanceAlert {
    const balance = this.ledger.balance(this.today, kept.currency).closing_balance;
    const [now, limit] = [minorOf(balance), minorOf(kept.threshold)];
    const crossed = kept.direction === "below" ? now < limit : now > limit;
    return { ...kept, status: crossed ? "triggered" : "resolved", balance };
  }
}
