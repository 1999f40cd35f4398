//! Which way a row of a CSV file moves money, and how much.

use ::csv::ByteRecord;
use cashflow::EntryType;

use super::{AmountColumns, CsvRows, Field, cells::is_dash};
use crate::rows::{Reasons, Trust, number::Number};

impl<R> CsvRows<R> {
    /// The direction, if it can be told, the number, and the field that it stands in.
    pub(super) fn read_direction(
        &self,
        cells: &ByteRecord,
        reasons: &mut Reasons,
    ) -> Option<(Option<EntryType>, Number, Field)> {
        match self.amount {
            AmountColumns::Signed(column) => {
                let number = self.number(cells, column, Field::Amount, reasons)?;
                // The mark of a credit or debit says what it is on every statement.
                let is_debit = number.negative != (self.reading.invert_signs && number.mark.is_none());
                let entry_type = if is_debit { EntryType::Debit } else { EntryType::Credit };
                Some((Some(entry_type), number, Field::Amount))
            }
            AmountColumns::Typed { amount, entry_type } => {
                let entry_type = self.read_type(cells, entry_type, reasons);
                let number = self.number(cells, amount, Field::Amount, reasons)?;
                let entry_type = entry_type.and_then(|said| self.direction(&number, said, Field::Amount, reasons));
                Some((entry_type, number, Field::Amount))
            }
            AmountColumns::Separate { credit, debit } => {
                let credit = self.one_side(cells, credit, Field::Credit, reasons);
                let debit = self.one_side(cells, debit, Field::Debit, reasons);
                let (number, said, field) = match (credit?, debit?) {
                    (Some(number), None) => (number, EntryType::Credit, Field::Credit),
                    (None, Some(number)) => (number, EntryType::Debit, Field::Debit),
                    (None, None) => {
                        reasons.add("credit", "there is no amount, neither here nor in debit");
                        return None;
                    }
                    (Some(_), Some(_)) => {
                        reasons.add("credit", "there is an amount in both credit and debit");
                        return None;
                    }
                };
                Some((self.direction(&number, said, field, reasons), number, field))
            }
        }
    }

    /// The amount in one of two columns, if there is one: an empty cell, a dash and a zero are none. Nothing at all if the cell
    /// cannot be read.
    fn one_side(
        &self,
        cells: &ByteRecord,
        column: usize,
        field: Field,
        reasons: &mut Reasons,
    ) -> Option<Option<Number>> {
        let text = self.text(cells, Some(column), field, reasons)?;
        if text.is_empty() || is_dash(&text) {
            return Some(None);
        }
        Some(Some(self.number(cells, column, field, reasons)?).filter(|number| !number.is_zero()))
    }

    fn number(&self, cells: &ByteRecord, column: usize, field: Field, reasons: &mut Reasons) -> Option<Number> {
        let text = self.text(cells, Some(column), field, reasons)?;
        reasons.check(field.as_str(), Number::parse(&text, self.reading.decimal))
    }

    /// When a column tells the direction, a minus could mean the same or its opposite: a reversal. Only the user knows.
    fn direction(&self, number: &Number, said: EntryType, field: Field, reasons: &mut Reasons) -> Option<EntryType> {
        let by_sign = if number.negative { EntryType::Debit } else { EntryType::Credit };
        let negative_debits = said == EntryType::Debit && self.options.negative_debits;
        let agrees = match number.mark {
            Some(mark) => mark == said,
            None => number.negative == negative_debits,
        };
        match (agrees, self.reading.trust) {
            (true, _) | (false, Some(Trust::Type)) => return Some(said),
            (false, Some(Trust::Sign)) => return Some(by_sign),
            (false, Some(Trust::Reversal)) => return Some(said.mirrored()),
            (false, None) => {}
        }
        let detail = match (said, number.negative, number.mark) {
            (_, _, Some(_)) => "is marked as the opposite of what its column says (see --trust)",
            (EntryType::Credit, ..) => "a credit must not be negative (see --trust)",
            (EntryType::Debit, true, _) => "a debit must not be negative (see --negative-debits and --trust)",
            (EntryType::Debit, false, _) => "a debit must be negative, as --negative-debits says",
        };
        reasons.add(field.as_str(), detail);
        None
    }

    fn read_type(&self, cells: &ByteRecord, column: usize, reasons: &mut Reasons) -> Option<EntryType> {
        let word = self.text(cells, Some(column), Field::Type, reasons)?.to_lowercase();
        if self.options.credit_words.contains(&word) {
            Some(EntryType::Credit)
        } else if self.options.debit_words.contains(&word) {
            Some(EntryType::Debit)
        } else {
            reasons.add("type", "is none of the words for credit and debit (see --credit-word and --debit-word)");
            None
        }
    }
}
