/** Business dates are texts, `YYYY-MM-DD`; moments are RFC 3339 texts in UTC, shown in the business time zone. */

const DAY_MS = 86_400_000;

/** Midnight UTC of a business date: only for arithmetic and formatting, never a moment of anything. */
function utc(date: string): Date {
  return new Date(`${date}T00:00:00Z`);
}

function text(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** The first business date of the contract. */
export const FIRST_DATE = "1900-01-01";

/** The most days of a range, both ends included. */
export const RANGE_MOST = 366;

/**
 * Whether a text is a date of the calendar from 1900 to 2999. Entries lie at most a year ahead, and texts of dates have an order only while
 * all years have four digits: the days after 9999 would come before all others.
 */
export function isDate(value: string): boolean {
  if (!/^(19|2\d)\d\d-\d\d-\d\d$/.test(value)) return false;
  const date = utc(value);
  return !Number.isNaN(date.getTime()) && text(date) === value;
}

export function addDays(date: string, days: number): string {
  return text(new Date(utc(date).getTime() + days * DAY_MS));
}

/** Days from `from` to `to`; negative if `to` lies before. */
export function daysBetween(from: string, to: string): number {
  return Math.round((utc(to).getTime() - utc(from).getTime()) / DAY_MS);
}

/** Whether these are the ends of a range that the API answers. */
export function isRange(from: string, to: string): boolean {
  return isDate(from) && isDate(to) && from <= to && daysBetween(from, to) < RANGE_MOST;
}

/** 0 for Sunday to 6 for Saturday. */
export function weekday(date: string): number {
  return utc(date).getUTCDay();
}

export function year(date: string): number {
  return Number(date.slice(0, 4));
}

export function month(date: string): number {
  return Number(date.slice(5, 7));
}

/** Every day of a range, both ends included. */
export function days(from: string, to: string): string[] {
  return Array.from({ length: daysBetween(from, to) + 1 }, (_, index) => addDays(from, index));
}

/** Today in the business time zone. */
export function today(timeZone: string, now: Date = new Date()): string {
  return localParts(now, timeZone).date;
}

interface LocalParts {
  date: string;
  time: string;
}

function localParts(moment: Date, timeZone: string): LocalParts {
  const parts: Record<string, string> = {};
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  for (const part of format.formatToParts(moment)) parts[part.type] = part.value;
  return {
    date: `${parts["year"]?.padStart(4, "0")}-${parts["month"]}-${parts["day"]}`,
    time: `${parts["hour"]}:${parts["minute"]}:${parts["second"]}`,
  };
}

/** The business date on which a moment lies. */
export function dateOf(moment: string, timeZone: string): string {
  return localParts(new Date(moment), timeZone).date;
}

/** `HH:MM:SS` of a moment in the business time zone. */
export function timeOf(moment: string, timeZone: string): string {
  return localParts(new Date(moment), timeZone).time;
}

/** The offset of the business time zone at a moment, such as `UTC−3`. */
export function offsetName(moment: string, timeZone: string): string {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "shortOffset" }).formatToParts(
    new Date(moment),
  );
  const name = parts.find((part) => part.type === "timeZoneName")?.value ?? "UTC";
  return name.replace("GMT", "UTC").replace("-", "−");
}

/** The moment, in UTC, of a local time in a time zone; `null` if the text is none. `2026-11-27T20:00:00` or with a space. */
export function momentOf(local: string, timeZone: string): string | null {
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?$/.exec(local.trim());
  if (!match?.[1] || !isDate(match[1])) return null;
  const wanted = Date.parse(`${match[1]}T${match[2]}${match[3] ?? ":00"}Z`);
  if (Number.isNaN(wanted)) return null;
  // The offset at the guess; looked at a second time because it may change between the two.
  let guess = wanted;
  for (let round = 0; round < 2; round++) {
    const { date, time } = localParts(new Date(guess), timeZone);
    guess += wanted - Date.parse(`${date}T${time}Z`);
  }
  return new Date(guess).toISOString().replace(".000Z", "Z");
}

/** A moment as the value of an `<input type="datetime-local">`. */
export function localInput(moment: string, timeZone: string): string {
  const { date, time } = localParts(new Date(moment), timeZone);
  return `${date}T${time}`;
}

/** Formats a business date. Cached: a table has hundreds of them. */
export function formatDate(date: string, locale: string, options: Intl.DateTimeFormatOptions): string {
  return dateFormat(locale, { ...options, timeZone: "UTC" }).format(utc(date));
}

export function formatRange(from: string, to: string, locale: string, options: Intl.DateTimeFormatOptions): string {
  return dateFormat(locale, { ...options, timeZone: "UTC" }).formatRange(utc(from), utc(to));
}

export function formatMoment(
  moment: string,
  locale: string,
  timeZone: string,
  options: Intl.DateTimeFormatOptions,
): string {
  return dateFormat(locale, { ...options, timeZone }).format(new Date(moment));
}

const dateFormats = new Map<string, Intl.DateTimeFormat>();

function dateFormat(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = locale + JSON.stringify(options);
  let format = dateFormats.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat(locale, options);
    dateFormats.set(name, format);
  }
  return format;
}

/** `28 nov`, `Nov 28`, with the weekday `sáb 28 nov`: short, without the full stops and "de" that Portuguese puts in. */
export function shortDay(date: string, locale: string, options: Intl.DateTimeFormatOptions = {}): string {
  const text = formatDate(date, locale, { day: "numeric", month: "short", ...options });
  return text.replace(/[.,]/g, "").replace(/ de /g, " ");
}

/** The order in which a language writes a numeric date. */
export type DateOrder = "dmy" | "mdy";

/** Reads a date as people type it: `27/11/2026`, `27/11` (of `base`'s year), `2026-11-27`. `null` if it is none. */
export function readDate(typed: string, order: DateOrder, base: string): string | null {
  const value = typed.trim().replace(/^\p{L}+\.?,?\s+/u, "");
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return isDate(value) ? value : null;
  // Digits alone, as a telephone's keypad has no slash: 2711, 271126, 27112026.
  const match =
    /^(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}|\d{2}))?$/.exec(value) ?? /^(\d{2})(\d{2})(\d{4}|\d{2})?$/.exec(value);
  if (!match?.[1] || !match[2]) return null;
  const [day, mon] = order === "dmy" ? [match[1], match[2]] : [match[2], match[1]];
  const given = match[3] ?? base.slice(0, 4);
  const full = given.length === 2 ? base.slice(0, 2) + given : given;
  const date = `${full}-${mon.padStart(2, "0")}-${day.padStart(2, "0")}`;
  return isDate(date) ? date : null;
}

/** Whether moment `a` comes after `b`. Exact to the nanosecond: a `Date` keeps milliseconds only. */
export function isLater(a: string, b: string): boolean {
  return comparable(a) > comparable(b);
}

function comparable(moment: string): string {
  const fraction = /\.(\d+)/.exec(moment)?.[1] ?? "";
  return new Date(moment).toISOString().slice(0, 19) + fraction.padEnd(9, "0");
}
