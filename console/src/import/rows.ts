import type { BatchEntry } from "../api/types";
import type { Reading, RefusedRow } from "./parser";

/** A row that is sent. */
export interface SendRow {
  kind: "send";
  line: number;
  entry: BatchEntry;
  otherKeys: string[];
  exportedFrom: string | null;
}

/** Every row of a file, in its order, for the table. */
export type FileRow = SendRow | ({ kind: "refused" } & RefusedRow) | { kind: "skipped"; line: number; why: string };

export function fileRows(reading: Pick<Reading, "rows" | "refused" | "skipped">): FileRow[] {
  const rows: FileRow[] = [
    ...reading.rows.map((row): SendRow => ({
      kind: "send",
      line: row.line,
      entry: JSON.parse(row.entry) as BatchEntry,
      otherKeys: row.other_keys,
      exportedFrom: row.exported_from ?? null,
    })),
    ...reading.refused.map((row): FileRow => ({ kind: "refused", ...row })),
    ...reading.skipped.map((row): FileRow => ({ kind: "skipped", ...row })),
  ];
  return rows.sort((a, b) => a.line - b.line);
}
