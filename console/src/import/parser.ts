/**
 * What the page expects of the parser of bank statements: the rows and keys of `tools/import`, compiled to WebAssembly, so that one
 * file gives the same entries through the command and through the page.
 *
 * The module is two files in `src/import/wasm/`, as wasm-bindgen makes them for the target `web`: `importer.js`, whose default export
 * loads `importer_bg.wasm`, and which exports
 *
 *     inspect(bytes: Uint8Array): string           // JSON: Answer<Inspection>
 *     read(bytes: Uint8Array, options: string): string   // JSON of ReadOptions; JSON: Answer<Reading>
 *
 * Where they are missing, the page says that the importer is not part of the build.
 */

import type { BatchEntry } from "../api/types";

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

/** How a file is to be read: the options of the command, by the same meaning. `null` leaves it to the file. */
export interface ReadOptions {
  format: "csv" | "ofx";
  /** By its name in the Encoding Standard, such as `windows-1252`. */
  encoding: string | null;
  delimiter: string | null;
  decimal: "comma" | "point" | null;
  /** As in strftime, such as `%d/%m/%Y`. */
  dateFormat: string | null;
  currency: string | null;
  account: string | null;
  /** The columns of each field, by their name in the header. */
  map: Partial<Record<Field, string[]>>;
  invertSigns: boolean;
  ignoreIds: boolean;
  trust: "sign" | "type" | null;
}

/** What a first look at a file guesses. Every guess is shown and can be changed. */
export interface Inspection {
  options: ReadOptions;
  /** The names in the header of a CSV file; none for OFX. */
  columns: string[];
  /** The lines of the file. */
  lines: number;
}

/** Why a row is not posted. `field` is empty for the row as a whole. */
export interface Reason {
  field: string;
  text: string;
}

export type ReadRow = { line: number; cells: string[] } & (
  | {
      state: "send";
      /** As it is sent, with the row's idempotency key. */
      entry: BatchEntry;
      /** The keys that it would have if the file had been read in another way (ADR 22). */
      otherKeys: string[];
    }
  | { state: "refused"; reasons: Reason[] }
  | { state: "skipped"; why: string }
);

export interface Reading {
  columns: string[];
  rows: ReadRow[];
}

/** An error of the file as a whole, such as a header that has no date. */
export type Answer<T> = { ok: T } | { error: string };

/** What the worker is asked, and answers. */
export type Question = { id: number; bytes: Uint8Array } & ({ ask: "inspect" } | { ask: "read"; options: ReadOptions });
export type Reply = { id: number } & ({ answer: unknown } | { failed: string });
