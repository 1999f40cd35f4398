//! Domain types from rows. What the ledger holds went through the domain once; a row that does not fit is a defect.

use cashflow::{
    Amount, Category, Currency, Date, Description, Entry, EntryId, EntryType, Fingerprint, Period, PeriodTotals,
    Positions, PostedEntry, SLOTS, Totals, parse_date,
};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{LedgerError, LedgerTotals};

/// The columns of an entry, wherever it is kept.
pub(crate) fn read_entry(row: &Row) -> Result<Entry, LedgerError> {
    let currency = read_currency(row)?;
    let text = |column| row.get::<_, Option<&str>>(column);
    Ok(Entry {
        id: EntryId::from_uuid(row.get("id")),
        fingerprint: known(Fingerprint::from_bytes(row.get("fingerprint")), "a fingerprint has no 32 bytes")?,
        entry_type: known(EntryType::parse(row.get("type")), "an unknown type")?,
        amount: known(Amount::from_minor(row.get("amount_minor"), currency), "an amount beyond the limits")?,
        date: read_date(row)?,
        description: known(text("description").map(Description::parse).transpose(), "an impossible description")?,
        category: known(text("category").map(Category::parse).transpose(), "an impossible category")?,
        reverses: row.get::<_, Option<Uuid>>("reverses").map(EntryId::from_uuid),
    })
}

pub(crate) fn read_posted_entry(row: &Row) -> Result<PostedEntry, LedgerError> {
    Ok(PostedEntry {
        entry: read_entry(row)?,
        posted_at: read_time(row, "recorded_at_us")?,
        reversed_by: row.get::<_, Option<Uuid>>("reversed_by").map(EntryId::from_uuid),
        seal: known(row.get::<_, Option<i32>>("seal").map(u32::try_from).transpose(), "a negative number of a seal")?,
        late: row.get("late"),
    })
}

/// The totals of periods with what they have in common; there must be at least one.
pub(crate) fn read_ledger_totals(rows: &[Row]) -> Result<LedgerTotals, LedgerError> {
    let first = rows.first().ok_or(LedgerError::Inconsistent("no totals for posted entries"))?;
    Ok(LedgerTotals {
        epoch: read_epoch(first, "epoch")?,
        totals_at: read_time(first, "totals_at_us")?,
        totals: rows.iter().map(read_period_totals).collect::<Result<_, _>>()?,
    })
}

pub(crate) fn read_period_totals(row: &Row) -> Result<PeriodTotals, LedgerError> {
    Ok(PeriodTotals { period: read_period(row)?, currency: read_currency(row)?, totals: read_totals(row)? })
}

pub(crate) fn read_period(row: &Row) -> Result<Period, LedgerError> {
    known(Period::parse(row.get("period")), "an unknown period")
}

pub(crate) fn read_epoch(row: &Row, column: &str) -> Result<u32, LedgerError> {
    known(u32::try_from(row.get::<_, i32>(column)), "a negative epoch")
}

pub(crate) fn read_totals(row: &Row) -> Result<Totals, LedgerError> {
    Ok(Totals {
        credits: read_minor(row, "credits")?,
        debits: read_minor(row, "debits")?,
        entry_count: known(u64::try_from(row.get::<_, i64>("entry_count")), "a negative count")?,
    })
}

/// A sum in minor units, which travels as text: it may need 38 digits.
pub(crate) fn read_minor(row: &Row, column: &str) -> Result<i128, LedgerError> {
    known(row.get::<_, &str>(column).parse(), "a total is no whole number")
}

pub(crate) fn read_currency(row: &Row) -> Result<Currency, LedgerError> {
    known(Currency::parse(row.get("currency")), "an unknown currency")
}

pub(crate) fn read_date(row: &Row) -> Result<Date, LedgerError> {
    known(parse_date(row.get("date")), "an impossible date")
}

pub(crate) fn read_time(row: &Row, column: &str) -> Result<Timestamp, LedgerError> {
    known(Timestamp::from_microsecond(row.get(column)), "a time out of range")
}

/// A key for a merchant.
pub(crate) fn read_key(row: &Row) -> Result<[u8; 64], LedgerError> {
    known(row.get::<_, &[u8]>("key").try_into(), "a key has no 64 bytes")
}

/// How far each slot of a merchant's entries has come.
pub(crate) fn read_positions(row: &Row, column: &str) -> Result<Positions, LedgerError> {
    let positions: Vec<i64> = row.get(column);
    let positions = positions.into_iter().map(u64::try_from).collect::<Result<Vec<_>, _>>();
    let positions: [u64; SLOTS] =
        known(known(positions, "a negative position")?.try_into(), "not a position for each slot")?;
    Ok(Positions::new(positions))
}

/// Positions as a parameter. None is beyond PostgreSQL's numbers: they come from there.
pub(crate) fn positions_parameter(positions: &Positions) -> Vec<i64> {
    positions.as_slice().iter().map(|position| i64::try_from(*position).unwrap_or(i64::MAX)).collect()
}

/// What the ledger should not hold is a defect, and which rule it breaks says enough.
pub(crate) fn known<T, E>(result: Result<T, E>, otherwise: &'static str) -> Result<T, LedgerError> {
    result.map_err(|_| LedgerError::Inconsistent(otherwise))
}
