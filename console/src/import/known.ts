import { entriesCsvPages, entryIfKnown } from "../api/endpoints";
import type { CallOptions } from "../api/call";
import type { Entry } from "../api/types";
import { daysBetween } from "../lib/dates";
import { entryId } from "../lib/uuid5";
import type { SendRow } from "./rows";

const DAYS_MOST = 366;

/** Where the API is asked; tests answer in its place. */
export interface Asked {
  pages(from: string, to: string, currency: string, options: CallOptions): AsyncIterable<string>;
  entry(id: string, options: CallOptions): Promise<Entry | null>;
}

const API: Asked = { pages: entriesCsvPages, entry: entryIfKnown };

/** An entry that a row may be, and whether it counts if it was reversed since. */
interface Candidate {
  line: number;
  countsReversed: boolean;
}

/**
 * The rows that are posted already, by their line. The API has no list of keys, but a key gives the entry's id, and the export of the
 * file's days has the ids. It is read page by page, and no further than until all are found: a merchant may have far more entries than
 * the file has rows. As for the command, an entry that was posted under another key and reversed since is none any more.
 */
export async function knownRows(
  rows: readonly SendRow[],
  merchant: string,
  options: CallOptions,
  asked: Asked = API,
): Promise<Set<number>> {
  const wanted = await candidates(rows, merchant);
  const known = new Set<number>();
  const inDoubt = new Map<string, number[]>();
  const take = (id: string): void => {
    for (const { line, countsReversed } of wanted.get(id) ?? []) {
      if (countsReversed) known.add(line);
      else inDoubt.set(id, [...(inDoubt.get(id) ?? []), line]);
    }
    wanted.delete(id);
  };
  for (const [currency, dates] of byCurrency(rows)) {
    for (const [from, to] of ranges(dates)) {
      if (wanted.size === 0) break;
      for await (const page of asked.pages(from, to, currency, options)) {
        idsOf(page).forEach(take);
        if (wanted.size === 0) break;
      }
    }
  }
  for (const [id, lines] of inDoubt) {
    if (lines.every((line) => known.has(line))) continue;
    const found = await asked.entry(id, options);
    if (found?.status === "posted" && found.reversed_by === null) for (const line of lines) known.add(line);
  }
  return known;
}

/** By the ids of the entries that the rows may be. */
async function candidates(rows: readonly SendRow[], merchant: string): Promise<Map<string, Candidate[]>> {
  const all = new Map<string, Candidate[]>();
  const add = (id: string, line: number, countsReversed: boolean): void => {
    all.set(id, [...(all.get(id) ?? []), { line, countsReversed }]);
  };
  for (const { line, entry, otherKeys, exportedFrom } of rows) {
    // Its own key is used for ever, whatever became of the entry; and whoever exports an entry sees that it was reversed.
    add(await entryId(merchant, entry.idempotency_key), line, true);
    if (exportedFrom) add(exportedFrom, line, true);
    for (const key of otherKeys) add(await entryId(merchant, key), line, false);
  }
  return all;
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

/** The ids of a page of an export: the second cell of each line. Neither date nor id can have a comma or a quote. */
function idsOf(csv: string): string[] {
  return [...csv.matchAll(/(?:^|\n)\d{4}-\d{2}-\d{2},([0-9a-f-]{36}),/g)].map((match) => match[1] ?? "");
}
