import { csv } from "../lib/csv";
import type { SendRow } from "./rows";

/** A row that the file had right and the API did not take. */
export interface NotTaken {
  row: SendRow;
  reason: string;
}

/** What the parser has refused, byte for byte as the command writes it: correct it in the statement and import that again. */
export function refusedBytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** The rows that the API did not take, with the reason. */
export function notTakenCsv(rows: readonly NotTaken[]): string {
  return csv([
    ["refused_line", "refused_reasons", "date", "type", "amount", "currency", "description", "category"],
    ...rows.map(({ row: { line, entry }, reason }) => [
      String(line),
      reason,
      entry.date ?? "",
      entry.type,
      entry.amount,
      entry.currency ?? "BRL",
      entry.description ?? "",
      entry.category ?? "",
    ]),
  ]);
}
