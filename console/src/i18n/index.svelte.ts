import { settings } from "../state/settings.svelte";
import { en } from "./en";
import { pt, type Key } from "./pt";

export type { Key };
export type Values = Record<string, string | number>;

/** The text of a key in the language of the page, with its values filled in. */
export function t(key: Key, values?: Values): string {
  return fill((settings.language === "pt" ? pt : en)[key], values);
}

type Counted = Key extends infer K ? (K extends `${infer Stem}.one` ? Stem : never) : never;

/** The text for a count: `stem.one` or `stem.other`, with `{n}` in the language's digits. */
export function tn(stem: Counted, n: number, values?: Values): string {
  const form = new Intl.PluralRules(settings.locale).select(n) === "one" ? "one" : "other";
  return t(`${stem}.${form}` as Key, { ...values, n: count(n) });
}

export function count(n: number): string {
  return new Intl.NumberFormat(settings.locale).format(n);
}

export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
