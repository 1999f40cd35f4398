//! What the cells of a row say.

use std::borrow::Cow;

use ::csv::ByteRecord;
use cashflow::{Category, Currency, Date, Description, EntryId, EntryRequest, EntryType, parse_date};

use super::{CsvRows, Field};
use crate::rows::{Content, Movement, Reasons, Signed, export, number::Number, text::joined_lines};

const SWALLOWS: &str = "has other rows in a quoted cell, which are not read: a quote before them is not closed";

impl<R> CsvRows<R> {
    /// Whether a quoted cell has a line that is a row by itself: then a quote before it was not closed.
    fn swallows_rows(&self, cells: &ByteRecord) -> bool {
        let is_row = |line: &[u8]| {
            let cell = line.split(|byte| *byte == self.layout.delimiter).nth(self.date);
            let text = cell.map(|cell| self.encoding.decode_lossy(cell)).unwrap_or_default();
            let text = text.trim_matches('"').trim();
            match &self.options.date_format {
                None => parse_date(text).is_ok(),
                Some(format) => Date::strptime(format, text).is_ok(),
            }
        };
        cells.iter().any(|cell| {
            // A date alone on its line is a part of a text.
            let mut lines = cell.split(|byte| *byte == b'\n').skip(1);
            lines.any(|line| line.contains(&self.layout.delimiter) && is_row(line))
        })
    }

    pub(super) fn read(&self, cells: &ByteRecord) -> (Content, Option<Signed>) {
        let mut reasons = Reasons::default();
        let expected = self.layout.header.len();
        let more_is_blank = cells.iter().skip(expected).all(|cell| cell.trim_ascii().is_empty());
        if cells.len() < self.layout.cells_min || !more_is_blank {
            reasons.add("row", format!("has {} cells, the header has {expected}", cells.len()));
            if self.swallows_rows(cells) {
                reasons.add("row", SWALLOWS);
            }
            return (Err(reasons.0), None);
        }
        if self.swallows_rows(cells) {
            reasons.add("row", SWALLOWS);
        }
        if let Some((place, text)) = self.nameless_value(cells) {
            let detail = format!(
                "has {text:?} in column {place}, which has no name in the header and may belong to the amount: name the column there, \
                 or put quotes around amounts that have the delimiter inside"
            );
            reasons.add("row", detail);
        }
        let date = self.read_date(cells, &mut reasons);
        let (currency, is_named) = self.read_currency(cells, &mut reasons);
        let direction = self.read_direction(cells, &mut reasons);
        let signed = direction.as_ref().zip(currency).and_then(|((entry_type, number, _), currency)| {
            let minor = number.signed_minor(currency)?.abs();
            Some((currency, if *entry_type == Some(EntryType::Debit) { -minor } else { minor }))
        });
        let amount = direction.as_ref().and_then(|(_, number, field)| {
            reasons.currency_sign(field.as_str(), number, currency, is_named);
            reasons.amount(field.as_str(), number, currency)
        });
        let description = self.read_description(cells, &mut reasons);
        let category = self.free_text(cells, self.category, Field::Category, &mut reasons);
        let category = category.and_then(|text| match text.as_str() {
            "" => Some(None),
            text => reasons.check("category", Category::parse(text)).map(Some),
        });
        let id = self.text(cells, self.id, Field::Id, &mut reasons);
        if self.id.is_some() && id.as_deref() == Some("") {
            reasons.add("id", "is empty");
        }
        let movement = || {
            let request = EntryRequest {
                entry_type: direction.and_then(|(entry_type, ..)| entry_type)?,
                amount: amount?,
                date,
                description: description?,
                category: category?,
            };
            let id = id.filter(|_| self.id.is_some());
            let entry_id = id.as_deref().filter(|_| self.layout.is_export).and_then(EntryId::parse);
            let (id, ignored_id) = if self.reading.ignore_ids { (None, id) } else { (id, None) };
            let account = self.account.clone();
            Some(Movement { request, date: date?, account, id, ignored_id, entry_id, misread: None })
        };
        let content = match movement() {
            Some(movement) if reasons.0.is_empty() => Ok(movement),
            _ => Err(reasons.0),
        };
        (content, signed)
    }

    /// What stands in a column without a name and may be the rest of an amount, or say whether it is a debit; and in which column,
    /// counted from 1.
    fn nameless_value(&self, cells: &ByteRecord) -> Option<(usize, String)> {
        if self.options.no_header {
            return None;
        }
        let nameless = self.unmapped.iter().filter(|column| self.layout.header[**column].trim_ascii().is_empty());
        let mut texts =
            nameless.filter_map(|column| Some((column + 1, self.encoding.decode_lossy(cells.get(*column)?))));
        texts.find(|(_, text)| {
            let is_direction =
                ["C", "D", "CR", "DR", "DB", "+", "-"].iter().any(|mark| text.eq_ignore_ascii_case(mark));
            is_direction || Number::parse(text, self.reading.decimal).is_ok()
        })
    }

    /// The text of a cell; the empty text for a column that is not mapped; nothing if it is no text.
    pub(super) fn text(
        &self,
        cells: &ByteRecord,
        column: Option<usize>,
        field: Field,
        reasons: &mut Reasons,
    ) -> Option<String> {
        let Some(cell) = column.and_then(|column| cells.get(column)) else { return Some(String::new()) };
        reasons.check(field.as_str(), self.encoding.decode(cell)).map(Cow::into_owned)
    }

    /// A text in the user's words, on one line.
    fn free_text(
        &self,
        cells: &ByteRecord,
        column: Option<usize>,
        field: Field,
        reasons: &mut Reasons,
    ) -> Option<String> {
        let text = self.text(cells, column, field, reasons)?;
        let text = if self.layout.is_export { export::without_guards(&text) } else { text };
        Some(joined_lines(&text).into_owned())
    }

    /// All descriptions, each one once.
    fn read_description(&self, cells: &ByteRecord, reasons: &mut Reasons) -> Option<Option<Description>> {
        let mut texts: Vec<String> = Vec::new();
        for column in &self.descriptions {
            let text = self.free_text(cells, Some(*column), Field::Description, reasons)?;
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        }
        if texts.is_empty() {
            return Some(None);
        }
        reasons.check("description", Description::parse(&texts.join(" - "))).map(Some)
    }

    /// The currency, and whether the user or the file has named it.
    fn read_currency(&self, cells: &ByteRecord, reasons: &mut Reasons) -> (Option<Currency>, bool) {
        match self.text(cells, self.currency, Field::Currency, reasons) {
            Some(text) if text.is_empty() || is_dash(&text) => {
                (reasons.currency(&self.default_currency), self.reading.currency.is_some())
            }
            Some(text) => (reasons.currency(&text), true),
            None => (None, false),
        }
    }

    fn read_date(&self, cells: &ByteRecord, reasons: &mut Reasons) -> Option<Date> {
        let text = self.text(cells, Some(self.date), Field::Date, reasons)?;
        let date = match &self.options.date_format {
            None => reasons.check("date", parse_date(&text)),
            Some(format) => {
                let date =
                    Date::strptime(format, &text).map_err(|_| format!("must be a date of the calendar as {format}"));
                reasons.check("date", date)
            }
        };
        reasons.entry_date(date, self.today)
    }
}

/// Whether a cell says that it is empty.
pub(super) fn is_dash(text: &str) -> bool {
    matches!(text, "-" | "--" | "\u{2013}" | "\u{2014}" | "\u{2212}")
}
