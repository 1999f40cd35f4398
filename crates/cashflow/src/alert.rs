use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use crate::{Currency, EntryId};

/// On which side of its threshold an alert is triggered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertDirection {
    /// While the balance is less than the threshold.
    Below,
    /// While the balance is more than the threshold.
    Above,
}

impl AlertDirection {
    /// `below` or `above`.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertDirection::Below => "below",
            AlertDirection::Above => "above",
        }
    }

    /// Reads `below` or `above`.
    pub fn parse(text: &str) -> Option<AlertDirection> {
        [AlertDirection::Below, AlertDirection::Above].into_iter().find(|direction| direction.as_str() == text)
    }

    /// Whether an alert of this direction is triggered by a balance.
    pub fn is_triggered(self, threshold: i128, balance: i128) -> bool {
        match self {
            AlertDirection::Below => balance < threshold,
            AlertDirection::Above => balance > threshold,
        }
    }
}

/// An alert on the balance of a merchant: the closing balance of the business day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceAlert {
    /// Its name.
    pub id: Uuid,
    /// The currency.
    pub currency: Currency,
    /// On which side of the threshold it is triggered.
    pub direction: AlertDirection,
    /// The threshold in minor units.
    pub threshold: i128,
    /// Whether the balance is on that side.
    pub is_triggered: bool,
    /// The balance in minor units, as far as the feed has come.
    pub balance: i128,
    /// When its threshold was set.
    pub updated_at: Timestamp,
}

/// A balance crossed the threshold of an alert, in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertCrossing {
    /// The alert.
    pub alert_id: Uuid,
    /// The currency.
    pub currency: Currency,
    /// Which side of the threshold the alert is about.
    pub direction: AlertDirection,
    /// The threshold then, in minor units.
    pub threshold: i128,
    /// The balance after the crossing, in minor units.
    pub balance: i128,
    /// The business day whose closing balance that was.
    pub date: Date,
    /// The entry that made it cross; none if entries dated on a day that began did.
    pub entry: Option<EntryId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_triggered_on_its_side_of_the_threshold_and_not_at_it() {
        let cases = [(-1, true, false), (0, false, false), (1, false, true)];
        for (balance, below, above) in cases {
            assert_eq!(AlertDirection::Below.is_triggered(0, balance), below, "{balance}");
            assert_eq!(AlertDirection::Above.is_triggered(0, balance), above, "{balance}");
        }
        for direction in [AlertDirection::Below, AlertDirection::Above] {
            assert_eq!(AlertDirection::parse(direction.as_str()), Some(direction));
        }
        assert_eq!(AlertDirection::parse("at"), None);
    }
}
