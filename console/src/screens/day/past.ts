import type { BalanceAsOf, StatementLine } from "../../api/types";
import { isLater } from "../../lib/dates";
import { digitsOf, fromMinor, toMinor } from "../../lib/money";

/**
 * The statement as it was: the lines posted up to the moment, with the balances of then. The API answers only the balance of a moment;
 * where these lines do not add up to it, `null`: better no statement than a wrong one.
 */
export function rebuilt(lines: readonly StatementLine[], then: BalanceAsOf): StatementLine[] | null {
  const digits = digitsOf(then.opening_balance);
  let balance = toMinor(then.opening_balance);
  let credits = 0n;
  let debits = 0n;
  const known: StatementLine[] = [];
  for (const line of lines) {
    if (isLater(line.posted_at, then.as_of)) continue;
    const amount = toMinor(line.amount);
    if (line.type === "credit") credits += amount;
    else debits += amount;
    balance += line.type === "credit" ? amount : -amount;
    known.push({ ...line, running_balance: fromMinor(balance, digits) });
  }
  const adds =
    credits === toMinor(then.total_credits) &&
    debits === toMinor(then.total_debits) &&
    known.length === then.entry_count &&
    balance === toMinor(then.closing_balance);
  return adds ? known : null;
}
