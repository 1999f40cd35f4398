import { settings } from "../state/settings.svelte";
import { importText as en } from "./en/import";
import { count, fill, type Values } from "./index.svelte";
import { importText as pt } from "./pt/import";

/** The importer's texts: they come with its part of the page. */
export type ImportKey = keyof typeof pt;

type Counted = ImportKey extends infer K ? (K extends `${infer Stem}.one` ? Stem : never) : never;

export function ti(key: ImportKey, values?: Values): string {
  return fill((settings.language === "pt" ? pt : en)[key], values);
}

export function tin(stem: Counted, n: number): string {
  const form = new Intl.PluralRules(settings.locale).select(n) === "one" ? "one" : "other";
  return ti(`${stem}.${form}` as ImportKey, { n: count(n) });
}
