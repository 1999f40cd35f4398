import { ti, type ImportKey } from "../i18n/import";
import { settings } from "../state/settings.svelte";

/**
 * What the parser says of a file or a row, for whoever reads it in this page: in their language, and with the page's own fields instead
 * of the command's options. The parser's sentences are those of `crates/statement-file` and `crates/cashflow`; one that is not known
 * here is shown as it came.
 */
const SAID: readonly (readonly [RegExp, ImportKey])[] = [
  [/^is not an amount such as /, "why.amount"],
  [/^is ambiguous: say with --decimal/, "why.ambiguous"],
  [/^contradicts itself: the sign and the mark/, "why.signAndMark"],
  [/^must be a decimal string such as/, "why.amount"],
  [/^has more than the (\d+) fraction digits of (\w+)$/, "why.digits"],
  [/^must be greater than zero$/, "why.zero"],
  [/^must be at most 9999999999999\.99$/, "why.large"],
  [/^has the sign (\S+), which stands for several currencies/, "why.signOfSeveral"],
  [/^has the sign (\S+), which is not one of (\w+):/, "why.signOfAnother"],
  [/^must be an ISO 4217 currency code/, "why.currency"],
  [/^the statement names none \(CURDEF\)/, "why.noCurrency"],
  [/^must be a date of the calendar/, "why.date"],
  [/^must not be before 1900-01-01$/, "why.before"],
  [/^must not be after (\S+), one year ahead$/, "why.after"],
  [/^must be at most (\d+) characters, has (\d+)$/, "why.long"],
  [/^must not contain control characters/, "why.control"],
  [/^is not UTF-8 text: see --encoding$/, "why.encoding"],
  [/^has (\d+) cells, the header has (\d+)$/, "why.cells"],
  [/^has other rows in a quoted cell/, "why.quote"],
  [/^has "(.*)" in column (\d+), which has no name/s, "why.nameless"],
  [/^there is no amount, neither here nor in debit$/, "why.neither"],
  [/^there is an amount in both credit and debit$/, "why.both"],
  [/^is none of the words for credit and debit/, "why.words"],
  [/^is marked as the opposite of what its column says/, "why.opposite"],
  [/^a credit must not be negative/, "why.negativeCredit"],
  [/^a debit must not be negative/, "why.negativeDebit"],
  [/^a debit must be negative/, "why.positiveDebit"],
  [/^is (\w+), but the amount is positive/, "why.typePositive"],
  [/^is (\w+), but the amount is negative/, "why.typeNegative"],
  [/^is missing: name the account with --account$/, "why.account"],
  [/^is missing$/, "why.missing"],
  [/^is empty$/, "why.empty"],
  [/^is also that of the row in line (\d+),/, "why.sameId"],
  [/^is equal to that in line (\d+), in another statement/, "why.sameRow"],
  [/^it is the row in line (\d+) again$/, "why.again"],
  [/^"(.*)" is a balance$/s, "why.balance"],
  [/^"(.*)" may be a balance or a total/s, "why.perhapsBalance"],
  [/^is named by both --skip and --keep$/, "why.perhapsBalance"],
  [/^corrects another transaction/, "why.corrects"],
  [/^has text before its first element$/, "why.looseText"],
  [/^the header is in line (\d+); lines (\d+) to (\d+) before it are not read$/, "why.headerLines"],
  [/^the header is in line (\d+); line (\d+) before it is not read$/, "why.headerLine"],
  [/^the header says that texts are Windows-1252, but they are UTF-8/, "why.misdeclared"],
  [/^all texts beyond ASCII look like UTF-8/, "why.looksUtf8"],
  [/^the file names its account \(ACCTID\)/, "why.ownAccount"],
  [/^what begins in line (\d+), behind the end of the statement, is not read$/, "why.behind"],
  [/^(\d+) elements (\S+) are not read/, "why.elements"],
  [/^the file is empty$/, "import.empty"],
  [/^the file is (\S+), not what --encoding says/, "why.otherEncoding"],
  [/^the file says that its encoding is "(.*)"; only/, "why.unknownEncoding"],
  [/^the file says that its delimiter is '(.*)' \(sep=\)/, "why.otherDelimiter"],
  [/^line (\d+): there is a second header/, "why.secondHeader"],
  [/^(?:--map: )?map the date/, "why.mapDate"],
  [/^(?:--map: )?map amount, or credit and debit/, "why.mapAmount"],
  [/^(?:--map: )?map either amount/, "why.mapEither"],
  [/^(?:--map: )?(\w+) is mapped more than once$/, "why.mapTwice"],
  [/^the file has no column "(.*)"; its columns are/, "why.noColumn"],
  [/^the file has more than one column "(.*)"$/, "why.sameColumns"],
  [/^the row after line (\d+) is longer than/, "why.rowTooLong"],
  [/^line (\d+): the file has no statement, but an error of the bank: (.*)$/s, "why.bank"],
];

/** The parser's names of what a reason is about, which are columns of the page or elements of OFX. */
const FIELDS: Readonly<Record<string, ImportKey>> = {
  date: "row.date",
  DTPOSTED: "row.date",
  amount: "why.fieldAmount",
  TRNAMT: "why.fieldAmount",
  type: "row.type",
  TRNTYPE: "row.type",
  credit: "row.credit",
  debit: "row.debit",
  currency: "row.currency",
  CURDEF: "row.currency",
  description: "row.description",
  MEMO: "row.description",
  category: "row.category",
  id: "row.id",
  FITID: "row.id",
  ACCTID: "gs.account",
  row: "row.line",
};

/** The option that decides it, by the name that its field has in the page. */
const OPTIONS: Readonly<Record<string, ImportKey>> = {
  encoding: "gs.encoding",
  delimiter: "gs.delimiter",
  date_format: "gs.date",
  decimal: "gs.decimal",
  currency: "gs.currency",
  account: "gs.account",
  trust: "gs.trust",
  "ignore-ids": "gs.ignoreIds",
  map: "gs.mapping",
  mapping: "gs.mapping",
};

/** The sentence of the parser in the page's words. */
export function said(sentence: string): string {
  for (const [pattern, key] of SAID) {
    const found = pattern.exec(sentence);
    if (found) return ti(key, { a: found[1] ?? "", b: found[2] ?? "", c: found[3] ?? "" });
  }
  return sentence;
}

export function fieldName(field: string): string {
  return FIELDS[field] ? ti(FIELDS[field]) : field;
}

/** Those of the options that the page has, by name; `""` if there is none. */
export function optionNames(options: readonly string[]): string {
  const names = options.flatMap((option) => (OPTIONS[option] ? [ti(OPTIONS[option])] : []));
  return new Intl.ListFormat(settings.locale, { type: "disjunction" }).format([...new Set(names)]);
}
