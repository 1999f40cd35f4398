//! The command line: what it may say, and what it means.

mod endpoint;
mod examples;
mod names;

use std::{path::PathBuf, time::Duration};

use cashflow::{Currency, UnknownCurrency};
use clap::Parser;
use statement_file::{
    CREDIT_WORDS, Condition, CsvOptions, DEBIT_WORDS, Format, Mapping, MappingError, Reading, is_date_format,
};

pub use self::endpoint::{Endpoint, EndpointError};
use self::{
    examples::EXAMPLES,
    names::{DecimalName, EncodingName, FormatName, TrustName},
};

/// Posts a bank statement, CSV or OFX, to Fluxo: every row once, however often it is run.
#[derive(Debug, Parser)]
#[command(name = "import", version, after_long_help = EXAMPLES, after_help = "See --help for examples.", max_term_width = 120)]
pub struct Arguments {
    /// The statement
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The format of the file [default: by its extension: .csv, .ofx, .qfx]
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatName>,

    /// CSV: which columns hold what, such as date=Data,amount=Valor
    ///
    /// Fields are date, amount, type, credit, debit, currency, description, category and id. A date, and either amount or
    /// both credit and debit are needed. The sign of amount tells the direction, unless type is mapped. May be repeated;
    /// several columns for description are put together. A CSV file that Fluxo has exported needs no mapping.
    #[arg(long, value_name = "FIELD=COLUMN,...")]
    map: Vec<String>,

    /// CSV: what separates cells: one character, or tab [default: the one of , ; tab | that the header has]
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<String>,

    /// CSV: how many lines come before the header [default: up to where all mapped columns are named]
    #[arg(long, value_name = "LINES")]
    skip_lines: Option<u64>,

    /// CSV: there is no header; columns have numbers, such as --map date=1,amount=3
    #[arg(long)]
    no_header: bool,

    /// What separates the fraction of an amount; the other one may then separate thousands
    ///
    /// Thousands may also be separated by spaces or apostrophes. Without this option, in CSV a point separates the fraction,
    /// and an amount such as 1,234, which could be two, is refused; in OFX a point or a comma does.
    #[arg(long, value_name = "SIGN")]
    decimal: Option<DecimalName>,

    /// CSV: how dates are written, as in strftime, such as %d/%m/%Y [default: %Y-%m-%d]
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,

    /// The currency of rows that name none (ISO 4217) [default: BRL; OFX: none, since statements name theirs]
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,

    /// The name of the account, which becomes a part of the keys; for OFX, of statements that name none
    ///
    /// Give it when statements of several accounts go to one merchant: two accounts may have equal rows, or ids. Give the
    /// same name every time. An OFX file usually names its accounts itself (ACCTID).
    #[arg(long, value_name = "NAME")]
    account: Option<String>,

    /// Read only rows with this value in this column; for OFX, in an element such as ACCTID. May be repeated
    #[arg(long, value_name = "COLUMN=VALUE")]
    only: Vec<String>,

    /// Rows with this text in this column are no entries, such as 'Data=Total*' or 'MEMO=Saldo*'. May be repeated
    ///
    /// A * stands for any text; upper and lower case are the same. Such rows are listed and do not count as refused.
    #[arg(long, value_name = "COLUMN=TEXT")]
    skip: Vec<String>,

    /// Rows with this text in this column are entries although they look like balances or totals. May be repeated
    #[arg(long, value_name = "COLUMN=TEXT")]
    keep: Vec<String>,

    /// A positive amount is a debit and a negative one a credit, as on statements of credit cards
    #[arg(long)]
    invert_signs: bool,

    /// What is right where an amount's sign contradicts its type or column
    #[arg(long, value_name = "WHAT")]
    trust: Option<TrustName>,

    /// CSV: a word of the type column for a credit, in any case. May be repeated
    /// [default: credit, cr, c, crédito, credito, entrada]
    #[arg(long, value_name = "WORD")]
    credit_word: Vec<String>,

    /// CSV: a word of the type column for a debit, in any case. May be repeated
    /// [default: debit, dr, db, d, débito, debito, saída, saida]
    #[arg(long, value_name = "WORD")]
    debit_word: Vec<String>,

    /// CSV: debits carry a minus although type or the column debit says that they are debits
    #[arg(long)]
    negative_debits: bool,

    /// Make keys without the bank's ids (OFX: FITID), for banks that give one id to several rows
    ///
    /// Decide once for each account. Rows that were posted with their ids are looked for and not posted again.
    #[arg(long)]
    ignore_ids: bool,

    /// The encoding of the file [default: utf-8, or utf-16 if it looks like that; OFX: as its header says]
    #[arg(long, value_name = "NAME")]
    encoding: Option<EncodingName>,

    /// The base URL of the API: https, or http on this machine
    #[arg(long, env = "FLUXO_URL", required_unless_present = "dry_run")]
    url: Option<String>,

    /// A shell command that prints an ID token; it is run again when the token expires
    ///
    /// Without it, the token is taken from the environment variable FLUXO_TOKEN.
    #[arg(long, value_name = "COMMAND")]
    token_command: Option<String>,

    /// How long to repeat a request while the server is away, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    give_up_after: u64,

    /// Read and check everything, say what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub struct Task {
    /// The statement.
    pub file: PathBuf,
    /// How it is to be read.
    pub reading: Reading,
    /// The account that it is of, if the user names one.
    pub account: Option<String>,
    /// Where to.
    pub target: Target,
}

/// Where the rows go.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// Nowhere.
    DryRun,
    /// To a server.
    Server {
        /// Which one.
        endpoint: Endpoint,
        /// What prints a token.
        token_command: Option<String>,
        /// How long to repeat a request.
        give_up_after: Duration,
    },
}

/// Why a command line means nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// The extension tells no format.
    #[error("the name of the file does not tell its format: say --format csv or --format ofx")]
    UnknownFormat,
    /// An option makes no sense for OFX.
    #[error("{0} goes with CSV files only")]
    OnlyForCsv(&'static str),
    /// There are no ids to ignore.
    #[error("--ignore-ids goes with --map id=COLUMN: nothing else makes ids count in CSV files")]
    NoIds,
    /// Two options say the same thing in different ways.
    #[error("{0} and {1} exclude each other")]
    Both(&'static str, &'static str),
    /// The mapping is not one.
    #[error("--map: {0}")]
    Mapping(#[from] MappingError),
    /// The delimiter is not one.
    #[error("--delimiter must be one ASCII character that is neither a quote nor a line break, or tab")]
    Delimiter,
    /// The date format does not hold a date.
    #[error("--date-format {0:?} is no strftime format of a whole date, such as %d/%m/%Y")]
    DateFormat(String),
    /// The currency is not one.
    #[error("--currency {0}")]
    Currency(#[from] UnknownCurrency),
    /// A condition is not one.
    #[error("{0} {1:?} is not COLUMN=VALUE")]
    Condition(&'static str, String),
    /// A word would mean both.
    #[error("{0:?} is a word for credit and for debit")]
    Word(String),
    /// Nowhere to send to.
    #[error("--url is missing")]
    NoUrl,
    /// The URL is not one.
    #[error("--url {0}")]
    Url(#[from] EndpointError),
}

impl Arguments {
    /// Checks what only makes sense together.
    pub fn into_task(self) -> Result<Task, ArgumentError> {
        let format = match self.format.or_else(|| self.format_of_extension()).ok_or(ArgumentError::UnknownFormat)? {
            FormatName::Csv => Format::Csv(self.csv_options()?),
            FormatName::Ofx => {
                self.refuse_csv_options()?;
                Format::Ofx
            }
        };
        let currency = self.currency.as_deref().map(Currency::parse).transpose()?;
        let only = conditions("--only", &self.only)?.into_iter().map(|condition| (condition.column, condition.pattern));
        let reading = Reading {
            format,
            encoding: self.encoding.map(Into::into),
            decimal: self.decimal.map(Into::into),
            currency: currency.map(|currency| currency.code().to_owned()),
            only: only.collect(),
            skip: conditions("--skip", &self.skip)?,
            keep: conditions("--keep", &self.keep)?,
            invert_signs: self.invert_signs,
            trust: self.trust.map(Into::into),
            ignore_ids: self.ignore_ids,
        };
        let target = if self.dry_run {
            Target::DryRun
        } else {
            Target::Server {
                endpoint: Endpoint::parse(&self.url.ok_or(ArgumentError::NoUrl)?)?,
                token_command: self.token_command,
                give_up_after: Duration::from_secs(self.give_up_after),
            }
        };
        Ok(Task { file: self.file, reading, account: self.account, target })
    }

    fn format_of_extension(&self) -> Option<FormatName> {
        match self.file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(FormatName::Csv),
            "ofx" | "qfx" => Some(FormatName::Ofx),
            _ => None,
        }
    }

    fn csv_options(&self) -> Result<CsvOptions, ArgumentError> {
        let mapping = if self.map.is_empty() { None } else { Some(Mapping::parse(&self.map)?) };
        if self.ignore_ids && mapping.as_ref().is_some_and(|mapping| !mapping.has_id()) {
            return Err(ArgumentError::NoIds);
        }
        if self.negative_debits && self.trust.is_some() {
            return Err(ArgumentError::Both("--negative-debits", "--trust"));
        }
        if self.no_header && self.skip_lines.is_none() && mapping.is_none() {
            return Err(MappingError::none().into());
        }
        let words = |given: &[String], usual: &[&str]| -> Vec<String> {
            if given.is_empty() {
                usual.iter().map(|word| (*word).to_owned()).collect()
            } else {
                given.iter().map(|word| word.trim().to_lowercase()).collect()
            }
        };
        let (credit_words, debit_words) =
            (words(&self.credit_word, &CREDIT_WORDS), words(&self.debit_word, &DEBIT_WORDS));
        if let Some(word) = credit_words.iter().find(|word| debit_words.contains(word)) {
            return Err(ArgumentError::Word(word.clone()));
        }
        if let Some(format) = self.date_format.as_ref().filter(|format| !is_date_format(format)) {
            return Err(ArgumentError::DateFormat(format.clone()));
        }
        Ok(CsvOptions {
            mapping,
            delimiter: self.delimiter.as_deref().map(delimiter).transpose()?,
            skip_lines: self.skip_lines,
            no_header: self.no_header,
            date_format: self.date_format.clone(),
            credit_words,
            debit_words,
            negative_debits: self.negative_debits,
        })
    }

    fn refuse_csv_options(&self) -> Result<(), ArgumentError> {
        let given = [
            ("--map", !self.map.is_empty()),
            ("--delimiter", self.delimiter.is_some()),
            ("--skip-lines", self.skip_lines.is_some()),
            ("--no-header", self.no_header),
            ("--date-format", self.date_format.is_some()),
            ("--credit-word", !self.credit_word.is_empty()),
            ("--debit-word", !self.debit_word.is_empty()),
            ("--negative-debits", self.negative_debits),
            ("--trust reversal", self.trust == Some(TrustName::Reversal)),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(ArgumentError::OnlyForCsv(option)),
            None => Ok(()),
        }
    }
}

fn conditions(option: &'static str, texts: &[String]) -> Result<Vec<Condition>, ArgumentError> {
    let parse = |text: &String| Condition::parse(text).ok_or_else(|| ArgumentError::Condition(option, text.clone()));
    texts.iter().map(parse).collect()
}

fn delimiter(text: &str) -> Result<u8, ArgumentError> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(*byte),
        _ => Err(ArgumentError::Delimiter),
    }
}

#[cfg(test)]
mod tests;
