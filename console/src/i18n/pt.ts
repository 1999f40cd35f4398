import { shellText } from "./pt/shell";
import { balancesText } from "./pt/balances";
import { dayText } from "./pt/day";
import { entryText } from "./pt/entry";
import { problemsText } from "./pt/problems";

/** The texts of the first load in Portuguese. `{name}` is filled in; `.one` and `.other` are chosen by a count. */
export const pt = { ...shellText, ...balancesText, ...dayText, ...entryText, ...problemsText };

export type Key = keyof typeof pt;
