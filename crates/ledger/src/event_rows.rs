//! Events from rows of the feed.

use cashflow::{
    AlertCrossing, AlertDirection, Currency, Date, DayBalanceChanged, DayRestated, EndpointDisabled, EntryId, Event,
    EventContent, EventId, EventType, KeyConflict, MerchantId, Totals, TotalsVersion, parse_date,
};
use serde::Deserialize;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    LedgerError,
    rows::{read_entry, read_time, valid},
    seal::read_seal,
};

/// A day, as it begins what is stored of most events.
#[derive(Deserialize)]
struct DayData {
    currency: String,
    date: String,
}

#[derive(Deserialize)]
struct RestatedData {
    entry_id: String,
    seal: u32,
}

/// Sums travel as text: they may need 38 digits.
#[derive(Deserialize)]
struct TotalsData {
    credits: String,
    debits: String,
    entry_count: u64,
    epoch: u32,
}

#[derive(Deserialize)]
struct CrossingData {
    alert_id: String,
    direction: String,
    threshold: String,
    balance: String,
    entry_id: Option<String>,
}

#[derive(Deserialize)]
struct DisabledData {
    endpoint_id: String,
    url: String,
    reason: String,
}

/// An event; none of a type that only a later release knows, which was rolled back.
pub(crate) fn read_event(merchant: &MerchantId, row: &Row) -> Result<Option<Event>, LedgerError> {
    let name: &str = row.get("event_type");
    let Some(event_type) = EventType::parse(name) else {
        tracing::error!(event_type = name, "passed over an event of a type that this release does not know");
        return Ok(None);
    };
    let content = read_content(event_type, row)?;
    let id = match &content {
        EventContent::EntryPosted(entry) => EventId::derive(merchant, event_type, &entry.id.to_string()),
        _ => EventId::from_uuid(row.get("event_id")),
    };
    Ok(Some(Event { id, time: read_time(row, "event_at_us")?, content }))
}

fn read_content(event_type: EventType, row: &Row) -> Result<EventContent, LedgerError> {
    let conflict = || {
        Ok::<_, LedgerError>(KeyConflict { entry: read_entry(row)?, received_at: read_time(row, "recorded_at_us")? })
    };
    Ok(match event_type {
        EventType::EntryPosted => EventContent::EntryPosted(read_entry(row)?),
        EventType::EntryConflicted => EventContent::EntryConflicted(conflict()?),
        EventType::ReversalOvertaken => EventContent::ReversalOvertaken(conflict()?),
        EventType::DaySealed => {
            let (currency, date) = read_day(row)?;
            EventContent::DaySealed(read_seal(row, "seal_", currency, date)?)
        }
        EventType::DayRestated => {
            let ((currency, date), data) = (read_day(row)?, read_data::<RestatedData>(row)?);
            let entry = EntryId::from_uuid(uuid(&data.entry_id)?);
            EventContent::DayRestated(DayRestated { date, currency, entry, seal: data.seal })
        }
        EventType::DayBalanceChanged => EventContent::DayBalanceChanged(read_changed(row)?),
        EventType::AlertTriggered => EventContent::AlertTriggered(read_crossing(row)?),
        EventType::AlertResolved => EventContent::AlertResolved(read_crossing(row)?),
        EventType::EndpointDisabled => {
            let DisabledData { endpoint_id, url, reason } = read_data(row)?;
            let endpoint_id = uuid(&endpoint_id)?;
            EventContent::EndpointDisabled(EndpointDisabled { endpoint_id, url, reason })
        }
    })
}

fn read_changed(row: &Row) -> Result<DayBalanceChanged, LedgerError> {
    let ((currency, date), data) = (read_day(row)?, read_data::<TotalsData>(row)?);
    let totals = Totals { credits: minor(&data.credits)?, debits: minor(&data.debits)?, entry_count: data.entry_count };
    let version = TotalsVersion { epoch: data.epoch, entry_count: data.entry_count };
    Ok(DayBalanceChanged { date, currency, totals, version })
}

fn read_crossing(row: &Row) -> Result<AlertCrossing, LedgerError> {
    let ((currency, date), data) = (read_day(row)?, read_data::<CrossingData>(row)?);
    Ok(AlertCrossing {
        alert_id: uuid(&data.alert_id)?,
        currency,
        direction: valid(AlertDirection::parse(&data.direction).ok_or(()), "the direction of an alert is unknown")?,
        threshold: minor(&data.threshold)?,
        balance: minor(&data.balance)?,
        date,
        entry: data.entry_id.as_deref().map(uuid).transpose()?.map(EntryId::from_uuid),
    })
}

fn read_day(row: &Row) -> Result<(Currency, Date), LedgerError> {
    let data: DayData = read_data(row)?;
    let currency = valid(Currency::parse(&data.currency), "a currency is unknown")?;
    Ok((currency, valid(parse_date(&data.date), "a date is not valid")?))
}

fn read_data<'a, T: Deserialize<'a>>(row: &'a Row) -> Result<T, LedgerError> {
    let text: &str = valid(row.try_get("data"), "an event of the feed lacks its data")?;
    valid(serde_json::from_str(text), "the data of an event is not as expected")
}

fn uuid(text: &str) -> Result<Uuid, LedgerError> {
    valid(Uuid::try_parse(text), "an id is not a UUID")
}

/// A number of minor units in text.
fn minor(text: &str) -> Result<i128, LedgerError> {
    valid(text.parse(), "a sum is not a whole number")
}
