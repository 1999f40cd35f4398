use cashflow::MerchantId;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Endpoint, Item, StoreError,
    attributes::{Read, moment, number, text},
    expression::Change,
};
use crate::Health;

/// How far a subscriber has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Behind which of the feed's events it is; none before the first.
    pub cursor: Option<String>,
    /// How it has taken what it was given.
    pub health: Health,
    /// When the first of its pending deliveries is due, as far as is known.
    pub next_due: Option<Timestamp>,
    /// When a pending delivery was stored last: the index may not show it for a moment.
    pub pending_at: Option<Timestamp>,
    /// When it began to read the feed from its beginning, because its cursor was of a ledger that was set back since.
    pub restarted_at: Option<Timestamp>,
}

/// That an endpoint was switched off, and is not yet in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The id of the event.
    pub id: Uuid,
    /// Why it was switched off.
    pub reason: String,
}

/// What a holder works with.
#[derive(Debug)]
pub struct Waiting {
    /// How far the subscriber has come.
    pub progress: Progress,
    /// The endpoint, if it is one.
    pub endpoint: Option<Endpoint>,
    /// What has to be put into the feed first.
    pub announcement: Option<Announcement>,
}

impl Waiting {
    pub(crate) fn read(merchant: &MerchantId, item: &Item) -> Result<Waiting, StoreError> {
        let endpoint = item.contains_key("url").then(|| Endpoint::read(merchant, item)).transpose()?;
        Ok(Waiting { progress: Progress::read(item)?, endpoint, announcement: announcement(item)? })
    }
}

impl Progress {
    pub(crate) fn read(item: &Item) -> Result<Progress, StoreError> {
        Ok(Progress {
            cursor: item.text("cursor")?.map(str::to_owned),
            health: Health {
                failures: item.number("failures")?.unwrap_or_default(),
                failing_since: item.moment("failing_since")?,
                failed_at: item.moment("failed_at")?,
                pauses: item.number("pauses")?.unwrap_or_default(),
                paused_until: item.moment("paused_until")?,
            },
            next_due: item.moment("next_due")?,
            pending_at: item.moment("pending_at")?,
            restarted_at: item.moment("restarted_at")?,
        })
    }

    pub(crate) fn write(&self, change: Change) -> Change {
        let Progress { cursor, health, next_due, pending_at, restarted_at } = self;
        let Health { failures, failing_since, failed_at, pauses, paused_until } = health;
        let counted = |count: u32| (count > 0).then(|| number(count));
        change
            .set_or_remove("cursor", cursor.as_ref().map(text))
            .set_or_remove("failures", counted(*failures))
            .set_or_remove("failing_since", failing_since.map(moment))
            .set_or_remove("failed_at", failed_at.map(moment))
            .set_or_remove("pauses", counted(*pauses))
            .set_or_remove("paused_until", paused_until.map(moment))
            .set_or_remove("next_due", next_due.map(moment))
            .set_or_remove("pending_at", pending_at.map(moment))
            .set_or_remove("restarted_at", restarted_at.map(moment))
    }
}

pub(crate) fn announcement(item: &Item) -> Result<Option<Announcement>, StoreError> {
    let Some(id) = item.text("announce")? else { return Ok(None) };
    let id = id.parse().map_err(|_| StoreError::Malformed)?;
    Ok(Some(Announcement { id, reason: item.required_text("disabled_for")?.to_owned() }))
}
