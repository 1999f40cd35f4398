/**
 * The parser of bank statements: the Rust code of the command `import`, compiled to WebAssembly by `make wasm`, so that one file gives
 * the same entries through the command and through the page. This is what the page uses of it; console/wasm/statement-file.d.ts says
 * it all. Where the module is not built, the page says that the importer is not part of it.
 */

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

/** What a file seems to be. Guesses for a form: nothing is decided by them. */
export type Inspection = { format: "empty" } | { format: "ofx" } | CsvInspection;

export interface CsvInspection {
  format: "csv";
  encoding: string | null;
  delimiter: string;
  columns: string[];
  no_header: boolean;
  lines_before_header: number;
  sample: string[][];
  mapping: [field: string, column: string][];
  id_column: string | null;
  date_format: string | null;
  date_formats: string[];
  decimal: "comma" | "point" | null;
}

/** How a file is read: the options of `import --help`, by their names. What is absent is left to the file. */
export interface ReadOptions {
  format: "csv" | "ofx";
  encoding?: string;
  decimal?: "comma" | "point";
  trust?: "type" | "sign" | "reversal";
  currency?: string;
  account?: string;
  mapping?: [field: string, column: string][];
  delimiter?: string;
  no_header?: boolean;
  date_format?: string;
  invert_signs?: boolean;
  ignore_ids?: boolean;
}

/** A row that can be posted. */
export interface ReadRow {
  line: number;
  key: string;
  /** Keys under which it may have been posted when the file was read in another way (ADR 22). */
  other_keys: string[];
  /** The entry that it was exported from. */
  exported_from?: string;
  /** The entry as JSON, as it is sent. */
  entry: string;
}

export interface Reason {
  field: string;
  detail: string;
  /** The options that decide it, by their names on the command line. */
  options: string[];
}

export interface RefusedRow {
  line: number;
  cells: string[];
  reasons: Reason[];
}

export interface Reading {
  rows: ReadRow[];
  refused: RefusedRow[];
  skipped: { line: number; why: string }[];
  notes: string[];
  /** The refused rows as CSV in the statement's own encoding, in base64. */
  refused_csv: string;
}

/** The file cannot be read, or an option means nothing. */
export interface Failure {
  error: { option: string | null; detail: string; options: string[] };
}

/** What the worker is asked, and answers. */
export type Question = { id: number; bytes: Uint8Array } & ({ ask: "inspect" } | { ask: "read"; options: ReadOptions });
export type Reply = { id: number } & ({ answer: Inspection | Reading | Failure } | { failed: string });

/** Options to begin with: what the inspection has guessed. */
export function guessed(inspection: Inspection): ReadOptions {
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
