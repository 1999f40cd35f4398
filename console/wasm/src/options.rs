//! How a file is to be read, as the page says it. The names are those of the command's options.

use cashflow::{Currency, Date, parse_date};
use serde::Deserialize;
use statement_file::{
    CREDIT_WORDS, Condition, CsvOptions, DEBIT_WORDS, Decimal, Encoding, Format, Mapping, Reading, Trust,
    is_date_format,
};

/// Options of one file. All but `format` and `today` may be absent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// `csv` or `ofx`.
    format: FormatName,
    /// The latest date that it is anywhere, `YYYY-MM-DD`.
    today: String,
    #[serde(default)]
    encoding: Option<EncodingName>,
    #[serde(default)]
    decimal: Option<DecimalName>,
    #[serde(default)]
    trust: Option<TrustName>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// Fields with their columns, such as `["date", "Data"]`.
    #[serde(default)]
    mapping: Option<Vec<(String, String)>>,
    #[serde(default)]
    delimiter: Option<char>,
    #[serde(default)]
    skip_lines: Option<u64>,
    #[serde(default)]
    no_header: bool,
    #[serde(default)]
    date_format: Option<String>,
    #[serde(default)]
    credit_words: Option<Vec<String>>,
    #[serde(default)]
    debit_words: Option<Vec<String>>,
    #[serde(default)]
    negative_debits: bool,
    /// Columns and values.
    #[serde(default)]
    only: Vec<(String, String)>,
    #[serde(default)]
    skip: Vec<(String, String)>,
    #[serde(default)]
    keep: Vec<(String, String)>,
    #[serde(default)]
    invert_signs: bool,
    #[serde(default)]
    ignore_ids: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    Csv,
    Ofx,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EncodingName {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "windows-1252")]
    Windows1252,
    #[serde(rename = "iso-8859-15")]
    Iso8859_15,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DecimalName {
    Comma,
    Point,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TrustName {
    Type,
    Sign,
    Reversal,
}

impl Options {
    /// How the file is to be read, and the latest date that it is; or the option that means nothing, and why.
    pub(crate) fn reading(&self) -> Result<(Reading, Date), (&'static str, String)> {
        let today = parse_date(&self.today).map_err(|error| ("today", error.to_string()))?;
        let format = match self.format {
            FormatName::Csv => Format::Csv(self.csv()?),
            FormatName::Ofx => Format::Ofx,
        };
        let currency = self.currency.as_deref().map(Currency::parse).transpose();
        let currency = currency.map_err(|error| ("currency", error.to_string()))?;
        let conditions = |pairs: &[(String, String)]| -> Vec<Condition> {
            let condition = |(column, pattern): &(String, String)| Condition {
                column: column.trim().to_owned(),
                pattern: pattern.trim().to_owned(),
            };
            pairs.iter().map(condition).collect()
        };
        let reading = Reading {
            format,
            encoding: self.encoding.as_ref().map(|name| match name {
                EncodingName::Utf8 => Encoding::Utf8,
                EncodingName::Windows1252 => Encoding::Windows1252,
                EncodingName::Iso8859_15 => Encoding::Iso8859_15,
            }),
            decimal: self.decimal.as_ref().map(|name| match name {
                DecimalName::Comma => Decimal::Comma,
                DecimalName::Point => Decimal::Point,
            }),
            currency: currency.map(|currency| currency.code().to_owned()),
            only: self.only.iter().map(|(column, value)| (column.trim().to_owned(), value.trim().to_owned())).collect(),
            skip: conditions(&self.skip),
            keep: conditions(&self.keep),
            invert_signs: self.invert_signs,
            trust: self.trust.as_ref().map(|name| match name {
                TrustName::Type => Trust::Type,
                TrustName::Sign => Trust::Sign,
                TrustName::Reversal => Trust::Reversal,
            }),
            ignore_ids: self.ignore_ids,
        };
        Ok((reading, today))
    }

    fn csv(&self) -> Result<CsvOptions, (&'static str, String)> {
        let texts = self
            .mapping
            .as_ref()
            .map(|pairs| -> Vec<String> { pairs.iter().map(|(field, column)| format!("{field}={column}")).collect() });
        let mapping = texts.map(|texts| Mapping::parse(&texts)).transpose();
        let mapping = mapping.map_err(|error| ("mapping", error.to_string()))?;
        let delimiter = self.delimiter.map(|sign| u8::try_from(sign).ok().filter(u8::is_ascii));
        let is_delimiter = |byte: &u8| !matches!(byte, b'"' | b'\r' | b'\n');
        let delimiter = match delimiter {
            None => None,
            Some(Some(byte)) if is_delimiter(&byte) => Some(byte),
            Some(_) => return Err(("delimiter", "must be one ASCII character, no quote and no line break".to_owned())),
        };
        if let Some(format) = self.date_format.as_ref().filter(|format| !is_date_format(format)) {
            return Err(("date_format", format!("{format:?} is no strftime format of a whole date, such as %d/%m/%Y")));
        }
        let words = |given: &Option<Vec<String>>, usual: &[&str]| -> Vec<String> {
            match given {
                Some(words) => words.iter().map(|word| word.trim().to_lowercase()).collect(),
                None => usual.iter().map(|word| (*word).to_owned()).collect(),
            }
        };
        Ok(CsvOptions {
            mapping,
            delimiter,
            skip_lines: self.skip_lines,
            no_header: self.no_header,
            date_format: self.date_format.clone(),
            credit_words: words(&self.credit_words, &CREDIT_WORDS),
            debit_words: words(&self.debit_words, &DEBIT_WORDS),
            negative_debits: self.negative_debits,
        })
    }
}
