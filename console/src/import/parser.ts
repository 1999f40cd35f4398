/**
 * The parser of bank statements: the Rust code of the command `import`, compiled to WebAssembly by `make wasm`, so that one file gives
 * the same entries through the command and through the page. Where the module is not built, the page says that the importer is not
 * part of it.
 */

import type * as Parsed from "../../wasm/statement-file";

export type { Failure, Inspection, Reason, Row as ReadRow } from "../../wasm/statement-file";

export type Reading = Parsed.Answer;
export type RefusedRow = Reading["refused"][number];
export type CsvInspection = Extract<Parsed.Inspection, { format: "csv" }>;

/** How a file is read: the options of `import --help`, by their names. What is absent is left to the file. */
export type ReadOptions = Omit<Parsed.Options, "today">;

export type Field = "date" | "amount" | "type" | "credit" | "debit" | "currency" | "description" | "category" | "id";

export const FIELDS: readonly Field[] = [
  "date",
  "amount",
  "type",
  "credit",
  "debit",
  "currency",
  "description",
  "category",
  "id",
];

/** What the worker is asked, and answers. */
export type Question = { id: number; bytes: Uint8Array } & ({ ask: "inspect" } | { ask: "read"; options: ReadOptions });
export type Reply = { id: number } & ({ answer: Parsed.Inspection | Reading | Parsed.Failure } | { failed: string });

/** Options to begin with: what the inspection has guessed. */
export function guessed(inspection: Parsed.Inspection): ReadOptions {
  if (inspection.format !== "csv") return { format: "ofx" };
  const { encoding, delimiter, mapping, date_format, decimal, no_header } = inspection;
  return {
    format: "csv",
    delimiter,
    mapping,
    no_header,
    ...(encoding && { encoding }),
    ...(date_format && { date_format }),
    ...(decimal && { decimal }),
  };
}

/** Options with changes; `undefined` leaves one to the file again. */
export function changed(
  options: ReadOptions,
  changes: { [K in keyof ReadOptions]?: ReadOptions[K] | undefined },
): ReadOptions {
  const entries = Object.entries({ ...options, ...changes }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as ReadOptions;
}
