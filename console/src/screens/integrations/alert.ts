import type { Problem } from "../../api/problem";
import type { BalanceAlert, BalanceAlertRequest, Currency } from "../../api/types";
import { faultSentence } from "../../i18n/faults";
import { tw } from "../../i18n/integrations";
import { MINUS, money, moneyWithSymbol, readBalance, withAllDigits, type AmountFault } from "../../lib/money";
import { isRecord } from "../../lib/storage";
import { settings } from "../../state/settings.svelte";
import { amountSentence } from "../entry/check";

/** The name under which the form is kept. */
export const ALERT_FORM = "balance-alert";

/** The contract's greatest threshold, and with a minus its least, in every currency. */
const LARGEST = "9999999999999.99";

export type Direction = BalanceAlert["direction"];

/** What stands in the form, as it was typed. */
export interface AlertForm {
  direction: Direction;
  currency: string;
  threshold: string;
}

export function isAlertForm(value: unknown): value is AlertForm {
  return (
    isRecord(value) &&
    (value["direction"] === "below" || value["direction"] === "above") &&
    typeof value["currency"] === "string" &&
    typeof value["threshold"] === "string"
  );
}

/** The form that changes an alert's threshold. */
export function formOf({ direction, currency, threshold }: BalanceAlert): AlertForm {
  return { direction, currency, threshold: money(threshold, settings.locale) };
}

/** The alert that the form would replace: there is one for each currency and direction. */
export function replacedBy(form: AlertForm, alerts: readonly BalanceAlert[]): BalanceAlert | null {
  return alerts.find(({ currency, direction }) => currency === form.currency && direction === form.direction) ?? null;
}

export function checkAlert(form: AlertForm, locale: string): { fault: string; body: BalanceAlertRequest | null } {
  const read = readBalance(form.threshold, form.currency, locale);
  if (!read.ok) return { fault: thresholdSentence(read.fault, form.currency, locale), body: null };
  const currency = form.currency as Currency;
  return {
    fault: "",
    body: { currency, direction: form.direction, threshold: withAllDigits(read.decimal, currency) },
  };
}

function thresholdSentence(fault: AmountFault, currency: string, locale: string): string {
  if (fault.kind === "empty") return tw("alerts.faultEmpty");
  if (fault.kind === "too_large") return tw("alerts.faultLarge", { largest: money(LARGEST, locale) });
  return amountSentence(fault, currency, locale);
}

/** An amount that no line breaks after its minus: the sign would be overlooked. */
function unbroken(decimal: string, currency: string): string {
  return moneyWithSymbol(decimal, currency, settings.locale).replace(MINUS, `${MINUS}\u2060`);
}

/** The alert as a sentence: what it watches and when it tells. */
export function alertSentence({ direction, currency, threshold }: BalanceAlert): string {
  const amount = unbroken(threshold, currency);
  return tw(direction === "below" ? "alerts.sentenceBelow" : "alerts.sentenceAbove", { amount });
}

/** How it stands now, as a sentence. */
export function nowSentence({ direction, currency, balance, status }: BalanceAlert): string {
  const shown = unbroken(balance, currency);
  if (status === "resolved") return tw("alerts.isFine", { balance: shown });
  return tw(direction === "below" ? "alerts.isBelow" : "alerts.isAbove", { balance: shown });
}

/** What the API says is wrong with the threshold or its currency; empty if it says nothing of them. */
export function serverFault(problem: Problem, { threshold, currency = "BRL" }: BalanceAlertRequest): string {
  const fault = problem.faults.find(({ pointer }) => pointer === "/threshold" || pointer === "/currency");
  if (!fault) return "";
  const largest = fault.code === "too_large" || fault.code === "out_of_range";
  if (largest) return tw("alerts.faultLarge", { largest: money(LARGEST, settings.locale) });
  if (fault.code === "required") return tw("alerts.faultEmpty");
  const field = fault.pointer === "/threshold" ? "amount" : "currency";
  return faultSentence(fault, { field, value: threshold, currency: currency ?? "BRL" });
}
