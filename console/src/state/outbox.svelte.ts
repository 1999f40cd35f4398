import { recordEntry } from "../api/endpoints";
import { asProblem } from "../api/problem";
import type { EntryRequest } from "../api/types";
import { session } from "../auth/session.svelte";
import { sentence } from "../i18n/errors";
import { tn } from "../i18n/index.svelte";
import { isRecord, local, read, write } from "../lib/storage";
import { reading } from "./reading.svelte";
import { app } from "./app.svelte";
import { toasts } from "./toasts.svelte";

/** An entry that could not be sent. Its key never changes, so that sending it again posts it once. */
export interface Unsent {
  owner: string;
  key: string;
  body: EntryRequest;
  /** Why the API did not accept it; then it is not sent again. */
  refused: string | null;
}

const NAME = "fluxo.outbox";

function isUnsent(value: unknown): value is Unsent {
  return (
    isRecord(value) && typeof value["owner"] === "string" && typeof value["key"] === "string" && isRecord(value["body"])
  );
}

function isList(value: unknown): value is Unsent[] {
  return Array.isArray(value) && value.every(isUnsent);
}

/** Who a stored thing belongs to: what one user typed is neither shown to nor sent by another. */
export function owner(): string {
  return `${session.merchant}\n${session.claims?.subject ?? ""}`;
}

/** Entries kept on this device while there is no connection, and sent once when there is. Every tab sees the same list. */
class Outbox {
  #all = $state.raw<Unsent[]>(read(local, NAME, isList) ?? []);
  sending = $state(false);

  get items(): Unsent[] {
    const mine = owner();
    return this.#all.filter((item) => item.owner === mine);
  }

  get count(): number {
    return this.items.length;
  }

  start(): void {
    addEventListener("online", () => void this.send());
    addEventListener("storage", (event) => {
      if (event.key === NAME) this.#all = read(local, NAME, isList) ?? [];
    });
    void this.send();
  }

  /** Whether it is kept now. If not, it must stay where it is. */
  add(key: string, body: EntryRequest): boolean {
    return this.#change((all) => [
      ...all.filter((item) => item.key !== key),
      { owner: owner(), key, body, refused: null },
    ]);
  }

  discard(key: string): void {
    this.#change((all) => all.filter((item) => item.key !== key));
  }

  /** Sends what waits, one by one. Another tab that does the same at the same time does no harm: the keys are the same. */
  async send(): Promise<void> {
    if (this.sending || session.state !== "signed-in") return;
    this.sending = true;
    let sent = 0;
    try {
      for (const item of this.items.filter((item) => item.refused === null)) {
        try {
          await recordEntry(item.key, item.body, { tries: 2 });
          this.discard(item.key);
          sent += 1;
        } catch (error) {
          const problem = asProblem(error);
          if (problem.isTransient || problem.status >= 500 || problem.status === 401) break;
          const refused = sentence(problem);
          this.#change((all) => all.map((other) => (other.key === item.key ? { ...other, refused } : other)));
        }
      }
    } finally {
      this.sending = false;
    }
    if (sent > 0) {
      toasts.show(tn("outbox.sent", sent));
      // Accepted, and posted in moments; the screens are read again then.
      setTimeout(() => app.changed(), 2000);
      reading.lacking = null;
    }
  }

  #change(change: (all: Unsent[]) => Unsent[]): boolean {
    const all = change(read(local, NAME, isList) ?? []);
    const kept = write(local, NAME, all);
    if (kept) this.#all = all;
    return kept;
  }
}

export const outbox = new Outbox();
