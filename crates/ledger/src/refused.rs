//! Entries that came to the ledger and are not posted: recorded with the reason, where a lookup finds them.

use cashflow::{Entry, KeyConflict};
use tokio_postgres::{Client, Row, types::Type};

use crate::{
    LedgerError, Outcome,
    columns::Columns,
    rows::{read_entry, read_time, valid},
};

/// Why an entry is not posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Another payload was posted under its key.
    Conflict,
    /// It is a reversal, and another one of the same entry was first.
    AlreadyReversed,
}

impl Reason {
    /// The reason behind an outcome; none for an entry that is posted.
    fn of(outcome: Outcome) -> Option<Reason> {
        match outcome {
            Outcome::Posted | Outcome::Duplicate => None,
            Outcome::Conflict => Some(Reason::Conflict),
            Outcome::AlreadyReversed => Some(Reason::AlreadyReversed),
        }
    }

    /// As the functions of the database take and answer it.
    fn as_str(self) -> &'static str {
        match self {
            Reason::Conflict => "conflict",
            Reason::AlreadyReversed => "already_reversed",
        }
    }

    fn parse(text: &str) -> Option<Reason> {
        [Reason::Conflict, Reason::AlreadyReversed].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Records those of a batch's entries that are not posted. `outcomes` has one for each entry.
pub(crate) async fn record_refused(
    client: &Client,
    merchant_id: &&str,
    entries: &[Entry],
    outcomes: &[Outcome],
) -> Result<(), tokio_postgres::Error> {
    let refused = entries.iter().zip(outcomes).filter_map(|(entry, outcome)| Some((entry, Reason::of(*outcome)?)));
    let (entries, reasons): (Vec<&Entry>, Vec<&str>) = refused.map(|(entry, reason)| (entry, reason.as_str())).unzip();
    if entries.is_empty() {
        return Ok(());
    }
    let columns = Columns::new(entries);
    let mut parameters = columns.parameters(merchant_id);
    parameters.push((&reasons, Type::TEXT_ARRAY));
    let statement = columns.call("ledger.record_refused", &[&format!("reasons => ${}", parameters.len())]);
    client.query_typed(&statement, &parameters).await?;
    Ok(())
}

/// Entries that came under a key and are not posted, in the order in which they came, each with the reason.
pub(crate) fn read_refused(rows: &[Row]) -> Result<Vec<(Reason, KeyConflict)>, LedgerError> {
    rows.iter()
        .map(|row| {
            let reason = valid(Reason::parse(row.get("reason")).ok_or(()), "an unknown reason of a refusal")?;
            Ok((reason, KeyConflict { entry: read_entry(row)?, received_at: read_time(row, "recorded_at_us")? }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_as_it_is_written() {
        for (reason, text) in [(Reason::Conflict, "conflict"), (Reason::AlreadyReversed, "already_reversed")] {
            assert_eq!(reason.as_str(), text);
            assert_eq!(Reason::parse(text), Some(reason));
        }
        assert_eq!(Reason::parse("posted"), None);
    }

    #[test]
    fn what_is_posted_has_no_reason() {
        let reasons =
            [Outcome::Posted, Outcome::Duplicate, Outcome::Conflict, Outcome::AlreadyReversed].map(Reason::of);
        assert_eq!(reasons, [None, None, Some(Reason::Conflict), Some(Reason::AlreadyReversed)]);
    }
}
