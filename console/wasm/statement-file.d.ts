/** Reads bank statements with the Rust code of the command `import`, compiled to WebAssembly by `python3 local wasm`. */

/** What a file seems to be. Guesses for a form: nothing is decided by them. */
export type Inspection =
  | { format: "empty" }
  | { format: "ofx" }
  | {
      format: "csv";
      /** Nothing for UTF-16, which `read` knows by itself. */
      encoding: Encoding | null;
      delimiter: string;
      columns: string[];
      no_header: boolean;
      lines_before_header: number;
      sample: string[][];
      /** Fields with their columns. */
      mapping: [field: string, column: string][];
      id_column: string | null;
      date_format: string | null;
      /** All formats that fit; of several, the user chooses. */
      date_formats: string[];
      decimal: Decimal | null;
    };

export type Encoding = "utf-8" | "windows-1252" | "iso-8859-15";
export type Decimal = "comma" | "point";

/** How a file is read: the options of `import --help`. */
export interface Options {
  format: "csv" | "ofx";
  /** The latest date that it is anywhere: see {@link latestToday}. */
  today: string;
  encoding?: Encoding;
  decimal?: Decimal;
  trust?: "type" | "sign" | "reversal";
  currency?: string;
  account?: string;
  mapping?: [field: string, column: string][];
  delimiter?: string;
  skip_lines?: number;
  no_header?: boolean;
  date_format?: string;
  credit_words?: string[];
  debit_words?: string[];
  negative_debits?: boolean;
  only?: [column: string, value: string][];
  skip?: [column: string, text: string][];
  keep?: [column: string, text: string][];
  invert_signs?: boolean;
  ignore_ids?: boolean;
}

export interface Answer {
  rows: Row[];
  refused: { line: number; cells: string[]; reasons: Reason[] }[];
  skipped: { line: number; why: string }[];
  /** What is passed over and is no row. */
  notes: string[];
  totals: {
    accepted: number;
    refused: number;
    skipped: number;
    /** In minor units, as texts: they may be larger than a `number` is exact. */
    sums: Record<string, { credits_minor: string; debits_minor: string }>;
    dates: [first: string, last: string] | null;
  };
  /** A CSV file in the encoding of the statement, in base64; empty if no row is refused. */
  refused_csv: string;
}

export interface Row {
  line: number;
  key: string;
  /** Keys under which the row may have been posted when the file was read in another way (ADR 22). */
  other_keys: string[];
  exported_from?: string;
  /** The entry as JSON, as it is sent to the last byte. */
  entry: string;
}

export interface Reason {
  field: string;
  detail: string;
  /** The options that decide it, by their names on the command line. */
  options: string[];
}

/** The file cannot be read, or an option means nothing. */
export interface Failure {
  error: { option: string | null; detail: string; options: string[] };
}

/** The date that it is where the day begins first: the server, which knows the business day, is never stricter. */
export function latestToday(now: Date): string;

/** Each question has an instance of its own: no memory stays taken, and a defect in one says nothing about the next. */
export class StatementFile {
  constructor(module: WebAssembly.Module);
  /** What the file seems to be. */
  inspect(file: Uint8Array): Promise<Inspection>;
  /** All its rows. */
  read(file: Uint8Array, options: Options): Promise<Answer | Failure>;
}
