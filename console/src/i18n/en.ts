import { shellText } from "./en/shell";
import { balancesText } from "./en/balances";
import { dayText } from "./en/day";
import { entryText } from "./en/entry";
import { problemsText } from "./en/problems";
import type { Key } from "./pt";

/** The texts of the first load in English. `{name}` is filled in; `.one` and `.other` are chosen by a count. */
export const en: Record<Key, string> = { ...shellText, ...balancesText, ...dayText, ...entryText, ...problemsText };
