import { dailyBalances } from "../api/endpoints";
import { asProblem, type Problem } from "../api/problem";
import { session } from "../auth/session.svelte";
import { Parser } from "./client";
import { ti } from "../i18n/import";
import { knownRows, ranges } from "./known";
import { digestOf, importName, rememberedOptions, rememberOptions } from "./memory";
import { changed, guessed, type CsvInspection, type Inspection, type ReadOptions } from "./parser";
import { fileRows, type FileRow, type SendRow } from "./rows";
import { Sender } from "./sender.svelte";

export type Step = "file" | "check" | "send" | "result";

/** The CLI has no limit; a page keeps the whole file and its rows in memory. */
export const FILE_MOST = 32 * 1024 * 1024;

/** One file on its way: read, checked, sent. */
export class ImportFlow {
  step = $state<Step>("file");
  name = $state("");
  size = $state(0);
  reading = $state(false);
  failure = $state("");
  inspection = $state.raw<Inspection | null>(null);
  options = $state.raw<ReadOptions | null>(null);
  remembered = $state(false);
  rows = $state.raw<FileRow[]>([]);
  notes = $state.raw<string[]>([]);
  /** The option that the parser could make nothing of, or that would decide what it could not. */
  wantedOptions = $state.raw<string[]>([]);
  refusedCsv = $state("");
  /** Lines of rows that are posted already; `null` while that is not known. */
  known = $state.raw<Set<number> | null>(null);
  knownProblem = $state.raw<Problem | null>(null);
  sealedDays = $state(0);
  sender = $state.raw<Sender | null>(null);

  readonly #parser = new Parser();
  #bytes: Uint8Array = new Uint8Array();
  #controller = new AbortController();

  get csv(): CsvInspection | null {
    return this.inspection?.format === "csv" ? this.inspection : null;
  }

  get sendable(): SendRow[] {
    return this.rows.filter((row): row is SendRow => row.kind === "send");
  }

  /** Those that are not posted yet. */
  /** Nothing is sent before it is known what is posted already, or that nobody can say: a row may be there under another key. */
  get isLookingUp(): boolean {
    return this.known === null && this.knownProblem === null;
  }

  get fresh(): SendRow[] {
    const known = this.known;
    return known ? this.sendable.filter((row) => !known.has(row.line)) : this.sendable;
  }

  async open(file: File): Promise<void> {
    this.#reset();
    this.name = file.name;
    this.size = file.size;
    await this.#read(async () => {
      this.#bytes = new Uint8Array(await file.arrayBuffer());
      this.inspection = await this.#parser.inspect(this.#bytes);
      if (this.inspection.format === "empty") throw new Error(ti("import.empty"));
      const kept = this.csv ? await rememberedOptions(this.csv.columns) : null;
      this.remembered = kept !== null;
      this.options = kept ?? guessed(this.inspection);
      this.step = "check";
      await this.#readRows(this.options);
    });
  }

  /** Reads the file in another way. */
  async change(changes: Parameters<typeof changed>[1]): Promise<void> {
    if (!this.options) return;
    const options = changed(this.options, changes);
    this.options = options;
    this.remembered = false;
    await this.#read(() => this.#readRows(options));
  }

  async send(): Promise<void> {
    if (!this.options || this.sender) return;
    if (this.csv) await rememberOptions(this.csv.columns, this.options);
    const name = await importName(await digestOf(this.#bytes), session.merchant, this.options);
    const sender = new Sender(this.fresh, name);
    this.sender = sender;
    this.step = "send";
    await sender.run();
    if (sender.isDone) this.step = "result";
  }

  async resume(): Promise<void> {
    const sender = this.sender;
    await sender?.run();
    if (sender?.isDone) this.step = "result";
  }

  again(): void {
    this.#reset();
  }

  stop(): void {
    this.sender?.pause();
    this.#controller.abort();
    this.#parser.stop();
  }

  async #read(task: () => Promise<void>): Promise<void> {
    this.reading = true;
    this.failure = "";
    try {
      await task();
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    } finally {
      this.reading = false;
    }
  }

  async #readRows(options: ReadOptions): Promise<void> {
    const reading = await this.#parser.read(this.#bytes, options);
    if (this.options !== options) return;
    this.wantedOptions = [];
    if ("error" in reading) {
      this.rows = [];
      this.wantedOptions = [reading.error.option, ...reading.error.options].filter((name) => name !== null);
      throw new Error(reading.error.detail);
    }
    this.rows = fileRows(reading);
    this.notes = reading.notes;
    this.refusedCsv = reading.refused_csv;
    this.known = null;
    this.#controller.abort();
    this.#controller = new AbortController();
    void this.#lookUp(this.#controller.signal);
  }

  /** What is posted already, and how many days are sealed. If that fails, the file can be sent all the same. */
  async #lookUp(signal: AbortSignal): Promise<void> {
    this.knownProblem = null;
    this.sealedDays = 0;
    const rows = this.sendable;
    try {
      const known = await knownRows(rows, session.merchant, { signal });
      if (signal.aborted) return;
      this.known = known;
      const dates = new Set(rows.filter((row) => !known.has(row.line)).map((row) => row.entry.date ?? ""));
      const currency = rows[0]?.entry.currency ?? "BRL";
      let sealed = 0;
      for (const [from, to] of ranges([...dates].filter(Boolean))) {
        const balances = await dailyBalances(from, to, currency, null, { signal });
        sealed += balances.filter((day) => day.status !== "open" && dates.has(day.date)).length;
      }
      if (!signal.aborted) this.sealedDays = sealed;
    } catch (error) {
      if (!signal.aborted) this.knownProblem = asProblem(error);
    }
  }

  #reset(): void {
    this.sender?.pause();
    this.#controller.abort();
    this.sender = null;
    this.step = "file";
    this.inspection = null;
    this.options = null;
    this.rows = [];
    this.notes = [];
    this.wantedOptions = [];
    this.refusedCsv = "";
    this.known = null;
    this.failure = "";
    this.sealedDays = 0;
  }
}
