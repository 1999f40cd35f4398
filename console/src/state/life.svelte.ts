import { pause } from "../api/call";
import { dailyBalance, entryIfKnown } from "../api/endpoints";
import { asProblem, type Problem } from "../api/problem";
import type { AcceptedEntry, AcceptedReversal, Conflict, DailyBalance, Entry } from "../api/types";
import { isRecord, read, session as tab, write } from "../lib/storage";
import { reading } from "./reading.svelte";

/** Accepted → posted → in the balance; a reversal may end as overtaken. */
export type Stage = "accepted" | "posted" | "balanced" | "overtaken";

const FIRST_PAUSE_MS = 150;
const LONGEST_PAUSE_MS = 3000;
/** An entry whose ledger is down for longer is looked at when the page is loaded again. */
const WATCHED_MS = 15 * 60_000;
const SLOW_MS = 8000;
/** At 2 to 3 s a try, some minutes. */
const MOST_TRIES = 100;

/** What becomes of an entry that this page has sent: asked until the balance of its day includes it. */
export class Life {
  stage = $state<Stage>("accepted");
  /** Milliseconds from the 202 until this page saw it posted, and in the balance. */
  postedMs = $state<number | null>(null);
  balancedMs = $state<number | null>(null);
  isSlow = $state(false);
  late = $state(false);
  conflicts = $state.raw<Conflict[]>([]);
  balance = $state.raw<DailyBalance | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** What the API last said of the entry. */
  found = $state.raw<Entry | null>(null);

  readonly acceptedAt = new Date().toISOString();
  #begun = performance.now();
  #controller = new AbortController();

  constructor(
    readonly entry: AcceptedEntry | AcceptedReversal,
    readonly isRepeat: boolean,
  ) {}

  stop(): void {
    this.#controller.abort();
  }

  /** Follows the entry to its end. Never fails: what goes wrong is shown, and asked again. */
  async follow(): Promise<Stage> {
    reading.awaited += 1;
    try {
      const token = await this.#untilPosted();
      if (token) await this.#untilBalanced(token);
    } catch (error) {
      if (!this.#controller.signal.aborted) this.problem = asProblem(error);
    } finally {
      reading.awaited -= 1;
    }
    return this.stage;
  }

  async #untilPosted(): Promise<string | null> {
    let wait = FIRST_PAUSE_MS;
    while (performance.now() - this.#begun < WATCHED_MS) {
      await pause(wait, this.#controller.signal);
      wait = Math.min(wait * 1.6, LONGEST_PAUSE_MS);
      this.isSlow = performance.now() - this.#begun > SLOW_MS;
      const found = await this.#look();
      // Not found is not lost: the memory of requests is best effort, and the entry is posted all the same.
      if (found) this.found = found;
      if (!found || found.status === "pending") continue;
      this.conflicts = found.conflicts;
      if (found.status === "already_reversed") {
        this.stage = "overtaken";
        return null;
      }
      this.late = found.late;
      this.postedMs = performance.now() - this.#begun;
      this.stage = "posted";
      return found.balance_token;
    }
    return null;
  }

  async #look(): ReturnType<typeof entryIfKnown> {
    try {
      return await entryIfKnown(this.entry.id, { signal: this.#controller.signal, tries: 1 });
    } catch (error) {
      const problem = asProblem(error);
      if (this.#controller.signal.aborted || !(problem.isTransient || problem.status >= 500)) throw error;
      return null;
    }
  }

  async #untilBalanced(token: string): Promise<void> {
    const { date, currency } = this.entry;
    const balance = await dailyBalance(date, currency, token, {
      signal: this.#controller.signal,
      repeatOn: ["not_yet_reflected"],
      tries: MOST_TRIES,
      onWait: (wait) => {
        this.isSlow ||= wait !== null;
        reading.lacking = wait;
      },
    });
    this.balance = balance;
    this.balancedMs = performance.now() - this.#begun;
    this.stage = "balanced";
    remember(this.entry.id, this.postedMs ?? 0, this.balancedMs);
    reading.posted(token);
  }
}

interface Times {
  posted: number;
  balanced: number;
}

const TIMES = "fluxo.times";
const MOST_TIMES = 200;

function isTimes(value: unknown): value is Record<string, Times> {
  return isRecord(value);
}

function remember(id: string, posted: number, balanced: number): void {
  const all = Object.entries(read(tab, TIMES, isTimes) ?? {}).slice(-MOST_TIMES + 1);
  write(tab, TIMES, Object.fromEntries([...all, [id, { posted, balanced }]]));
}

/** How long an entry took that this tab has sent; of others nobody knows when they were accepted. */
export function timesOf(id: string): Times | null {
  return read(tab, TIMES, isTimes)?.[id] ?? null;
}
