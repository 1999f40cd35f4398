/** The API's operations by name. What a page needs of more than one of them stands in that page. */

import { call, type Answer, type CallOptions } from "./call";
import { Problem } from "./problem";
import type * as Api from "./types";

type Options = CallOptions | undefined;

export async function dailyBalances(
  from: string,
  to: string,
  currency: string,
  token: string | null,
  options: Options,
): Promise<Api.DailyBalance[]> {
  const query = { from, to, currency: currency as Api.Currency, ...(token && { token }) };
  return (await call("get", "/daily-balances", { query }, options)).data.balances;
}

export async function dailyBalance(
  date: string,
  currency: string,
  token: string | null,
  options: Options,
): Promise<Api.DailyBalance> {
  const query = { currency: currency as Api.Currency, ...(token && { token }) };
  return (await call("get", "/daily-balances/{date}", { path: { date }, query }, options)).data;
}

export async function balanceAsOf(
  date: string,
  instant: string,
  currency: string,
  options: Options,
): Promise<Api.BalanceAsOf> {
  const parts = { path: { date, instant }, query: { currency: currency as Api.Currency } };
  return (await call("get", "/daily-balances/{date}/as-of/{instant}", parts, options)).data;
}

export async function statementPage(
  date: string,
  currency: string,
  limit: number,
  cursor: string | null,
  options: Options,
): Promise<Api.Statement> {
  const query = { date, currency: currency as Api.Currency, limit, ...(cursor && { cursor }) };
  return (await call("get", "/entries", { query }, options)).data;
}

/** All lines of a day, page by page, at most `most`; `null` if there are more. */
export async function wholeStatement(
  date: string,
  currency: string,
  most: number,
  options: Options,
  onPage?: (lines: number) => void,
): Promise<Api.StatementLine[] | null> {
  const lines: Api.StatementLine[] = [];
  let cursor: string | null = null;
  do {
    const page: Api.Statement = await statementPage(date, currency, 500, cursor, options);
    lines.push(...page.entries);
    onPage?.(lines.length);
    cursor = page.next_cursor;
    if (cursor && lines.length >= most) return null;
  } while (cursor);
  return lines;
}

export async function entry(id: string, options: Options): Promise<Api.Entry> {
  return (await call("get", "/entries/{id}", { path: { id } }, options)).data;
}

/** The entry, or `null` while the API does not know it. */
export async function entryIfKnown(id: string, options: Options): Promise<Api.Entry | null> {
  try {
    return await entry(id, options);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

export function recordEntry(key: string, body: Api.EntryRequest, options: Options): Promise<Answer<Api.AcceptedEntry>> {
  return call("post", "/entries", { header: { "Idempotency-Key": key }, body }, options);
}

export function recordBatch(entries: Api.BatchEntry[], options: Options): Promise<Answer<Api.AcceptedBatch>> {
  return call("post", "/entries/batch", { body: { entries } }, options);
}

export function reverseEntry(
  id: string,
  key: string,
  body: Api.ReversalRequest,
  options: Options,
): Promise<Answer<Api.AcceptedReversal>> {
  const parts = { path: { id }, header: { "Idempotency-Key": key }, body };
  return call("post", "/entries/{id}/reversal", parts, { ...options, repeatOn: ["not_yet_posted"] });
}

export async function seals(date: string, currency: string, options: Options): Promise<Api.Seals> {
  const parts = { path: { date }, query: { currency: currency as Api.Currency } };
  return (await call("get", "/days/{date}/seals", parts, options)).data;
}

export function sealDay(date: string, currency: string, options: Options): Promise<Answer<Api.Seal>> {
  const parts = { path: { date }, query: { currency: currency as Api.Currency } };
  return call("post", "/days/{date}/seal", parts, { ...options, repeatOn: ["seal_in_progress"] });
}

export function balancesCsv(from: string, to: string, currency: string, options: Options): Promise<Answer<string>> {
  return call("get", "/daily-balances.csv", { query: { from, to, currency: currency as Api.Currency } }, options);
}

/** The entries of a range as CSV, page by page. Every page has the header line. */
export async function* entriesCsvPages(
  from: string,
  to: string,
  currency: string,
  options: Options,
): AsyncGenerator<string> {
  let cursor: string | null = null;
  do {
    const query = { from, to, currency: currency as Api.Currency, ...(cursor && { cursor }) };
    const page: Answer<string> = await call("get", "/entries.csv", { query }, options);
    yield page.data;
    cursor = nextCursor(page.headers.get("Link"));
  } while (cursor);
}

/** The entries of a range as one file of CSV: the header line is kept of the first page only. */
export async function entriesCsv(from: string, to: string, currency: string, options: Options): Promise<string> {
  let text = "";
  for await (const page of entriesCsvPages(from, to, currency, options)) {
    text += text ? page.slice(page.indexOf("\r\n") + 2) : page;
  }
  return text;
}

/** The cursor in a `Link` header (RFC 8288) whose relation is `next`. */
export function nextCursor(link: string | null): string | null {
  const match = /<([^>]*)>\s*;\s*rel="next"/.exec(link ?? "");
  return match?.[1] ? new URL(match[1], "https://fluxo.invalid").searchParams.get("cursor") : null;
}
