/**
 * Money is a decimal string in major units, as the API sends it, or a count of minor units (BigInt) to add and compare. It is never
 * a Number: that would round past 2^53.
 */

/** U+2212, the minus of figures. A hyphen is shorter than the digits are wide. */
export const MINUS = "−";

const NO_FRACTION = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ");
const THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND".split(" ");
const FOUR_DIGITS = "CLF UYW".split(" ");

/** Fraction digits of a currency by ISO 4217, as the contract lists them. `Intl` has others for some (IQD, for example). */
export function fractionDigits(currency: string): number {
  if (NO_FRACTION.includes(currency)) return 0;
  if (THREE_DIGITS.includes(currency)) return 3;
  return FOUR_DIGITS.includes(currency) ? 4 : 2;
}

/** The largest amount of an entry, in every currency. */
const LARGEST = "9999999999999.99";

/** Minor units of a decimal string with all the fraction digits of its currency. */
export function toMinor(decimal: string): bigint {
  if (!/^-?\d+(\.\d+)?$/.test(decimal)) throw new Error(`${JSON.stringify(decimal)} is not a decimal string`);
  return BigInt(decimal.replace(".", ""));
}

/** The decimal string of a count of minor units. */
export function fromMinor(minor: bigint, digits: number): string {
  const sign = minor < 0n ? "-" : "";
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, "0");
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** The fraction digits that a decimal string has. */
export function digitsOf(decimal: string): number {
  const point = decimal.indexOf(".");
  return point < 0 ? 0 : decimal.length - point - 1;
}

/** The exact sum of decimal strings of one currency. */
export function sum(decimals: readonly string[], digits: number): string {
  return fromMinor(
    decimals.reduce((total, decimal) => total + toMinor(decimal), 0n),
    digits,
  );
}

/** `a - b`, exactly. */
export function subtract(a: string, b: string): string {
  return fromMinor(toMinor(a) - toMinor(b), digitsOf(a));
}

export function isZero(decimal: string): boolean {
  return toMinor(decimal) === 0n;
}

export function isNegative(decimal: string): boolean {
  return decimal.startsWith("-") && !isZero(decimal);
}

/** How a figure shows its sign: `auto` for a negative only, `always` also `+`, `minus` and `plus` whatever the figure is. */
export type Sign = "auto" | "always" | "plus" | "minus" | "never";

/** A figure in parts, so that the fraction can be set in another colour. */
export interface Figure {
  sign: string;
  whole: string;
  /** With the decimal mark in front; empty for a currency without fraction. */
  fraction: string;
}

const formats = new Map<string, Intl.NumberFormat>();

function numberFormat(locale: string, digits: number): Intl.NumberFormat {
  const name = `${locale} ${digits}`;
  let format = formats.get(name);
  if (!format) {
    format = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
    formats.set(name, format);
  }
  return format;
}

/** Formats a decimal string exactly, however long it is. */
export function figure(decimal: string, locale: string, sign: Sign = "auto"): Figure {
  const negative = isNegative(decimal);
  const absolute = decimal.replace(/^-/, "") as Intl.StringNumericLiteral;
  let whole = "";
  let fraction = "";
  for (const part of numberFormat(locale, digitsOf(decimal)).formatToParts(absolute)) {
    if (part.type === "decimal" || part.type === "fraction") fraction += part.value;
    else whole += part.value;
  }
  return { sign: signOf(sign, negative, isZero(decimal)), whole, fraction };
}

function signOf(sign: Sign, negative: boolean, zero: boolean): string {
  if (sign === "never" || (zero && sign !== "auto")) return "";
  if (sign === "plus") return "+";
  if (sign === "minus" || negative) return MINUS;
  return sign === "always" ? "+" : "";
}

export function money(decimal: string, locale: string, sign: Sign = "auto"): string {
  const { sign: mark, whole, fraction } = figure(decimal, locale, sign);
  return mark + whole + fraction;
}

/** The symbol of a currency, such as `R$`; its code where the language has none. */
export function symbol(currency: string, locale: string): string {
  const parts = new Intl.NumberFormat(locale, { style: "currency", currency }).formatToParts(0);
  return parts.find((part) => part.type === "currency")?.value ?? currency;
}

/** `R$ 1.234,56`, the sign in front of the symbol. */
export function moneyWithSymbol(decimal: string, currency: string, locale: string, sign: Sign = "auto"): string {
  const { sign: mark, whole, fraction } = figure(decimal, locale, sign);
  return `${mark}${symbol(currency, locale)}\u00a0${whole}${fraction}`;
}

/** A label of a chart's axis, the only place where a figure is shortened: `20 mil`. */
export function axisLabel(minor: bigint, digits: number, locale: string): string {
  const format = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  return format.format(fromMinor(minor, digits) as Intl.StringNumericLiteral).replace("-", MINUS);
}

/** What is wrong with an amount that somebody typed. */
export type AmountFault =
  | { kind: "empty" | "not_a_number" | "ambiguous" | "not_positive" | "too_large" }
  | { kind: "too_many_digits"; digits: number; typed: number };

export type TypedAmount = { ok: true; decimal: string } | { ok: false; fault: AmountFault };

/**
 * Reads an amount as people of a language type it: `1.234,56`, `1234,56`, `R$ 50`. Nothing is rounded and nothing guessed: a text that
 * could be read in two ways is a fault.
 */
export function readAmount(typed: string, currency: string, locale: string): TypedAmount {
  const read = readMagnitude(withoutSymbol(typed), currency, locale);
  return read.ok && isZero(read.decimal) ? fault({ kind: "not_positive" }) : read;
}

/** Reads a balance, which may be zero or negative: `-1.234,56`, `−R$ 50`, `0`. */
export function readBalance(typed: string, currency: string, locale: string): TypedAmount {
  const [, before, rest = ""] = /^([-−]?)(.*)$/.exec(typed.replace(SPACES, "")) ?? [];
  const [, behind, magnitude = ""] = /^([-−]?)(.*)$/.exec(withoutSymbol(rest)) ?? [];
  if (before && behind) return fault({ kind: "not_a_number" });
  const read = readMagnitude(magnitude, currency, locale);
  const negative = (before || behind) !== "" && read.ok && !isZero(read.decimal);
  return negative ? { ok: true, decimal: `-${read.decimal}` } : read;
}

const SPACES = /[\s\u00a0]/g;

function withoutSymbol(typed: string): string {
  return typed.replace(SPACES, "").replace(/^(R\$|US\$|\$|€|£|¥|[A-Z]{3})/, "");
}

function readMagnitude(text: string, currency: string, locale: string): TypedAmount {
  if (text === "") return fault({ kind: "empty" });
  if (!/^[\d.,]+$/.test(text)) return fault({ kind: "not_a_number" });
  const mark = locale.startsWith("pt") ? "," : ".";
  const group = mark === "," ? "." : ",";
  const [whole = "", ...rest] = text.split(mark);
  if (rest.length > 1) return fault({ kind: "not_a_number" });
  const fraction = rest[0] ?? "";
  if (fraction.includes(group)) return fault({ kind: "not_a_number" });
  if (whole.includes(group) && !/^\d{1,3}([.,]\d{3})+$/.test(whole)) return fault({ kind: "ambiguous" });
  const digits =
    whole
      .split(group)
      .join("")
      .replace(/^0+(?=\d)/, "") || "0";
  return checked(digits, fraction, currency);
}

function checked(whole: string, fraction: string, currency: string): TypedAmount {
  const digits = fractionDigits(currency);
  if (fraction.length > digits) return fault({ kind: "too_many_digits", digits, typed: fraction.length });
  const decimal = fraction ? `${whole}.${fraction}` : whole;
  const minor = BigInt(whole + fraction.padEnd(4, "0"));
  if (minor > toMinor(LARGEST) * 100n) return fault({ kind: "too_large" });
  return { ok: true, decimal };
}

function fault(kind: AmountFault): TypedAmount {
  return { ok: false, fault: kind };
}

/** An amount as it was accepted, with all fraction digits of its currency: what a form shows again. */
export function withAllDigits(decimal: string, currency: string): string {
  const digits = fractionDigits(currency);
  const [whole = "0", fraction = ""] = decimal.split(".");
  return digits === 0 ? whole : `${whole}.${fraction.padEnd(digits, "0")}`;
}
