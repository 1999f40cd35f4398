//! What the rows of a statement add up to.

use std::{collections::BTreeMap, fmt};

use cashflow::{Amount, Currency, Date, EntryType};
use serde::{Deserialize, Serialize};

use crate::rows::Movement;

/// What was counted of the rows dealt with so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Rows that are accepted, or in a dry run those that would be sent.
    pub accepted: u64,
    /// Those of them in requests of which the server said that it knew everything.
    pub known: u64,
    /// Rows that are not.
    pub refused: u64,
    /// Rows that are no entries.
    #[serde(default)]
    pub skipped: u64,
    /// The sums of what is accepted, by currency.
    pub sums: BTreeMap<String, Sums>,
    /// The first and the last date of what is accepted.
    pub dates: Option<(Date, Date)>,
}

/// Sums in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// Of the credits.
    #[serde(with = "as_text")]
    pub credits_minor: i128,
    /// Of the debits.
    #[serde(with = "as_text")]
    pub debits_minor: i128,
}

/// JSON readers take no number of more than 64 bits for an integer.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Tally {
    /// Counts a row that is an entry.
    pub fn add_movement(&mut self, movement: &Movement) {
        self.add(movement.request.entry_type, movement.request.amount, movement.date);
    }

    /// Counts an amount.
    fn add(&mut self, entry_type: EntryType, amount: Amount, date: Date) {
        self.accepted += 1;
        let sums = self.sums.entry(amount.currency().code().to_owned()).or_default();
        match entry_type {
            EntryType::Credit => sums.credits_minor += i128::from(amount.minor()),
            EntryType::Debit => sums.debits_minor += i128::from(amount.minor()),
        }
        let (first, last) = self.dates.unwrap_or((date, date));
        self.dates = Some((first.min(date), last.max(date)));
    }
}

/// The sums and the dates, each on a line that is indented.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (code, sums) in &self.sums {
            let written = |minor: i128| match Currency::parse(code) {
                Ok(currency) => currency.format_minor(minor),
                Err(_) => minor.to_string(),
            };
            writeln!(f, "  {code}: credits {}, debits {}", written(sums.credits_minor), written(sums.debits_minor))?;
        }
        if let Some((first, last)) = self.dates {
            writeln!(f, "  dates {first} to {last}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn sums_and_dates_are_told_by_currency_and_survive_the_journal() {
        let mut tally = Tally::default();
        assert_eq!(tally.to_string(), "");
        let largest = Amount::parse("9999999999999.99", Currency::BRL).unwrap();
        for _ in 0..100_000 {
            tally.add(EntryType::Credit, largest, date(2026, 11, 22));
        }
        tally.add(EntryType::Debit, Amount::parse("0.01", Currency::BRL).unwrap(), date(2026, 11, 1));
        tally.add(EntryType::Debit, Amount::parse("7", Currency::parse("JPY").unwrap()).unwrap(), date(2026, 11, 30));
        let expected = "  BRL: credits 999999999999999000.00, debits 0.01\n  JPY: credits 0, debits 7\n  dates 2026-11-01 to 2026-11-30\n";
        assert_eq!(tally.to_string(), expected);
        let json = serde_json::to_string(&tally).unwrap();
        assert_eq!(serde_json::from_str::<Tally>(&json).unwrap(), tally);
    }
}
