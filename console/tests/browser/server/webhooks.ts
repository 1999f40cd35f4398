import { createHash } from "node:crypto";
import type {
  Delivery,
  DeliveryStatus,
  EventType,
  NewWebhookEndpoint,
  RotatedSecret,
  WebhookEndpoint,
  WebhookEndpointRequest,
} from "../../../src/api/types";
import { ok, problem, type Call, type Reply } from "./replies";

const MOST = 5;
const NOT_ADMITTED = { pointer: "/url", code: "not_admitted", detail: "what the API says in English" };
const DAY_MS = 86_400_000;

/** A UUID that is the same in every run. */
export function uuidOf(name: string): string {
  const hex = createHash("sha1").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** How a delivery ended, as a test wants it. */
export interface Outcome {
  status: DeliveryStatus;
  response?: number;
  error?: string;
  attempts?: number;
  next?: string;
}

/** Webhook endpoints and their deliveries in memory. Nothing is sent to anybody. */
export class Webhooks {
  endpoints: WebhookEndpoint[] = [];
  #deliveries = new Map<string, Delivery[]>();
  #secrets = 0;

  constructor(readonly now: () => string) {}

  add(url: string, types: EventType[] = []): NewWebhookEndpoint {
    const endpoint: WebhookEndpoint = {
      id: uuidOf(`endpoint ${url} ${this.#secrets}`),
      url,
      types,
      status: "enabled",
      created_at: this.now(),
    };
    this.endpoints.push(endpoint);
    return { ...endpoint, status: "enabled", ...this.#secret() };
  }

  /** As after days of failure. */
  disable(id: string): void {
    for (const endpoint of this.endpoints) {
      if (endpoint.id !== id) continue;
      endpoint.status = "disabled";
      endpoint.disabled = { reason: "failing", at: this.now() };
    }
  }

  /** A delivery, the newest of its endpoint. */
  deliver(endpoint: string, type: EventType, outcome: Outcome): Delivery {
    const list = this.#deliveries.get(endpoint) ?? [];
    const at = this.now();
    const attempts = outcome.attempts ?? 1;
    const event = uuidOf(`event ${endpoint} ${list.length}`);
    const delivery: Delivery = {
      id: `${Date.parse(at)}000-${event}`,
      event_id: event,
      event_type: type,
      status: outcome.status,
      attempt_count: attempts,
      created_at: at,
      ...(attempts > 0 && {
        last_attempt: {
          at,
          duration_ms: 87,
          ...(outcome.response && { response_status: outcome.response }),
          ...(outcome.error && { error: outcome.error }),
        },
      }),
      ...(outcome.next && { next_attempt_at: outcome.next }),
    };
    this.#deliveries.set(endpoint, [delivery, ...list]);
    return delivery;
  }

  answer(call: Call, [id = "", action = "", delivery = "", last = ""]: string[]): Reply {
    if (id === "") return call.method === "POST" ? this.#add(call) : ok({ endpoints: this.endpoints });
    const endpoint = this.endpoints.find((each) => each.id === id);
    if (!endpoint) return problem(404, "not_found");
    switch (`${call.method} ${action}`) {
      case "GET ":
        return ok(endpoint);
      case "DELETE ":
        this.endpoints = this.endpoints.filter((each) => each !== endpoint);
        return { status: 204 };
      case "POST rotate-secret":
        return ok(this.#rotate(endpoint));
      case "POST enable":
        endpoint.status = "enabled";
        delete endpoint.disabled;
        return ok(endpoint);
      case "GET deliveries":
        return this.#list(call, id);
      case "POST deliveries":
        return last === "redeliver" ? this.#redeliver(id, delivery) : ok({ message: "Not Found" }, 404);
      default:
        return ok({ message: "Not Found" }, 404);
    }
  }

  #secret(): { secret: string; public_key: string } {
    this.#secrets += 1;
    const text = (kind: string): string => createHash("sha256").update(`${kind} ${this.#secrets}`).digest("base64");
    return { secret: `whsec_${text("secret")}`, public_key: `whpk_${text("key")}` };
  }

  #add(call: Call): Reply {
    const { url, types } = call.body as WebhookEndpointRequest;
    // As much of what is refused as the tests ask for.
    if (!url.startsWith("https://") || /\/\/(localhost|10\.|user:|[^/]*:22)|#/.test(url))
      return problem(400, "validation_failed", { errors: [NOT_ADMITTED] });
    if (this.endpoints.length >= MOST) return problem(409, "too_many_webhook_endpoints");
    const added = this.add(url, types ?? []);
    return ok(added, 201, { Location: `/webhook-endpoints/${added.id}` });
  }

  #rotate(endpoint: WebhookEndpoint): RotatedSecret {
    const previous_valid_until = new Date(Date.parse(this.now()) + DAY_MS).toISOString();
    endpoint.previous_valid_until = previous_valid_until;
    return { ...this.#secret(), previous_valid_until };
  }

  #list(call: Call, id: string): Reply {
    const status = call.query.get("status");
    const limit = Number(call.query.get("limit") ?? 50);
    const from = Number(call.query.get("cursor") ?? 0);
    const all = (this.#deliveries.get(id) ?? []).filter((each) => !status || each.status === status);
    const next = from + limit < all.length ? String(from + limit) : null;
    return ok({ deliveries: all.slice(from, from + limit), next_cursor: next });
  }

  #redeliver(endpoint: string, id: string): Reply {
    const list = this.#deliveries.get(endpoint) ?? [];
    const delivery = list.find((each) => each.id === id);
    if (!delivery) return problem(404, "not_found");
    if (this.endpoints.some((each) => each.id === endpoint && each.status === "disabled"))
      return problem(409, "webhook_endpoint_disabled");
    delivery.status = "pending";
    delivery.next_attempt_at = this.now();
    return { status: 202 };
  }
}
