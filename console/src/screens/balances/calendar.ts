import { addDays, weekday } from "../../lib/dates";

export interface Half {
  /** Weeks from Sunday to Saturday; the first and the last have days of the half's neighbours. */
  weeks: string[][];
  /** Where each month begins. */
  months: { date: string; week: number }[];
  isIn(date: string): boolean;
}

/** A year in two halves, so that a phone shows one below the other. A week belongs to the half in which it begins. */
export function halves(year: number): Half[] {
  const jan = `${year}-01-01`;
  const dec = `${year}-12-31`;
  const begin = addDays(jan, -weekday(jan));
  const weeks: string[][] = [];
  for (let sunday = begin; sunday <= dec; sunday = addDays(sunday, 7)) {
    weeks.push(Array.from({ length: 7 }, (_, index) => addDays(sunday, index)));
  }
  const isIn = (date: string): boolean => date >= jan && date <= dec;
  return [weeks.slice(0, 26), weeks.slice(26)].map((part) => ({ weeks: part, months: monthsOf(part, year), isIn }));
}

function monthsOf(weeks: string[][], year: number): Half["months"] {
  const months: Half["months"] = [];
  weeks.forEach((week, index) => {
    const first = week.find((date) => date.endsWith("-01") && date.startsWith(`${year}-`));
    if (first) months.push({ date: first, week: index });
  });
  return months;
}

/**
 * Three steps of size: the thirds of the days sorted by size, so that one large day does not make all others pale. Without days
 * to compare, everything is the first step.
 */
export function levels(nets: readonly bigint[]): (net: bigint) => 1 | 2 | 3 {
  const size = (net: bigint): bigint => (net < 0n ? -net : net);
  const sizes = nets.map(size).filter((net) => net > 0n);
  sizes.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const at = (share: number): bigint => sizes[Math.floor(sizes.length * share)] ?? 0n;
  const [low, high] = [at(1 / 3), at(2 / 3)];
  return (net) => (size(net) > high ? 3 : size(net) > low ? 2 : 1);
}
