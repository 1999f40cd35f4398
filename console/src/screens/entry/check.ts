import type { Problem } from "../../api/problem";
import type { EntryRequest, Currency } from "../../api/types";
import { digitsSentence, faultSentence } from "../../i18n/faults";
import { t } from "../../i18n/index.svelte";
import { addDays, formatDate, isDate, year } from "../../lib/dates";
import { money, readAmount, type AmountFault } from "../../lib/money";
import type { Form } from "../../state/drafts";

export type Field = "type" | "amount" | "currency" | "date" | "description" | "category";
export type Faults = Partial<Record<Field, string>>;

export const DESCRIPTION_MOST = 255;
export const CATEGORY_MOST = 100;

/** What the contract refuses is told before it is sent, all of it at once. `body` is there if nothing is wrong. */
export function check(form: Form, today: string, locale: string): { faults: Faults; body: EntryRequest | null } {
  const faults: Faults = {};
  const amount = readAmount(form.amount, form.currency, locale);
  if (!amount.ok) faults.amount = amountSentence(amount.fault, form.currency, locale);
  const date = dateFault(form.date, today, locale);
  if (date) faults.date = date;
  const description = form.description.trim();
  const category = form.category.trim();
  const long = textFault(description, DESCRIPTION_MOST);
  if (long) faults.description = long;
  const longCategory = textFault(category, CATEGORY_MOST);
  if (longCategory) faults.category = longCategory;
  if (!amount.ok || Object.keys(faults).length > 0) return { faults, body: null };
  return {
    faults,
    body: {
      type: form.type,
      amount: amount.decimal,
      currency: form.currency as Currency,
      // Always named: an entry that waits for a connection counts for the day it was typed for.
      date: form.date,
      description: description || null,
      category: category || null,
    },
  };
}

export function amountSentence(fault: AmountFault, currency: string, locale: string): string {
  const example = money("1234.56", locale);
  switch (fault.kind) {
    case "empty":
      return t("entry.faultEmpty");
    case "not_a_number":
      return t("entry.faultNumber", { example });
    case "ambiguous":
      return t("entry.faultAmbiguous", { example });
    case "not_positive":
      return t("entry.faultPositive");
    case "too_large":
      return t("entry.faultLarge", { largest: money("9999999999999.99", locale) });
    case "too_many_digits":
      return digitsSentence(fault.digits, fault.typed, currency);
  }
}

function dateFault(date: string, today: string, locale: string): string | null {
  if (!isDate(date)) {
    return t("entry.faultDate", {
      example: formatDate(today, locale, { day: "2-digit", month: "2-digit", year: "numeric" }),
    });
  }
  const nextYear = `${year(today) + 1}${today.slice(4)}`;
  const last = isDate(nextYear) ? nextYear : addDays(`${year(today) + 1}-03-01`, -1);
  return date > last ? t("entry.faultDateRange") : null;
}

/** The contract counts characters, not UTF-16 units, and refuses control characters. */
function textFault(text: string, most: number): string | null {
  const length = [...text].length;
  if (length > most) return t("entry.faultLong", { max: most, n: length });
  return /\p{Cc}/u.test(text) ? t("entry.faultControl") : null;
}

/** The faults that the API names in what was sent, at their fields. */
export function serverFaults(problem: Problem, sent: Partial<EntryRequest>): Faults {
  const faults: Faults = {};
  for (const fault of problem.faults) {
    const field = fault.pointer?.split("/")[1];
    if (isField(field)) {
      faults[field] ??= faultSentence(fault, { field, value: sent[field], currency: sent.currency ?? "BRL" });
    }
  }
  return faults;
}

function isField(name: string | undefined): name is Field {
  return ["type", "amount", "currency", "date", "description", "category"].includes(name ?? "");
}
