import { csv } from "../lib/csv";
import type { ReadRow, Reason } from "./parser";

export interface RefusedRow {
  line: number;
  cells: string[];
  reasons: Reason[];
}

/** The refused rows with every reason, in the columns of the command's file: correct them in the statement and import it again. */
export function refusedCsv(columns: readonly string[], rows: readonly RefusedRow[]): string {
  const reasons = (row: RefusedRow): string =>
    row.reasons.map(({ field, text }) => (field ? `${field}: ${text}` : text)).join("; ");
  return csv([
    ["refused_line", "refused_reasons", ...columns],
    ...rows.map((row) => [String(row.line), reasons(row), ...row.cells]),
  ]);
}

export function refusedOf(rows: readonly ReadRow[]): RefusedRow[] {
  return rows.flatMap((row) =>
    row.state === "refused" ? [{ line: row.line, cells: row.cells, reasons: row.reasons }] : [],
  );
}
