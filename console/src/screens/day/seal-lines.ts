import type { Seal, StatementLine } from "../../api/types";

export interface SealLine {
  seal: Seal;
  /** The balance up to the line; `null` if a line above it is not covered, so that no balance is the seal's. */
  balance: string | null;
}

/**
 * The seals to draw below each line, by its place. A seal stands below the last entry that it covers. Entries and a seal that were made
 * at the same time may stand in another order; then the late one above the line says so itself.
 */
export function sealLines(
  lines: readonly StatementLine[],
  seals: readonly Seal[],
  isWhole: boolean,
): Map<number, SealLine[]> {
  const places = new Map<number, SealLine[]>();
  for (const seal of [...seals].sort((a, b) => a.number - b.number)) {
    const covers = (line: StatementLine): boolean => line.seal !== null && line.seal <= seal.number;
    const at = lines.findLastIndex(covers);
    // Further entries that it covers may be on the next page.
    if (at < 0 || (at === lines.length - 1 && !isWhole)) continue;
    const exact = lines.slice(0, at + 1).every(covers);
    const line = { seal, balance: exact ? (lines[at]?.running_balance ?? null) : null };
    places.set(at, [...(places.get(at) ?? []), line]);
  }
  return places;
}
