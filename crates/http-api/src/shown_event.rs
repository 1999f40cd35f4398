//! An event as it is given out, to whomever: CloudEvents 1.0, in JSON.

use std::fmt::Write;

use cashflow::{
    AlertCrossing, DayBalanceChanged, DayRestated, EndpointDisabled, Entry, Event, EventContent, KeyConflict,
    MerchantId, Seal, TotalsVersion,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::shown_entry::ShownEntry;

/// An event with its attributes (CloudEvents 1.0, section "Context attributes").
#[derive(Debug, Serialize)]
pub(crate) struct ShownEvent {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: &'static str,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    data: Data,
}

impl ShownEvent {
    pub(crate) fn new(event: &Event, merchant: &MerchantId) -> ShownEvent {
        let Event { id, time, content } = event;
        ShownEvent {
            specversion: "1.0",
            id: id.to_string(),
            source: source(merchant),
            event_type: content.event_type().as_str(),
            subject: content.subject(),
            time: time.to_string(),
            datacontenttype: "application/json",
            data: Data::new(content, *time, merchant),
        }
    }
}

/// A reference of a URI (RFC 3986): what no segment of a path may have, and the dots of a segment of dots alone, is percent-encoded.
fn source(merchant: &MerchantId) -> String {
    let name = merchant.as_str();
    let is_dots = matches!(name, "." | "..");
    let mut source = "/merchants/".to_owned();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || "-_~!$&'()*+,;=:@".contains(character) || (character == '.' && !is_dots)
        {
            source.push(character);
        } else {
            let _ = write!(source, "%{:02X}", u32::from(character));
        }
    }
    source
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Data {
    Posted(Box<PostedData>),
    Refused(Box<RefusedData>),
    Sealed(SealedData),
    Restated(RestatedData),
    Changed(ChangedData),
    Alert(AlertData),
    Disabled(DisabledData),
}

impl Data {
    fn new(content: &EventContent, time: Timestamp, merchant: &MerchantId) -> Data {
        match content {
            EventContent::EntryPosted(entry) => Data::Posted(Box::new(PostedData::new(entry, time, merchant))),
            EventContent::EntryConflicted(conflict) => {
                Data::Refused(Box::new(RefusedData::new(conflict, "conflicted", merchant)))
            }
            EventContent::ReversalOvertaken(conflict) => {
                Data::Refused(Box::new(RefusedData::new(conflict, "already_reversed", merchant)))
            }
            EventContent::DaySealed(seal) => Data::Sealed(SealedData::new(seal)),
            EventContent::DayRestated(restated) => Data::Restated(RestatedData::new(restated)),
            EventContent::DayBalanceChanged(changed) => Data::Changed(ChangedData::new(changed)),
            EventContent::AlertTriggered(crossing) | EventContent::AlertResolved(crossing) => {
                Data::Alert(AlertData::new(crossing))
            }
            EventContent::EndpointDisabled(disabled) => Data::Disabled(DisabledData::new(disabled)),
        }
    }
}

#[derive(Debug, Serialize)]
struct PostedData {
    #[serde(flatten)]
    entry: ShownEntry,
    posted_at: String,
}

impl PostedData {
    fn new(entry: &Entry, posted_at: Timestamp, merchant: &MerchantId) -> PostedData {
        PostedData { entry: ShownEntry::new(entry, "posted").of(merchant), posted_at: posted_at.to_string() }
    }
}

#[derive(Debug, Serialize)]
struct RefusedData {
    #[serde(flatten)]
    entry: ShownEntry,
    received_at: String,
}

impl RefusedData {
    fn new(conflict: &KeyConflict, status: &'static str, merchant: &MerchantId) -> RefusedData {
        let KeyConflict { entry, received_at } = conflict;
        RefusedData { entry: ShownEntry::new(entry, status).of(merchant), received_at: received_at.to_string() }
    }
}

#[derive(Debug, Serialize)]
struct SealedData {
    date: String,
    currency: &'static str,
    number: u32,
    total_credits: String,
    total_debits: String,
    entry_count: u64,
    sealed_at: String,
    sha256: String,
}

impl SealedData {
    fn new(seal: &Seal) -> SealedData {
        // Without `..`, so that a field is shown or left out knowingly.
        let Seal { date, currency, number, totals, sealed_at, epoch: _, positions: _, sha256 } = seal;
        SealedData {
            date: date.to_string(),
            currency: currency.code(),
            number: *number,
            total_credits: currency.format_minor(totals.credits),
            total_debits: currency.format_minor(totals.debits),
            entry_count: totals.entry_count,
            sealed_at: sealed_at.to_string(),
            sha256: sha256.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct RestatedData {
    date: String,
    currency: &'static str,
    entry_id: String,
    seal: u32,
}

impl RestatedData {
    fn new(restated: &DayRestated) -> RestatedData {
        let DayRestated { date, currency, entry, seal } = restated;
        RestatedData { date: date.to_string(), currency: currency.code(), entry_id: entry.to_string(), seal: *seal }
    }
}

#[derive(Debug, Serialize)]
struct ChangedData {
    date: String,
    currency: &'static str,
    total_credits: String,
    total_debits: String,
    entry_count: u64,
    version: Version,
}

#[derive(Debug, Serialize)]
struct Version {
    epoch: u32,
    entry_count: u64,
}

impl ChangedData {
    fn new(changed: &DayBalanceChanged) -> ChangedData {
        let DayBalanceChanged { date, currency, totals, version: TotalsVersion { epoch, entry_count } } = changed;
        ChangedData {
            date: date.to_string(),
            currency: currency.code(),
            total_credits: currency.format_minor(totals.credits),
            total_debits: currency.format_minor(totals.debits),
            entry_count: totals.entry_count,
            version: Version { epoch: *epoch, entry_count: *entry_count },
        }
    }
}

#[derive(Debug, Serialize)]
struct AlertData {
    alert_id: String,
    currency: &'static str,
    direction: &'static str,
    threshold: String,
    balance: String,
    date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_id: Option<String>,
}

impl AlertData {
    fn new(crossing: &AlertCrossing) -> AlertData {
        let AlertCrossing { alert_id, currency, direction, threshold, balance, date, entry } = crossing;
        AlertData {
            alert_id: alert_id.to_string(),
            currency: currency.code(),
            direction: direction.as_str(),
            threshold: currency.format_minor(*threshold),
            balance: currency.format_minor(*balance),
            date: date.to_string(),
            entry_id: entry.map(|entry| entry.to_string()),
        }
    }
}

#[derive(Debug, Serialize)]
struct DisabledData {
    endpoint_id: String,
    url: String,
    reason: String,
}

impl DisabledData {
    fn new(disabled: &EndpointDisabled) -> DisabledData {
        let EndpointDisabled { endpoint_id, url, reason } = disabled;
        DisabledData { endpoint_id: endpoint_id.to_string(), url: url.clone(), reason: reason.clone() }
    }
}

#[cfg(test)]
mod tests {
    use test_builders::merchant;

    use super::*;

    #[test]
    fn a_source_is_a_reference_of_a_uri_whatever_the_merchant_is_called() {
        let check = |name: &str, expected: &str| assert_eq!(source(&merchant(name)), expected, "{name}");
        check("acme", "/merchants/acme");
        check("padaria-aurora_2.0~x", "/merchants/padaria-aurora_2.0~x");
        check("a%b#c?d/e", "/merchants/a%25b%23c%3Fd%2Fe");
        check("q\"<>\\^`{|}[]", "/merchants/q%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D");
        check("..", "/merchants/%2E%2E");
        check("...", "/merchants/...");
    }
}
