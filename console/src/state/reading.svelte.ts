import { dailyBalance, dailyBalances } from "../api/endpoints";
import type { CallOptions } from "../api/call";
import { Problem } from "../api/problem";
import type { DailyBalance } from "../api/types";
import { app } from "./app.svelte";

/**
 * Balances that include what this page has posted. A posted entry's `balance_token` goes with every reading; where the balances do
 * not have the entry yet, the ones before are shown, said to be so, and read again.
 */
class Reading {
  /** The balances on screen lack an entry of this page; they are read again in so many seconds. */
  lacking = $state.raw<{ code: string; seconds: number } | null>(null);
  /** Entries of this page that are accepted and not in the balances yet. */
  awaited = $state(0);

  #token = $state.raw<string | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The balances on screen were read with the proof that they have what this page has posted. */
  get includesYours(): boolean {
    return this.#token !== null && this.awaited === 0 && this.lacking === null;
  }

  /** Balances have the entry of this token: they are read again, with it. */
  posted(token: string): void {
    this.#token = token;
    app.changed();
  }

  forget(): void {
    this.#token = null;
    this.lacking = null;
    clearTimeout(this.#timer);
  }

  range(from: string, to: string, currency: string, options: CallOptions): Promise<DailyBalance[]> {
    return this.#read((token) => dailyBalances(from, to, currency, token, options));
  }

  day(date: string, currency: string, options: CallOptions): Promise<DailyBalance> {
    return this.#read((token) => dailyBalance(date, currency, token, options));
  }

  async #read<T>(ask: (token: string | null) => Promise<T>): Promise<T> {
    try {
      const answer = await ask(this.#token);
      this.lacking = null;
      return answer;
    } catch (error) {
      if (!(error instanceof Problem) || !this.#token) throw error;
      if (error.code === "not_yet_reflected") {
        this.#again(error.retryAfterS ?? 2);
        return ask(null);
      }
      // A token of before a change of the installation's key is refused; the balances are answered without it.
      if (error.code === "parameter_invalid" && error.faults.some((fault) => fault.parameter === "token")) {
        this.#token = null;
        return ask(null);
      }
      throw error;
    }
  }

  #again(seconds: number): void {
    this.lacking = { code: "not_yet_reflected", seconds };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => app.changed(), seconds * 1000);
  }
}

export const reading = new Reading();
