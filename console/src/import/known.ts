import { entriesCsv } from "../api/endpoints";
import type { CallOptions } from "../api/call";
import { daysBetween } from "../lib/dates";
import { entryId } from "../lib/uuid5";
import type { SendRow } from "./rows";

const DAYS_MOST = 366;

/**
 * The rows that are posted already, by their line. The API has no list of keys, but a key gives the entry's id, and the export of the
 * file's days has the ids.
 */
export async function knownRows(
  rows: readonly SendRow[],
  merchant: string,
  options: CallOptions,
): Promise<Set<number>> {
  const posted = new Set<string>();
  for (const [currency, dates] of byCurrency(rows)) {
    for (const [from, to] of ranges(dates)) {
      for (const id of idsOf(await entriesCsv(from, to, currency, options))) posted.add(id);
    }
  }
  const known = new Set<number>();
  for (const row of rows) {
    if (row.exportedFrom && posted.has(row.exportedFrom)) known.add(row.line);
    for (const key of [row.entry.idempotency_key, ...row.otherKeys]) {
      if (posted.has(await entryId(merchant, key))) known.add(row.line);
    }
  }
  return known;
}

function byCurrency(rows: readonly SendRow[]): Map<string, string[]> {
  const dates = new Map<string, string[]>();
  for (const { entry } of rows) {
    if (!entry.date) continue;
    const currency = entry.currency ?? "BRL";
    const known = dates.get(currency);
    if (known) known.push(entry.date);
    else dates.set(currency, [entry.date]);
  }
  return dates;
}

/** Ranges of at most 366 days that cover the dates, without the years in which there is none. */
export function ranges(dates: readonly string[]): [string, string][] {
  const sorted = [...new Set(dates)].sort();
  const all: [string, string][] = [];
  for (const date of sorted) {
    const last = all.at(-1);
    if (last && daysBetween(last[0], date) < DAYS_MOST) last[1] = date;
    else all.push([date, date]);
  }
  return all;
}

/** The ids of an export: the second cell of each line. Neither date nor id can have a comma or a quote. */
function idsOf(csv: string): string[] {
  return [...csv.matchAll(/(?:^|\n)\d{4}-\d{2}-\d{2},([0-9a-f-]{36}),/g)].map((match) => match[1] ?? "");
}
