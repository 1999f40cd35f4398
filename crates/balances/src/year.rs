//! How the item of a year holds the totals of its months: each as one text in one attribute (docs/adr/0018).

use aws_sdk_dynamodb::types::AttributeValue;
use cashflow::{Date, Month, Totals, TotalsVersion};
use jiff::Timestamp;

use crate::item::Item;

/// The attributes of the months, January first.
pub(crate) const MONTHS: [&str; 12] =
    ["m01", "m02", "m03", "m04", "m05", "m06", "m07", "m08", "m09", "m10", "m11", "m12"];

const KEY: &str = "year#";

/// The sort key of the item that holds a month.
pub(crate) fn year_key(month: Month) -> String {
    format!("{KEY}{:04}", month.first_day().year())
}

/// The attribute of a month in the item of its year.
pub(crate) fn attribute(month: Month) -> &'static str {
    MONTHS[usize::from(month.first_day().month().unsigned_abs()) - 1]
}

/// The months that the item of a year holds anything of, and what; nothing if it is another item.
pub(crate) fn months(item: &Item) -> Option<impl Iterator<Item = (Month, &AttributeValue)>> {
    let year: i16 = item.get("sk")?.as_s().ok()?.strip_prefix(KEY)?.parse().ok()?;
    Date::new(year, 1, 1).ok()?;
    Some(MONTHS.iter().zip(1..).filter_map(move |(attribute, number)| {
        let first_day = Date::new(year, number, 1).ok()?;
        Some((Month::of(first_day), item.get(*attribute)?))
    }))
}

/// What the item of a year holds of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MonthTotals {
    pub(crate) totals: Totals,
    pub(crate) epoch: u32,
    /// When the ledger knew them, to the microsecond.
    pub(crate) updated_at: Timestamp,
}

impl MonthTotals {
    /// Epoch, number of entries, credits and debits in minor units, microseconds since 1970. The first two are padded to as
    /// many digits as they can have, so that texts are ordered as their versions are.
    pub(crate) fn value(self) -> AttributeValue {
        let MonthTotals { totals: Totals { credits, debits, .. }, updated_at, .. } = self;
        let version = version_text(self.version());
        AttributeValue::S(format!("{version} {credits} {debits} {}", updated_at.as_microsecond()))
    }

    /// Reads a text, or nothing if it is none.
    pub(crate) fn parse(value: &AttributeValue) -> Option<MonthTotals> {
        let mut parts = value.as_s().ok()?.split(' ');
        let epoch = parts.next()?.parse().ok()?;
        let entry_count = parts.next()?.parse().ok()?;
        let credits = parts.next()?.parse().ok()?;
        let debits = parts.next()?.parse().ok()?;
        let updated_at = Timestamp::from_microsecond(parts.next()?.parse().ok()?).ok()?;
        let totals = Totals { credits, debits, entry_count };
        parts.next().is_none().then_some(MonthTotals { totals, epoch, updated_at })
    }

    pub(crate) fn version(self) -> TotalsVersion {
        TotalsVersion { epoch: self.epoch, entry_count: self.totals.entry_count }
    }
}

/// What the texts of a version begin with: greater than all texts of older versions, and smaller than all others.
pub(crate) fn least_value_of(version: TotalsVersion) -> AttributeValue {
    AttributeValue::S(version_text(version))
}

fn version_text(version: TotalsVersion) -> String {
    format!("{:010} {:020}", version.epoch, version.entry_count)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_totals()(
            epoch in any::<u32>(),
            entry_count in any::<u64>(),
            credits in any::<i128>(),
            debits in any::<i128>(),
            second in 0_i64..4_000_000_000,
        ) -> MonthTotals {
            let totals = Totals { credits, debits, entry_count };
            MonthTotals { totals, epoch, updated_at: Timestamp::from_second(second).unwrap() }
        }
    }

    proptest! {
        #[test]
        fn a_month_is_read_as_it_is_written(month in any_totals()) {
            prop_assert_eq!(MonthTotals::parse(&month.value()), Some(month));
        }

        #[test]
        fn a_text_is_below_the_least_of_a_version_only_if_it_is_older(one in any_totals(), other in any_totals()) {
            for other in [other, MonthTotals { epoch: one.epoch, ..other }, MonthTotals { totals: other.totals, ..one }, one] {
                let (AttributeValue::S(text), AttributeValue::S(least)) = (one.value(), least_value_of(other.version()))
                else { panic!("both are texts") };
                prop_assert_eq!(text < least, one.version() < other.version());
            }
        }
    }

    /// DynamoDB charges a write for each started 1,024 bytes of the item: names and texts in UTF-8.
    #[test]
    fn a_year_is_one_unit_to_write_while_its_totals_have_twelve_digits() {
        let totals = Totals { credits: 999_999_999_999, debits: 999_999_999_999, entry_count: u64::MAX };
        let updated_at = "2999-12-31T23:59:59.999999Z".parse().unwrap();
        let AttributeValue::S(text) = MonthTotals { totals, epoch: u32::MAX, updated_at }.value() else {
            panic!("a month is a text")
        };
        let longest_merchant = 64;
        let keys = "pk".len() + longest_merchant + "#BRL".len() + "sk".len() + "year#2026".len();
        let months: usize = MONTHS.iter().map(|name| name.len() + text.len()).sum();
        assert!(keys + months <= 1_024, "{}", keys + months);
    }

    #[test]
    fn whatever_somebody_has_written_over_a_month_is_no_totals() {
        let texts =
            ["", "1", "1 2 3 4", "1 2 3 4 5 6", "1 2 3 4 x", "-1 2 3 4 5", "1 -2 3 4 5", "1  2 3 4 5", " 1 2 3 4 5"];
        for text in texts {
            assert_eq!(MonthTotals::parse(&AttributeValue::S(text.to_owned())), None, "{text:?}");
        }
        assert_eq!(MonthTotals::parse(&AttributeValue::N("1".to_owned())), None);
    }
}
