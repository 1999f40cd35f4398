use jiff::{Timestamp, civil::Date};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{AlertCrossing, Currency, Entry, EntryId, KeyConflict, MerchantId, NAMESPACE, Seal, Totals, TotalsVersion};

/// What kind of thing happened to a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// An entry was posted.
    EntryPosted,
    /// Another payload came under a used key.
    EntryConflicted,
    /// A reversal came after another one of the same entry.
    ReversalOvertaken,
    /// A day was sealed.
    DaySealed,
    /// A sealed day got an entry that its first seal does not cover.
    DayRestated,
    /// The totals of a day changed.
    DayBalanceChanged,
    /// A balance crossed the threshold of an alert.
    AlertTriggered,
    /// A balance came back over the threshold of an alert.
    AlertResolved,
    /// Deliveries to a webhook endpoint were switched off.
    EndpointDisabled,
}

impl EventType {
    /// All of them.
    pub const ALL: [EventType; 9] = [
        EventType::EntryPosted,
        EventType::EntryConflicted,
        EventType::ReversalOvertaken,
        EventType::DaySealed,
        EventType::DayRestated,
        EventType::DayBalanceChanged,
        EventType::AlertTriggered,
        EventType::AlertResolved,
        EventType::EndpointDisabled,
    ];

    /// The name, which is fixed for ever: receivers compare it.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::EntryPosted => "entry.posted",
            EventType::EntryConflicted => "entry.conflicted",
            EventType::ReversalOvertaken => "entry.reversal_overtaken",
            EventType::DaySealed => "day.sealed",
            EventType::DayRestated => "day.restated",
            EventType::DayBalanceChanged => "day.balance_changed",
            EventType::AlertTriggered => "balance.alert.triggered",
            EventType::AlertResolved => "balance.alert.resolved",
            EventType::EndpointDisabled => "webhook_endpoint.disabled",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<EventType> {
        EventType::ALL.into_iter().find(|event_type| event_type.as_str() == text)
    }
}

/// The name of an event: the same event has the same id whoever reads it, and however often.
///
/// A UUID of version 8, the first 16 bytes of a SHA-256 (RFC 9562, section 5.8 and appendix B.2): PostgreSQL has no SHA-1, which
/// version 5 needs, and names the events that it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Uuid);

impl EventId {
    /// The id of the event of this type that happened to this merchant and is about this.
    ///
    /// Neither a merchant nor a type contains a line feed, so two different events never give the same text.
    pub fn derive(merchant: &MerchantId, event_type: EventType, about: &str) -> EventId {
        let mut hash = Sha256::new_with_prefix(NAMESPACE.as_bytes());
        hash.update(format!("event\n{merchant}\n{}\n{about}", event_type.as_str()));
        let digest: [u8; 32] = hash.finalize().into();
        let (first, _) = digest.split_at(16);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(first);
        EventId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Takes an id that the ledger has kept.
    pub fn from_uuid(id: Uuid) -> EventId {
        EventId(id)
    }

    /// The id as a UUID.
    pub fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// Something that happened to a merchant. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// When it happened, by the ledger's clock. The order of events is that of the feed, which this need not follow.
    pub time: Timestamp,
    /// What happened.
    pub content: EventContent,
}

/// What happened to a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventContent {
    /// An entry was posted, at the event's time.
    EntryPosted(Entry),
    /// Another payload came under a used key, and was not posted.
    EntryConflicted(KeyConflict),
    /// A reversal came after another one of the same entry, and was not posted.
    ReversalOvertaken(KeyConflict),
    /// A day was sealed.
    DaySealed(Seal),
    /// A sealed day got an entry that its first seal does not cover.
    DayRestated(DayRestated),
    /// The totals of a day changed.
    DayBalanceChanged(DayBalanceChanged),
    /// A balance crossed the threshold of an alert.
    AlertTriggered(AlertCrossing),
    /// A balance came back over the threshold of an alert.
    AlertResolved(AlertCrossing),
    /// Deliveries to a webhook endpoint were switched off.
    EndpointDisabled(EndpointDisabled),
}

/// An entry changed a day that had been sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRestated {
    /// The day.
    pub date: Date,
    /// The currency.
    pub currency: Currency,
    /// The entry.
    pub entry: EntryId,
    /// The number of the newest seal of the day at that time that does not cover it.
    pub seal: u32,
}

/// The totals of a day as they were soon after entries had changed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayBalanceChanged {
    /// The day.
    pub date: Date,
    /// The currency.
    pub currency: Currency,
    /// The sums of its entries.
    pub totals: Totals,
    /// Of two totals of a day, the one with the greater version is the newer.
    pub version: TotalsVersion,
}

/// Deliveries to a webhook endpoint were switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointDisabled {
    /// The endpoint.
    pub endpoint_id: Uuid,
    /// Its address.
    pub url: String,
    /// Why.
    pub reason: String,
}

impl EventContent {
    /// Its type.
    pub fn event_type(&self) -> EventType {
        match self {
            EventContent::EntryPosted(_) => EventType::EntryPosted,
            EventContent::EntryConflicted(_) => EventType::EntryConflicted,
            EventContent::ReversalOvertaken(_) => EventType::ReversalOvertaken,
            EventContent::DaySealed(_) => EventType::DaySealed,
            EventContent::DayRestated(_) => EventType::DayRestated,
            EventContent::DayBalanceChanged(_) => EventType::DayBalanceChanged,
            EventContent::AlertTriggered(_) => EventType::AlertTriggered,
            EventContent::AlertResolved(_) => EventType::AlertResolved,
            EventContent::EndpointDisabled(_) => EventType::EndpointDisabled,
        }
    }

    /// What it is about, as a path of the merchant's.
    pub fn subject(&self) -> String {
        match self {
            EventContent::EntryPosted(entry) => format!("entries/{}", entry.id),
            EventContent::EntryConflicted(conflict) | EventContent::ReversalOvertaken(conflict) => {
                format!("entries/{}", conflict.entry.id)
            }
            EventContent::DaySealed(seal) => day_subject(seal.date, seal.currency),
            EventContent::DayRestated(restated) => day_subject(restated.date, restated.currency),
            EventContent::DayBalanceChanged(changed) => day_subject(changed.date, changed.currency),
            EventContent::AlertTriggered(crossing) | EventContent::AlertResolved(crossing) => {
                format!("balance-alerts/{}", crossing.alert_id)
            }
            EventContent::EndpointDisabled(disabled) => format!("webhook-endpoints/{}", disabled.endpoint_id),
        }
    }
}

fn day_subject(date: Date, currency: Currency) -> String {
    format!("days/{date}/{}", currency.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlertDirection, parse_date};

    #[test]
    fn a_type_is_read_by_its_name_and_no_two_have_one() {
        for event_type in EventType::ALL {
            assert_eq!(EventType::parse(event_type.as_str()), Some(event_type));
        }
        assert_eq!(EventType::parse("entry.deleted"), None);
        let names: std::collections::BTreeSet<_> =
            EventType::ALL.iter().map(|event_type| event_type.as_str()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
    }

    #[test]
    fn the_id_of_an_event_never_changes_and_is_a_uuid_of_version_8() {
        let acme = MerchantId::parse("acme").unwrap();
        let id = EventId::derive(&acme, EventType::EntryPosted, "f8074bc3-3d8c-5a13-bf98-16220b3a9341");
        assert_eq!(id.to_string(), "4bc66e48-64b6-84d1-880b-1245d6e67440");
        assert_eq!((id.as_uuid().get_version_num(), id.as_uuid().get_variant()), (8, uuid::Variant::RFC4122));
        assert_eq!(EventId::from_uuid(*id.as_uuid()), id);
        let emca = MerchantId::parse("emca").unwrap();
        for other in [
            EventId::derive(&emca, EventType::EntryPosted, "f8074bc3-3d8c-5a13-bf98-16220b3a9341"),
            EventId::derive(&acme, EventType::EntryConflicted, "f8074bc3-3d8c-5a13-bf98-16220b3a9341"),
            EventId::derive(&acme, EventType::EntryPosted, "f8074bc3-3d8c-5a13-bf98-16220b3a9342"),
        ] {
            assert_ne!(other, id);
        }
    }

    #[test]
    fn the_subject_is_the_path_of_what_an_event_is_about() {
        let date = parse_date("2026-11-22").unwrap();
        let (currency, id) = (Currency::BRL, Uuid::from_u128(1));
        let entry = EntryId::from_uuid(id);
        let restated = EventContent::DayRestated(DayRestated { date, currency, entry, seal: 1 });
        assert_eq!(restated.subject(), "days/2026-11-22/BRL");
        let crossing = AlertCrossing {
            alert_id: id,
            currency,
            direction: AlertDirection::Below,
            threshold: 0,
            balance: -1,
            date,
            entry: None,
        };
        let of_alert = "balance-alerts/00000000-0000-0000-0000-000000000001";
        for content in [EventContent::AlertTriggered(crossing), EventContent::AlertResolved(crossing)] {
            assert_eq!(content.subject(), of_alert);
        }
        let disabled = EndpointDisabled { endpoint_id: id, url: String::new(), reason: String::new() };
        let disabled = EventContent::EndpointDisabled(disabled);
        assert_eq!(disabled.subject(), "webhook-endpoints/00000000-0000-0000-0000-000000000001");
        assert_eq!(disabled.event_type(), EventType::EndpointDisabled);
    }
}
