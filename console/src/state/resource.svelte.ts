import type { CallOptions, Wait } from "../api/call";
import { asProblem, type Problem } from "../api/problem";

/** Requests of pages that take longer than this show a line under the top bar. */
const SLOW_MS = 400;

class Activity {
  #slow = $state(0);

  get isSlow(): boolean {
    return this.#slow > 0;
  }

  /** Counts a request while it runs; the answer ends it. */
  begin(): () => void {
    let counted = false;
    const timer = setTimeout(() => {
      counted = true;
      this.#slow += 1;
    }, SLOW_MS);
    return () => {
      clearTimeout(timer);
      if (counted) this.#slow -= 1;
    };
  }
}

export const activity = new Activity();

/** Something that a page shows and reads from the API: what is there stays, dimmed, until the new answer comes. */
export class Resource<T> {
  data = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  wait = $state.raw<Wait | null>(null);
  loading = $state(false);
  /** The data belong to another question than the one that is being asked. */
  stale = $state(false);

  #name = "";
  #controller: AbortController | null = null;

  /** Asks, instead of what was asked before. `name` says what the answer is of. */
  async load(name: string, ask: (options: CallOptions) => Promise<T>): Promise<void> {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    if (name !== this.#name) this.stale = this.data !== null;
    this.#name = name;
    this.loading = true;
    this.wait = null;
    const end = activity.begin();
    try {
      const data = await ask({
        signal: controller.signal,
        onWait: (wait) => {
          if (this.#controller === controller) this.wait = wait;
        },
      });
      if (this.#controller !== controller) return;
      this.data = data;
      this.problem = null;
      this.stale = false;
    } catch (error) {
      if (this.#controller !== controller || controller.signal.aborted) return;
      this.problem = asProblem(error);
      // An answer to another question must not stand under this one's heading.
      if (this.stale) this.data = null;
      this.stale = false;
    } finally {
      end();
      if (this.#controller === controller) {
        this.loading = false;
        this.wait = null;
      }
    }
  }

  stop(): void {
    this.#controller?.abort();
    this.#controller = null;
    this.loading = false;
    this.wait = null;
  }

  clear(): void {
    this.stop();
    this.data = null;
    this.problem = null;
    this.#name = "";
  }
}
