import { hex } from "../lib/uuid5";
import { isRecord, local, read, write } from "../lib/storage";
import type { ReadOptions } from "./parser";

/** What this device remembers of imports: how a header was read, and how far a file has been sent. */

const OPTIONS = "fluxo.import.options";
const SENT = "fluxo.import.sent";
const MOST = 40;

export async function digestOf(text: string | Uint8Array): Promise<string> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : new Uint8Array(text);
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

function remember(name: string, key: string, value: unknown): void {
  const all = Object.entries(read(local, name, isRecord) ?? {}).filter(([other]) => other !== key);
  write(local, name, Object.fromEntries([...all, [key, value]].slice(-MOST)));
}

function isOptions(value: unknown): value is ReadOptions {
  return isRecord(value) && (value["format"] === "csv" || value["format"] === "ofx");
}

export async function rememberedOptions(columns: readonly string[]): Promise<ReadOptions | null> {
  const value = read(local, OPTIONS, isRecord)?.[await digestOf(columns.join("\n"))];
  return isOptions(value) ? value : null;
}

export async function rememberOptions(columns: readonly string[], options: ReadOptions): Promise<void> {
  if (columns.length > 0) remember(OPTIONS, await digestOf(columns.join("\n")), options);
}

/** The name under which a file's progress is kept: the same bytes read in the same way for the same merchant. */
export function importName(file: string, merchant: string, options: ReadOptions): Promise<string> {
  return digestOf(JSON.stringify([file, merchant, options]));
}

/** How many keys of this import were accepted, in the order of the file. */
export function acceptedSoFar(name: string): number {
  const value = read(local, SENT, isRecord)?.[name];
  return typeof value === "number" ? value : 0;
}

export function rememberAccepted(name: string, count: number): void {
  remember(SENT, name, count);
}
