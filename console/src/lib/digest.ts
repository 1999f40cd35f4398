/** The digest of a seal, computed again from the statement by the recipe of the API's contract (openapi.yaml, tag Seals). */

import type { Seal, StatementLine } from "../api/types";
import { digitsOf, sum } from "./money";
import { hex } from "./uuid5";

export type Sealed = Pick<
  StatementLine,
  "id" | "type" | "amount" | "currency" | "date" | "description" | "category" | "reverses" | "seal"
>;

/** The entries that seal `number` covers: every seal covers what the ones before did. */
export function covered<T extends { seal: number | null }>(entries: readonly T[], number: number): T[] {
  return entries.filter((entry) => entry.seal !== null && entry.seal <= number);
}

/** SHA-256 of the covered entries, in hexadecimal digits. */
export async function sealDigest(entries: readonly Sealed[], number: number): Promise<string> {
  const encoder = new TextEncoder();
  // Ids are lower-case ASCII, so the order of code units is the order of the recipe.
  const sorted = covered(entries, number).sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  let text = "";
  for (const entry of sorted) {
    const minorUnits = entry.amount.replace(".", "").replace(/^0+/, "");
    const fields = [
      entry.id,
      entry.type,
      minorUnits,
      entry.currency,
      entry.date,
      entry.description,
      entry.category,
      entry.reverses,
    ];
    for (const field of fields) {
      text += field === null ? "absent\n" : `${encoder.encode(field).length}:${field}\n`;
    }
  }
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))));
}

/** Whether the entries that a seal covers are as many, and add up to as much, as it says: its digest is of the entries alone. */
export function saysTheSame(
  entries: readonly Pick<StatementLine, "type" | "amount" | "seal">[],
  seal: Pick<Seal, "number" | "entry_count" | "total_credits" | "total_debits">,
): boolean {
  const sealed = covered(entries, seal.number);
  const total = (type: StatementLine["type"]): string =>
    sum(
      sealed.filter((entry) => entry.type === type).map((entry) => entry.amount),
      digitsOf(seal.total_credits),
    );
  return (
    sealed.length === seal.entry_count && total("credit") === seal.total_credits && total("debit") === seal.total_debits
  );
}

/** A digest in groups of four digits, to compare by eye. */
export function grouped(digest: string): string {
  return (digest.match(/.{1,4}/g) ?? []).join(" ");
}
