//! What the columns of a CSV file seem to hold.

use cashflow::Date;
use serde::Serialize;

use crate::rows::{Decimal, Number};

/// Formats in which banks write dates, in the order in which they are preferred where a file fits several.
const DATE_FORMATS: [&str; 11] = [
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d", "%d/%m/%y", "%m/%d/%y",
    "%d.%m.%y", "%d-%m-%y",
];

/// The words in headings for each field, in lower case, the likeliest first.
const HEADINGS: [(&str, &[&str]); 8] = [
    ("date", &["data", "date", "dia", "fecha", "datum", "buchungsdatum", "wertstellung"]),
    ("amount", &["valor", "amount", "quantia", "montante", "importe", "betrag", "value"]),
    ("credit", &["crédito", "credito", "credit", "gutschrift", "haben", "entrada"]),
    ("debit", &["débito", "debito", "debit", "belastung", "soll", "saída", "saida"]),
    (
        "description",
        &[
            "histórico",
            "historico",
            "descrição",
            "descricao",
            "lançamento",
            "description",
            "title",
            "detalhes",
            "memo",
            "beschreibung",
            "text",
            "name",
        ],
    ),
    ("currency", &["moeda", "currency", "währung", "cur"]),
    ("category", &["categoria", "category", "kategorie"]),
    ("id", &["identificador", "fitid", "transaction id", "id"]),
];

/// What the columns seem to hold.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Columns {
    /// Fields with their columns, as a mapping has them. Ids are never among them: they decide about keys, so a user names them.
    pub mapping: Vec<(&'static str, String)>,
    /// The column that may have the bank's ids.
    pub id_column: Option<String>,
    /// How dates are written.
    pub date_format: Option<&'static str>,
    /// All formats that fit all dates; of several, the user has to choose.
    pub date_formats: Vec<&'static str>,
    /// `comma` or `point`; nothing if the amounts do not tell.
    pub decimal: Option<&'static str>,
}

impl Columns {
    /// Guesses from headings, if there are any, and from rows.
    pub(super) fn guess(columns: &[String], has_header: bool, rows: &[Vec<String>]) -> Columns {
        let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column)).filter(|cell| !cell.is_empty());
        let holds = |column: usize, is: &dyn Fn(&str) -> bool| {
            let (good, all) = cells(column).fold((0, 0), |(good, all), cell| (good + usize::from(is(cell)), all + 1));
            // A total or a balance between the rows does not hide what the column is.
            all > 0 && good * 10 >= all * 7
        };
        let named = |field: &str, is: &dyn Fn(&str) -> bool| {
            let words = HEADINGS.iter().find(|(name, _)| *name == field).map_or(&[][..], |(_, words)| *words);
            let fits = |column: &usize| has_header && holds(*column, is);
            let find = |matches: &dyn Fn(&str, &str) -> bool| {
                words.iter().find_map(|word| {
                    (0..columns.len()).filter(fits).find(|column| matches(&columns[*column].to_lowercase(), word))
                })
            };
            find(&|heading, word| heading == word).or_else(|| find(&|heading, word| heading.contains(word)))
        };
        let is_date = |cell: &str| date_formats(cell).next().is_some();
        let is_sum = |cell: &str| is_amount(cell) && !is_date(cell);
        let first = |is: &dyn Fn(&str) -> bool, taken: &[Option<usize>]| {
            (0..columns.len()).find(|column| !taken.contains(&Some(*column)) && holds(*column, is))
        };
        let date = named("date", &is_date).or_else(|| first(&is_date, &[]));
        let is_side = |cell: &str| is_amount(cell) || matches!(cell, "-" | "--");
        let sides = named("credit", &is_side).zip(named("debit", &is_side)).filter(|(credit, debit)| credit != debit);
        let amount = named("amount", &is_sum);
        // `Debit Amount` is no amount with a sign.
        let sides = sides.filter(|(credit, debit)| amount.is_none_or(|amount| amount == *credit || amount == *debit));
        let amount = if sides.is_some() { None } else { amount.or_else(|| first(&is_sum, &[date])) };
        let taken = [date, amount, sides.map(|(credit, _)| credit), sides.map(|(_, debit)| debit)];
        let is_text = |cell: &str| !is_amount(cell) && !is_date(cell);
        let currency = named("currency", &|cell| cell.len() == 3 && cell.bytes().all(|b| b.is_ascii_uppercase()));
        let is_free = |column: &usize| Some(*column) != currency;
        let description = named("description", &is_text).or_else(|| first(&is_text, &taken).filter(is_free));
        let category = named("category", &is_text);
        let id = named("id", &|_| true).filter(|column| !taken.contains(&Some(*column)));
        let found = [
            ("date", date),
            ("amount", amount),
            ("credit", sides.map(|(credit, _)| credit)),
            ("debit", sides.map(|(_, debit)| debit)),
            ("description", description),
            ("currency", currency),
            ("category", category.filter(|column| Some(*column) != description)),
        ];
        let mapping = found.into_iter().filter_map(|(field, column)| Some((field, columns[column?].clone()))).collect();
        let date_formats = date.map(|column| formats_of(cells(column))).unwrap_or_default();
        let amounts = taken[1..].iter().flatten().flat_map(|column| cells(*column));
        Columns {
            mapping,
            id_column: id.map(|column| columns[column].clone()),
            date_format: date_formats.first().copied(),
            date_formats,
            decimal: decimal_of(amounts),
        }
    }
}

/// The formats that a text is a date in.
pub(super) fn date_formats(text: &str) -> impl Iterator<Item = &'static str> {
    // The year of `%Y` would take less than four digits.
    let fits = move |format: &&str| {
        let width = if format.contains("%y") || *format == "%Y%m%d" { 8 } else { 10 };
        text.len() == width && Date::strptime(format, text).is_ok()
    };
    DATE_FORMATS.into_iter().filter(fits)
}

/// The formats that most dates are written in: a line of a balance may have `00/00/0000`.
fn formats_of<'a>(cells: impl Iterator<Item = &'a String>) -> Vec<&'static str> {
    let mut counts = [0_usize; DATE_FORMATS.len()];
    for cell in cells {
        for (count, format) in counts.iter_mut().zip(DATE_FORMATS) {
            *count += usize::from(date_formats(cell).any(|fits| fits == format));
        }
    }
    let most = counts.into_iter().max().unwrap_or(0);
    DATE_FORMATS
        .into_iter()
        .zip(counts)
        .filter(|(_, count)| *count == most && most > 0)
        .map(|(format, _)| format)
        .collect()
}

/// Whether a text is an amount in either convention.
pub(super) fn is_amount(text: &str) -> bool {
    Number::parse(text, Some(Decimal::Comma)).is_ok() || Number::parse(text, Some(Decimal::Point)).is_ok()
}

/// The sign that separates fractions in all amounts, where some can be read in one way only.
fn decimal_of<'a>(cells: impl Iterator<Item = &'a String>) -> Option<&'static str> {
    let (mut only_comma, mut only_point) = (false, false);
    for cell in cells {
        let fits = |decimal| Number::parse(cell, Some(decimal)).is_ok();
        match (fits(Decimal::Comma), fits(Decimal::Point)) {
            (true, false) => only_comma = true,
            (false, true) => only_point = true,
            (true, true) | (false, false) => {}
        }
    }
    match (only_comma, only_point) {
        (true, false) => Some("comma"),
        (false, true) => Some("point"),
        (true, true) | (false, false) => None,
    }
}
