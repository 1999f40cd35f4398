import { balanceAsOf, seals, statementPage, wholeStatement } from "../../api/endpoints";
import { asProblem, type Problem } from "../../api/problem";
import type { BalanceAsOf, DailyBalance, Seals, StatementLine } from "../../api/types";
import { addDays, FIRST_DATE, weekday } from "../../lib/dates";
import { reading } from "../../state/reading.svelte";
import { activity, Resource } from "../../state/resource.svelte";
import { rebuilt } from "./past";

const PAGE = 100;
const PAGE_MOST = 500;
/** A past statement of more lines is not rebuilt in the browser. */
const PAST_MOST = 5000;

interface Lines {
  lines: StatementLine[];
  cursor: string | null;
}

export interface Past {
  balance: BalanceAsOf;
  /** `null` if the lines of today do not add up to what the ledger says of then. */
  lines: StatementLine[] | null;
}

/** What a day's screen shows. The answers of one day never stand under the name of another. */
export class DayData {
  readonly week = new Resource<DailyBalance[]>();
  readonly statement = new Resource<Lines>();
  readonly seals = new Resource<Seals>();
  readonly past = new Resource<Past>();
  moreProblem = $state.raw<Problem | null>(null);
  loadingMore = $state(false);

  #name = "";
  #date = "";
  #currency = "";

  load(date: string, currency: string): void {
    const name = `${date} ${currency}`;
    // As many lines as were there, so that nobody loses the place when something is posted.
    const lines = name === this.#name ? (this.statement.data?.lines.length ?? 0) : 0;
    const limit = Math.min(Math.max(PAGE, Math.ceil(lines / PAGE) * PAGE), PAGE_MOST);
    [this.#name, this.#date, this.#currency] = [name, date, currency];
    this.moreProblem = null;
    const sunday = addDays(date, -weekday(date));
    // The first week of all begins on a Monday: the API refuses the day before.
    const from = sunday < FIRST_DATE ? FIRST_DATE : sunday;
    void this.week.load(`${sunday} ${currency}`, (options) =>
      reading.range(from, addDays(sunday, 6), currency, options),
    );
    void this.statement.load(name, async (options) => {
      const page = await statementPage(date, currency, limit, null, options);
      return { lines: page.entries, cursor: page.next_cursor };
    });
    void this.seals.load(name, (options) => seals(date, currency, options));
  }

  loadPast(date: string, currency: string, instant: string): void {
    void this.past.load(`${date} ${currency} ${instant}`, async (options) => {
      const balance = await balanceAsOf(date, instant, currency, options);
      const lines = await wholeStatement(date, currency, PAST_MOST, options);
      return { balance, lines: lines && rebuilt(lines, balance) };
    });
  }

  balance(date: string): DailyBalance | null {
    return this.week.data?.find((day) => day.date === date) ?? null;
  }

  async more(): Promise<void> {
    const before = this.statement.data;
    if (!before?.cursor || this.loadingMore || this.statement.loading) return;
    const name = this.#name;
    this.loadingMore = true;
    this.moreProblem = null;
    const end = activity.begin();
    try {
      const page = await statementPage(this.#date, this.#currency, PAGE, before.cursor, {});
      if (this.#name !== name || this.statement.data !== before) return;
      this.statement.data = { lines: [...before.lines, ...page.entries], cursor: page.next_cursor };
    } catch (error) {
      this.moreProblem = asProblem(error);
    } finally {
      end();
      this.loadingMore = false;
    }
  }

  /** Loads pages until the entry is among them; at most so many that a page of lines stays a page. */
  async find(entry: string): Promise<boolean> {
    for (let page = 0; page < 20; page++) {
      if (this.statement.data?.lines.some((line) => line.id === entry)) return true;
      if (!this.statement.data?.cursor) return false;
      await this.more();
    }
    return false;
  }

  stop(): void {
    for (const resource of [this.week, this.statement, this.seals, this.past]) resource.stop();
  }
}
