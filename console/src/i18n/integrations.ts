import { settings } from "../state/settings.svelte";
import { integrationsText as en } from "./en/integrations";
import { count, fill, type Values } from "./index.svelte";
import { integrationsText as pt } from "./pt/integrations";

/** The texts of webhooks and alerts: they come with their part of the page. */
export type IntegrationsKey = keyof typeof pt;

type Counted = IntegrationsKey extends infer K ? (K extends `${infer Stem}.one` ? Stem : never) : never;

export function tw(key: IntegrationsKey, values?: Values): string {
  return fill((settings.language === "pt" ? pt : en)[key], values);
}

export function twn(stem: Counted, n: number): string {
  const form = new Intl.PluralRules(settings.locale).select(n) === "one" ? "one" : "other";
  return tw(`${stem}.${form}` as IntegrationsKey, { n: count(n) });
}
