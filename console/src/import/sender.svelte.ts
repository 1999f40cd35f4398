import type { Wait } from "../api/call";
import { pause } from "../api/call";
import { entryIfKnown, recordBatch } from "../api/endpoints";
import { asProblem, Problem, type Fault } from "../api/problem";
import type { BatchEntry } from "../api/types";
import { faultSentence } from "../i18n/faults";
import { t, type Key } from "../i18n/index.svelte";
import { reading } from "../state/reading.svelte";
import { batches } from "./batches";
import { acceptedSoFar, rememberAccepted } from "./memory";
import type { NotTaken } from "./refused";
import type { SendRow } from "./rows";

export interface BatchState {
  entries: BatchEntry[];
  state: "queued" | "sending" | "accepted" | "balanced";
}

/** Times out a batch's way to the balance that is only waited for to show it; it is accepted, and nothing is lost. */
const BALANCED_WAIT_MS = 60_000;

/** Sends rows batch by batch. Every row has its key, so whatever is sent again, after a pause, an error or a reload, is posted once. */
export class Sender {
  all = $state.raw<BatchState[]>([]);
  running = $state(false);
  wait = $state.raw<Wait | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** Rows that the API did not take. */
  notTaken = $state.raw<NotTaken[]>([]);
  /** Rows that an earlier run had sent. */
  readonly resumed: number;

  readonly #name: string;
  readonly #rows: Map<string, SendRow>;
  #accepted: number;
  #controller = new AbortController();

  constructor(rows: readonly SendRow[], name: string) {
    this.#name = name;
    this.#rows = new Map(rows.map((row) => [row.entry.idempotency_key, row]));
    // What an earlier run has sent comes again as a replay if it is not known by now: asking costs less than trusting a count.
    this.resumed = acceptedSoFar(name);
    this.#accepted = 0;
    this.all = batches(rows.map((row) => row.entry)).map((entries) => ({ entries, state: "queued" }));
  }

  get at(): number {
    const next = this.all.findIndex((batch) => batch.state === "queued" || batch.state === "sending");
    return next < 0 ? this.all.length : next;
  }

  get isDone(): boolean {
    return this.at === this.all.length;
  }

  count(...states: BatchState["state"][]): number {
    return this.all
      .filter((batch) => states.includes(batch.state))
      .reduce((total, batch) => total + batch.entries.length, 0);
  }

  pause(): void {
    this.#controller.abort();
  }

  async run(): Promise<void> {
    if (this.running) return;
    this.#controller = new AbortController();
    this.running = true;
    this.problem = null;
    try {
      while (!this.isDone && !this.#controller.signal.aborted) await this.#sendNext(this.at);
    } catch (error) {
      if (!this.#controller.signal.aborted) this.problem = asProblem(error);
      this.#mark(this.at, "queued");
    } finally {
      this.running = false;
      this.wait = null;
    }
  }

  async #sendNext(index: number): Promise<void> {
    const batch = this.all[index];
    if (!batch) return;
    this.#mark(index, "sending");
    const signal = this.#controller.signal;
    try {
      const answer = await recordBatch(batch.entries, { signal, tries: 20, onWait: (wait) => (this.wait = wait) });
      this.#accepted += batch.entries.length;
      rememberAccepted(this.#name, this.#accepted);
      this.#mark(index, "accepted");
      void this.#untilBalanced(batch.entries, answer.data.entries.at(-1)?.id ?? "");
    } catch (error) {
      if (!(error instanceof Problem) || !this.#mend(index, batch, error)) throw error;
    }
  }

  /** Goes on without the entries that the API names, or with halves of a batch that is too large. `false` if nothing can be done. */
  #mend(index: number, batch: BatchState, problem: Problem): boolean {
    if (problem.status === 413 && batch.entries.length > 1) {
      const half = Math.ceil(batch.entries.length / 2);
      this.#replace(index, [batch.entries.slice(0, half), batch.entries.slice(half)]);
      return true;
    }
    const named = new Map<number, string[]>();
    for (const fault of problem.faults) {
      const [, entries, at, field = ""] = fault.pointer?.split("/") ?? [];
      if (entries !== "entries" || at === undefined) continue;
      named.set(Number(at), [...(named.get(Number(at)) ?? []), reason(fault, field, batch.entries[Number(at)])]);
    }
    if (named.size === 0) return false;
    for (const [at, texts] of named) {
      const row = this.#rows.get(batch.entries[at]?.idempotency_key ?? "");
      if (row) this.notTaken = [...this.notTaken, { row, reason: texts.join("; ") }];
    }
    const left = batch.entries.filter((_, at) => !named.has(at));
    this.#replace(index, left.length > 0 ? [left] : []);
    return true;
  }

  async #untilBalanced(entries: BatchEntry[], lastId: string): Promise<void> {
    const begun = performance.now();
    try {
      while (performance.now() - begun < BALANCED_WAIT_MS) {
        await pause(500);
        const found = await entryIfKnown(lastId, { tries: 3 });
        if (found?.status !== "posted") continue;
        reading.posted(found.balance_token);
        this.all = this.all.map((batch) => (batch.entries === entries ? { entries, state: "balanced" } : batch));
        return;
      }
    } catch {
      // It is accepted; that it cannot be looked at now changes nothing.
    }
  }

  #mark(index: number, state: BatchState["state"]): void {
    this.all = this.all.map((batch, at) => (at === index ? { ...batch, state } : batch));
  }

  #replace(index: number, parts: BatchEntry[][]): void {
    const batchesOf = parts.map((entries): BatchState => ({ entries, state: "queued" }));
    this.all = [...this.all.slice(0, index), ...batchesOf, ...this.all.slice(index + 1)];
  }
}

const FIELDS: Record<string, Key> = {
  type: "entry.type",
  amount: "entry.amount",
  currency: "entry.currency",
  date: "entry.date",
  description: "entry.description",
  category: "entry.category",
};

/** Why the API did not take a row: the field, where a row has it, and what is wrong there. */
function reason(fault: Fault, field: string, entry: BatchEntry | undefined): string {
  const value = (entry as Record<string, string | null | undefined> | undefined)?.[field];
  const sentence = faultSentence(fault, { field, value, currency: entry?.currency ?? "BRL" });
  const name = FIELDS[field];
  return name ? `${t(name)}: ${sentence}` : sentence;
}
