//! The elements of an OFX file that are read, and what they are called.

use crate::rows::text::NotText;

/// The elements of a transaction that are read; `--only` picks by them, and refused rows show them.
pub(super) const COLUMNS: [&str; 11] = [
    "ACCTID",
    "CURDEF",
    "CURRENCY",
    "TRNTYPE",
    "DTPOSTED",
    "TRNAMT",
    "FITID",
    "CHECKNUM",
    "NAME",
    "MEMO",
    "CORRECTFITID",
];

pub(super) const ACCOUNT: usize = 0;
pub(super) const STATEMENT_CURRENCY: usize = 1;
pub(super) const CURRENCY: usize = 2;
pub(super) const TYPE: usize = 3;
pub(super) const POSTED: usize = 4;
pub(super) const AMOUNT: usize = 5;
pub(super) const ID: usize = 6;
pub(super) const NAME: usize = 8;
pub(super) const MEMO: usize = 9;
pub(super) const CORRECTS: usize = 10;

/// Elements inside a transaction that have others inside, whose names must not be taken for the transaction's own.
pub(super) const INNER: [&str; 6] = ["PAYEE", "BANKACCTTO", "CCACCTTO", "CURRENCY", "ORIGCURRENCY", "IMAGEDATA"];

/// Elements that have others inside. Text of their own is a mistake of the bank, and must not hide what is inside.
pub(super) const AGGREGATES: [&str; 24] = [
    "OFX",
    "STMTTRN",
    "BANKTRANLIST",
    "STMTRS",
    "CCSTMTRS",
    "INVSTMTRS",
    "STMTTRNRS",
    "CCSTMTTRNRS",
    "INVSTMTTRNRS",
    "BANKMSGSRSV1",
    "CREDITCARDMSGSRSV1",
    "INVSTMTMSGSRSV1",
    "BANKACCTFROM",
    "CCACCTFROM",
    "INVACCTFROM",
    "LEDGERBAL",
    "AVAILBAL",
    "STATUS",
    "SIGNONMSGSRSV1",
    "SONRS",
    "INVTRANLIST",
    "INVBANKTRAN",
    "STMTTRNP",
    "BANKTRANLISTP",
];

/// What else moves money or securities, is not read, and must not go without a word.
pub(super) const NOT_READ: [&str; 23] = [
    "STMTTRNP",
    "BUYDEBT",
    "BUYMF",
    "BUYOPT",
    "BUYOTHER",
    "BUYSTOCK",
    "CLOSUREOPT",
    "INCOME",
    "INVEXPENSE",
    "JRNLFUND",
    "JRNLSEC",
    "MARGININTEREST",
    "REINVEST",
    "RETOFCAP",
    "SELLDEBT",
    "SELLMF",
    "SELLOPT",
    "SELLOTHER",
    "SELLSTOCK",
    "SPLIT",
    "TRANSFER",
    "PAYMENTRS",
    "LOANSTMTTRN",
];

/// Types that name a direction (OFX 2.2, section 11.4.4.3). All others go with either sign.
/// Behind those of the standard stand what Brazilian banks write instead.
pub(super) const CREDIT_TYPES: [&str; 6] = ["CREDIT", "DEP", "DIRECTDEP", "C", "CREDITO", "CR\u{c9}DITO"];
pub(super) const DEBIT_TYPES: [&str; 5] = ["DEBIT", "DIRECTDEBIT", "D", "DEBITO", "D\u{c9}BITO"];

/// Types that are debits as a rule; a fee can be given back, and a payment is a credit to a card. Where no amount of a statement
/// has a minus, the bank means the type, and everywhere, if the user says that the type counts.
pub(super) const USUAL_DEBIT_TYPES: [&str; 7] = ["FEE", "SRVCHG", "CHECK", "CASH", "POS", "REPEATPMT", "PAYMENT"];

/// The values of [`COLUMNS`], as far as they are there.
pub(super) type Values = [Option<Result<String, NotText>>; COLUMNS.len()];
