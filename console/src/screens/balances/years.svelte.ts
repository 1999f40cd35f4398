import type { Problem } from "../../api/problem";
import type { Wait } from "../../api/call";
import type { DailyBalance } from "../../api/types";
import { year } from "../../lib/dates";
import { reading } from "../../state/reading.svelte";
import { Resource } from "../../state/resource.svelte";

/**
 * The balances of whole years, one call for each: hero, range and calendar are all cut from them, so that going through the year asks
 * nothing more. They outlive the screen, so coming back shows the figures at once while they are read again.
 */
class Years {
  #years = $state.raw<ReadonlyMap<string, Resource<DailyBalance[]>>>(new Map());

  /** Reads these years of a currency; `fresh` also those that are there already. */
  need(numbers: readonly number[], currency: string, fresh: boolean): void {
    for (const number of new Set(numbers)) {
      const name = `${number} ${currency}`;
      let resource = this.#years.get(name);
      if (resource && !fresh && !resource.problem) continue;
      if (!resource) {
        resource = new Resource<DailyBalance[]>();
        this.#years = new Map([...this.#years, [name, resource]]);
      }
      void resource.load(name, (options) => reading.range(`${number}-01-01`, `${number}-12-31`, currency, options));
    }
  }

  of(number: number, currency: string): DailyBalance[] | null {
    return this.#years.get(`${number} ${currency}`)?.data ?? null;
  }

  /** The balances of a range; `null` while a year of it is missing. */
  range(from: string, to: string, currency: string): DailyBalance[] | null {
    const all: DailyBalance[] = [];
    for (let number = year(from); number <= year(to); number++) {
      const balances = this.of(number, currency);
      if (!balances) return null;
      all.push(...balances.filter(({ date }) => date >= from && date <= to));
    }
    return all;
  }

  problem(numbers: readonly number[], currency: string): Problem | null {
    return this.#first(numbers, currency, (resource) => resource.problem);
  }

  wait(numbers: readonly number[], currency: string): Wait | null {
    return this.#first(numbers, currency, (resource) => resource.wait);
  }

  isLoading(numbers: readonly number[], currency: string): boolean {
    return this.#first(numbers, currency, (resource) => (resource.loading ? true : null)) ?? false;
  }

  forget(): void {
    for (const resource of this.#years.values()) resource.stop();
    this.#years = new Map();
  }

  #first<T>(
    numbers: readonly number[],
    currency: string,
    pick: (resource: Resource<DailyBalance[]>) => T | null,
  ): T | null {
    for (const number of numbers) {
      const resource = this.#years.get(`${number} ${currency}`);
      const picked = resource ? pick(resource) : null;
      if (picked) return picked;
    }
    return null;
  }
}

export const years = new Years();
