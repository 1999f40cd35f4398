/** A ledger in memory that answers as the contract says: what the page's tests talk to. Money is minor units of two digits. */

import { createHash, randomUUID } from "node:crypto";
import type { BalanceAsOf, DailyBalance, EntryRequest, Seal, StatementLine } from "../../../src/api/types";

export interface Kept {
  key: string;
  line: Omit<StatementLine, "running_balance" | "late">;
  minor: bigint;
}

const NAMESPACE = Buffer.from("6b9f3c520d475e0a9c1e7f2a51d8c3b4", "hex");

export function idOf(merchant: string, key: string): string {
  const hash = createHash("sha1").update(NAMESPACE).update(`${merchant}\n${key}`).digest().subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const text = hash.toString("hex");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}

export function decimal(minor: bigint): string {
  const text = (minor < 0n ? -minor : minor).toString().padStart(3, "0");
  return `${minor < 0n ? "-" : ""}${text.slice(0, -2)}.${text.slice(-2)}`;
}

export function minorOf(amount: string): bigint {
  const [whole = "0", fraction = ""] = amount.split(".");
  return BigInt(whole + fraction.padEnd(2, "0"));
}

export class Ledger {
  entries: Kept[] = [];
  seals: Seal[] = [];
  clock = Date.parse("2026-11-28T12:00:00Z");

  constructor(readonly merchant: string) {}

  now(): string {
    this.clock += 1000;
    return new Date(this.clock).toISOString();
  }

  find(id: string): Kept | undefined {
    return this.entries.find(({ line }) => line.id === id);
  }

  /** Posts an entry; one of a known key is there already. */
  post(key: string, body: EntryRequest, extra: { postedAt?: string; reverses?: string } = {}): Kept {
    const known = this.find(idOf(this.merchant, key));
    if (known) return known;
    const minor = minorOf(body.amount);
    const kept: Kept = {
      key,
      minor,
      line: {
        id: idOf(this.merchant, key),
        type: body.type,
        amount: decimal(minor),
        currency: body.currency ?? "BRL",
        date: body.date ?? "2026-11-28",
        description: body.description ?? null,
        category: body.category ?? null,
        reverses: extra.reverses ?? null,
        status: "posted",
        posted_at: extra.postedAt ?? this.now(),
        reversed_by: null,
        seal: null,
      },
    };
    this.entries.push(kept);
    const original = extra.reverses ? this.find(extra.reverses) : undefined;
    if (original) original.line.reversed_by = kept.line.id;
    return kept;
  }

  day(date: string, currency: string): Kept[] {
    return this.entries
      .filter(({ line }) => line.date === date && line.currency === currency)
      .sort((a, b) => (a.line.posted_at < b.line.posted_at ? -1 : 1));
  }

  #sum(entries: Kept[], type: "credit" | "debit"): bigint {
    return entries.filter(({ line }) => line.type === type).reduce((total, { minor }) => total + minor, 0n);
  }

  #closing(entries: Kept[]): bigint {
    return this.#sum(entries, "credit") - this.#sum(entries, "debit");
  }

  #before(date: string, currency: string, until?: string): bigint {
    const earlier = this.entries.filter(
      ({ line }) => line.date < date && line.currency === currency && (!until || line.posted_at <= until),
    );
    return this.#closing(earlier);
  }

  balance(date: string, currency: string): DailyBalance {
    const entries = this.day(date, currency);
    const opening = this.#before(date, currency);
    const newest = this.sealsOf(date, currency)[0];
    return {
      date,
      currency: currency as DailyBalance["currency"],
      opening_balance: decimal(opening),
      total_credits: decimal(this.#sum(entries, "credit")),
      total_debits: decimal(this.#sum(entries, "debit")),
      closing_balance: decimal(opening + this.#closing(entries)),
      entry_count: entries.length,
      updated_at: entries.at(-1)?.line.posted_at ?? null,
      status: !newest ? "open" : newest.entry_count === entries.length ? "sealed" : "restated",
    };
  }

  asOf(date: string, currency: string, instant: string): BalanceAsOf {
    const until = new Date(instant).toISOString();
    const entries = this.day(date, currency).filter(({ line }) => line.posted_at <= until);
    const opening = this.#before(date, currency, until);
    return {
      date,
      currency: currency as BalanceAsOf["currency"],
      opening_balance: decimal(opening),
      total_credits: decimal(this.#sum(entries, "credit")),
      total_debits: decimal(this.#sum(entries, "debit")),
      closing_balance: decimal(opening + this.#closing(entries)),
      entry_count: entries.length,
      as_of: until,
    };
  }

  statement(date: string, currency: string): StatementLine[] {
    const sealed = this.sealsOf(date, currency).length > 0;
    let balance = this.#before(date, currency);
    return this.day(date, currency).map(({ line, minor }) => {
      balance += line.type === "credit" ? minor : -minor;
      return { ...line, late: sealed && line.seal === null, running_balance: decimal(balance) };
    });
  }

  sealsOf(date: string, currency: string): Seal[] {
    return this.seals
      .filter((seal) => seal.date === date && seal.currency === currency)
      .sort((a, b) => b.number - a.number);
  }

  seal(date: string, currency: string): { seal: Seal; isNew: boolean } {
    const entries = this.day(date, currency);
    const newest = this.sealsOf(date, currency)[0];
    if (newest?.entry_count === entries.length) return { seal: newest, isNew: false };
    const number = (newest?.number ?? 0) + 1;
    for (const { line } of entries) line.seal ??= number;
    const seal: Seal = {
      date,
      currency: currency as Seal["currency"],
      number,
      total_credits: decimal(this.#sum(entries, "credit")),
      total_debits: decimal(this.#sum(entries, "debit")),
      entry_count: entries.length,
      sealed_at: this.now(),
      snapshot: randomUUID().replaceAll("-", "").padEnd(107, "x"),
      sha256: digest(entries),
    };
    this.seals.push(seal);
    return { seal, isNew: true };
  }
}

/** By the recipe of openapi.yaml, written a second time so that the page's is compared with another. */
function digest(entries: Kept[]): string {
  const hash = createHash("sha256");
  const field = (value: string | null): string =>
    value === null ? "absent\n" : `${Buffer.byteLength(value)}:${value}\n`;
  for (const { line, minor } of [...entries].sort((a, b) =>
    Buffer.compare(Buffer.from(a.line.id), Buffer.from(b.line.id)),
  )) {
    for (const value of [
      line.id,
      line.type,
      minor.toString(),
      line.currency,
      line.date,
      line.description,
      line.category,
      line.reverses,
    ]) {
      hash.update(field(value));
    }
  }
  return hash.digest("hex");
}
