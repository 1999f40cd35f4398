import type { Fault } from "../api/problem";
import type { FaultCode } from "../api/types";
import { digitsOf, money } from "../lib/money";
import { formatDate } from "../lib/dates";
import { settings } from "../state/settings.svelte";
import { t } from "./index.svelte";

/** What was sent where the fault is: the field's name, its value, and the currency beside it. */
export interface Sent {
  field: string;
  value: string | null | undefined;
  currency: string;
}

type Sentence = (limit: string, sent: Sent) => string;

/** What only a page that is older than the system sends. */
const ofThePage = (): string => t("fault.page");
const day = (date: string): string =>
  formatDate(date, settings.locale, { day: "2-digit", month: "2-digit", year: "numeric" });

/** The sentence for each code of the contract. A code that the contract gets and this table lacks does not compile. */
const SENTENCES: Record<FaultCode, Sentence> = {
  required: (_, { field }) => t(field === "amount" ? "entry.faultEmpty" : "fault.required"),
  invalid_format: (_, { field }) => {
    if (field === "amount") return t("entry.faultNumber", { example: money("1234.56", settings.locale) });
    return field === "date" ? t("entry.faultDate", { example: day("2026-12-31") }) : ofThePage();
  },
  unknown_value: (_, { field }) => (field === "currency" ? t("fault.currency") : ofThePage()),
  not_positive: () => t("entry.faultPositive"),
  too_large: (limit) => t("entry.faultLarge", { largest: money(limit, settings.locale) }),
  too_many_fraction_digits: (limit, { value, currency }) =>
    digitsSentence(Number(limit), digitsOf(value ?? ""), currency),
  too_early: (limit) => t("fault.tooEarly", { date: day(limit) }),
  too_late: (limit) => t("fault.tooLate", { date: day(limit) }),
  too_long: (limit, { value }) => t("entry.faultLong", { max: limit, n: [...(value ?? "")].length }),
  control_character: () => t("entry.faultControl"),
  duplicate_key: () => t("fault.duplicateKey"),
  key_reused: () => t("fault.keyReused"),
  unknown_field: ofThePage,
  unknown_parameter: ofThePage,
  duplicate: ofThePage,
  wrong_type: ofThePage,
  too_few_entries: ofThePage,
  too_many_entries: ofThePage,
  range_too_long: ofThePage,
  out_of_range: ofThePage,
  invalid_cursor: ofThePage,
  invalid_token: ofThePage,
  // Of URLs, whose form has its own words.
  not_admitted: ofThePage,
};

/** What is wrong, in the language of the page. A code that this page does not know yet is told in the system's own words. */
export function faultSentence(fault: Fault, sent: Sent): string {
  const sentence = isKnown(fault.code) ? SENTENCES[fault.code] : null;
  return sentence ? sentence(fault.limit ?? "", sent) : t("entry.faultServer", { detail: fault.detail });
}

function isKnown(code: string | undefined): code is FaultCode {
  return code !== undefined && Object.hasOwn(SENTENCES, code);
}

export function digitsSentence(most: number, typed: number, currency: string): string {
  const name = inWords(currency);
  return most === 0
    ? t("entry.faultDigitsNone", { currency: name, typed })
    : t("entry.faultDigits", { currency: name, digits: most, typed });
}

/** The currency within a sentence: `reais`, `dólares americanos`; in English its code. */
function inWords(currency: string): string {
  if (settings.language !== "pt") return currency;
  if (currency === "BRL") return "reais";
  const format = new Intl.NumberFormat(settings.locale, { style: "currency", currency, currencyDisplay: "name" });
  const name = format.formatToParts(2).find((part) => part.type === "currency")?.value ?? currency;
  // Some browsers begin it with a capital letter, as in a list.
  return name.toLocaleLowerCase(settings.locale);
}
