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
        fingerprint: valid(Fingerprint::from_bytes(row.get("fingerprint")), "a fingerprint is not 32 bytes long")?,
        entry_type: valid(EntryType::parse(row.get("type")), "the type of an entry is unknown")?,
        amount: valid(Amount::from_minor(row.get("amount_minor"), currency), "the amount of an entry is out of range")?,
        date: read_date(row)?,
        description: valid(
            text("description").map(Description::parse).transpose(),
            "the description of an entry is not valid",
        )?,
        category: valid(text("category").map(Category::parse).transpose(), "the category of an entry is not valid")?,
        reverses: row.get::<_, Option<Uuid>>("reverses").map(EntryId::from_uuid),
    })
}

pub(crate) fn read_posted_entry(row: &Row) -> Result<PostedEntry, LedgerError> {
    Ok(PostedEntry {
        entry: read_entry(row)?,
        posted_at: read_time(row, "recorded_at_us")?,
        reversed_by: row.get::<_, Option<Uuid>>("reversed_by").map(EntryId::from_uuid),
        seal: valid(
            row.get::<_, Option<i32>>("seal").map(u32::try_from).transpose(),
            "the number of a seal is negative",
        )?,
        late: row.get("late"),
    })
}

/// The totals of periods with what they have in common; there must be at least one.
pub(crate) fn read_ledger_totals(rows: &[Row]) -> Result<LedgerTotals, LedgerError> {
    let first = rows.first().ok_or(LedgerError::Inconsistent("there are no totals for posted entries"))?;
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
    valid(Period::parse(row.get("period")), "a period is neither a day nor a month")
}

pub(crate) fn read_epoch(row: &Row, column: &str) -> Result<u32, LedgerError> {
    valid(u32::try_from(row.get::<_, i32>(column)), "the epoch is negative")
}

pub(crate) fn read_totals(row: &Row) -> Result<Totals, LedgerError> {
    Ok(Totals {
        credits: read_minor(row, "credits")?,
        debits: read_minor(row, "debits")?,
        entry_count: valid(u64::try_from(row.get::<_, i64>("entry_count")), "a count of entries is negative")?,
    })
}

/// A sum in minor units, which travels as text: it may need 38 digits.
pub(crate) fn read_minor(row: &Row, column: &str) -> Result<i128, LedgerError> {
    valid(row.get::<_, &str>(column).parse(), "a total is not a whole number")
}

pub(crate) fn read_currency(row: &Row) -> Result<Currency, LedgerError> {
    valid(Currency::parse(row.get("currency")), "a currency is unknown")
}

pub(crate) fn read_date(row: &Row) -> Result<Date, LedgerError> {
    valid(parse_date(row.get("date")), "a date is not valid")
}

pub(crate) fn read_time(row: &Row, column: &str) -> Result<Timestamp, LedgerError> {
    valid(Timestamp::from_microsecond(row.get(column)), "a time is out of range")
}

/// A key for a merchant.
pub(crate) fn read_key(row: &Row) -> Result<[u8; 64], LedgerError> {
    valid(row.get::<_, &[u8]>("key").try_into(), "a signing key is not 64 bytes long")
}

/// How far each slot of a merchant's entries has come.
pub(crate) fn read_positions(row: &Row, column: &str) -> Result<Positions, LedgerError> {
    let positions: Vec<i64> = row.get(column);
    let positions = positions.into_iter().map(u64::try_from).collect::<Result<Vec<_>, _>>();
    let positions: [u64; SLOTS] = valid(
        valid(positions, "a position is negative")?.try_into(),
        "the number of positions is not the number of slots",
    )?;
    Ok(Positions::new(positions))
}

/// Positions as a parameter. None is beyond PostgreSQL's numbers: they come from there.
pub(crate) fn positions_parameter(positions: &Positions) -> Vec<i64> {
    positions.as_slice().iter().map(|position| i64::try_from(*position).unwrap_or(i64::MAX)).collect()
}

/// The value, or an error with the rule that it breaks: the ledger should never hold such a value.
pub(crate) fn valid<T, E>(result: Result<T, E>, broken_rule: &'static str) -> Result<T, LedgerError> {
    result.map_err(|_| LedgerError::Inconsistent(broken_rule))
}
