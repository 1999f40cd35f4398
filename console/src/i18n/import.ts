import { settings } from "../state/settings.svelte";
import { importText as enImport } from "./en/import";
import { reasonsText as enReasons } from "./en/reasons";
import { count, fill, type Values } from "./index.svelte";
import { importText as ptImport } from "./pt/import";
import { reasonsText as ptReasons } from "./pt/reasons";

const pt = { ...ptImport, ...ptReasons };
const en: Record<ImportKey, string> = { ...enImport, ...enReasons };

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
