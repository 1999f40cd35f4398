//! What `import --help` says behind the options.

/// Examples, and what an import promises.
pub(super) const EXAMPLES: &str = "\
Examples:
  A Brazilian bank's CSV file, checked first (--dry-run), then sent:

    import statement.csv --map date=Data,amount=Valor,description=Histórico \\
        --decimal comma --date-format %d/%m/%Y --encoding windows-1252 --dry-run

    import statement.csv --map date=Data,amount=Valor,description=Histórico \\
        --decimal comma --date-format %d/%m/%Y --encoding windows-1252 \\
        --url https://api.example.com --token-command 'make -s token MERCHANT=acme'

  An OFX file:

    import statement.ofx --url https://api.example.com \\
        --token-command 'make -s token MERCHANT=acme'

  A card's file, whose purchases are positive and whose last line is a total:

    import card.csv --map date=date,amount=amount,description=title \\
        --invert-signs --skip 'title=Total*' --dry-run

Every row once:
  Each row is sent under an idempotency key that is made from the account and the bank's own id
  of the row (--map id=COLUMN, or ACCTID and FITID in OFX), or else from the account, the values
  that are sent, and which of several equal rows of the file it is. The same row always has the
  same key: importing a file twice, or a statement that overlaps with one imported before, adds
  nothing twice. Without ids, statements should cover whole days, so that equal rows of one day
  come together, and each account should have a name of its own (--account).

  With and without ids (--ignore-ids) a row has two keys. Before rows are sent, the server is
  asked whether they were posted under the other one: with --ignore-ids for every row, else for
  the first and the last row of each day, and for every row if one of these was. What was posted
  so is not sent again. In CSV this needs the ids to be mapped both times. Other options that
  change the values of rows without ids (--map, --account, --encoding, --trust) change their keys:
  use the same ones every time.

No row is lost or guessed:
  The whole file is read before anything is posted. Each row is posted, refused with its reasons,
  or skipped and listed. Skipped are balances (by their words, and a missing id or an amount that
  agrees with the movements), rows that repeat one of another statement in the file, and those
  that --skip names. What can be read in two ways is refused, and the reason names the option
  that decides it. An id that several rows of an account share refuses them all. Rows without ids
  that two statements in one file have are refused: put each statement into a file of its own.

Interruptions:
  FILE.import-journal, beside FILE, says how far the server has accepted the rows. After Ctrl-C,
  a crash or an error, the same command goes on from there. The journal is removed at the end;
  without it all is sent again, which changes nothing.

Refused rows:
  FILE.refused.csv holds the rows that were not posted, with line, reasons and cells; each
  import of FILE replaces it. Correct the rows in FILE and import that again: what was posted
  is not posted twice.

Exit status:
  0  all rows are accepted, or skipped
  1  the import has stopped; the last line says why
  2  the import is complete, but some rows were refused";
