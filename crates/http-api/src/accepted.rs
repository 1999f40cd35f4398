use cashflow::{Entry, MerchantId};
use lambda_http::{
    Body, Response,
    http::{HeaderValue, StatusCode, header::LOCATION},
};
use serde::{Deserialize, Serialize};

use crate::response::respond_json;

const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";

/// An entry as it was accepted: the answer to `POST /entries`, and what a repeat of the request is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedEntry {
    /// The entry's id.
    pub id: String,
    /// Whose entry it is.
    pub merchant_id: String,
    /// `credit` or `debit`.
    #[serde(rename = "type")]
    pub entry_type: String,
    /// In major units, with all digits of the currency.
    pub amount: String,
    /// The ISO 4217 code.
    pub currency: String,
    /// The business date.
    pub date: String,
    /// What it was for.
    pub description: Option<String>,
    /// The merchant's own grouping.
    pub category: Option<String>,
    /// The entry that this one undoes, if it is a reversal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<String>,
    /// `accepted`: it will be posted, whatever fails in between.
    pub status: String,
}

impl AcceptedEntry {
    /// The answer for this entry.
    pub fn new(merchant: &MerchantId, entry: &Entry) -> AcceptedEntry {
        // Without `..`, so that a field is shown or left out knowingly. The fingerprint is the server's own.
        let Entry { id, fingerprint: _, entry_type, amount, date, description, category, reverses } = entry;
        AcceptedEntry {
            id: id.to_string(),
            merchant_id: merchant.to_string(),
            entry_type: entry_type.to_string(),
            amount: amount.to_decimal(),
            currency: amount.currency().to_string(),
            date: date.to_string(),
            description: description.as_ref().map(|text| text.as_str().to_owned()),
            category: category.as_ref().map(|text| text.as_str().to_owned()),
            reverses: reverses.map(|original| original.to_string()),
            status: "accepted".to_owned(),
        }
    }

    /// The answer as the idempotency cache holds it, with the name of the execution that records the entry, if that can be
    /// looked up. The release before reads it all the same: it does not look at fields that it does not know.
    pub fn to_cached(&self, execution: Option<&str>) -> Option<String> {
        #[derive(Serialize)]
        struct Cached<'a> {
            #[serde(flatten)]
            accepted: &'a AcceptedEntry,
            #[serde(skip_serializing_if = "Option::is_none")]
            execution: Option<&'a str>,
        }
        serde_json::to_string(&Cached { accepted: self, execution }).ok()
    }

    /// The answer that the idempotency cache held, if it was this merchant's. `None` if this release cannot read it.
    pub fn from_cached(text: &str, merchant: &MerchantId) -> Option<AcceptedEntry> {
        let accepted: AcceptedEntry = serde_json::from_str(text).ok()?;
        (accepted.merchant_id == merchant.as_str()).then_some(accepted)
    }
}

/// The name of the execution that records an entry, as the idempotency cache holds it beside the answer.
pub fn cached_execution(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Cached {
        execution: Option<String>,
    }
    serde_json::from_str::<Cached>(text).ok()?.execution
}

/// The answer to `POST /entries`.
pub fn accepted_response(entry: &AcceptedEntry, repeated: bool) -> Response<Body> {
    let mut response = respond_json(StatusCode::ACCEPTED, entry);
    if let Ok(location) = HeaderValue::try_from(format!("/entries/{}", entry.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    mark_repeated(&mut response, repeated);
    response
}

/// The answer to `POST /entries/batch`, in request order; `repeated` if every entry had been accepted before.
pub fn accepted_batch_response(entries: &[AcceptedEntry], repeated: bool) -> Response<Body> {
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a str,
        status: &'a str,
    }
    #[derive(Serialize)]
    struct Batch<'a> {
        entries: Vec<Line<'a>>,
    }
    let lines = entries.iter().map(|entry| Line { id: &entry.id, status: &entry.status }).collect();
    let mut response = respond_json(StatusCode::ACCEPTED, &Batch { entries: lines });
    mark_repeated(&mut response, repeated);
    response
}

/// The header keeps the name that clients know. In the code such a request is a repeat: a replay runs a parked input again.
fn mark_repeated(response: &mut Response<Body>, repeated: bool) {
    if repeated {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
}

#[cfg(test)]
mod tests {
    use test_builders::{acme, entry};

    use super::*;

    /// The release before writes none, and reads one that has it.
    #[test]
    fn a_cached_answer_is_the_same_with_and_without_its_execution() {
        let answer = AcceptedEntry::new(&acme(), &entry("1").build());
        for execution in [Some("batch-1"), None] {
            let cached = answer.to_cached(execution).expect("JSON");
            assert_eq!(AcceptedEntry::from_cached(&cached, &acme()), Some(answer.clone()));
            assert_eq!(cached_execution(&cached).as_deref(), execution);
        }
        assert_eq!(serde_json::to_string(&answer).ok(), answer.to_cached(None));
        assert_eq!(cached_execution("no answer"), None);
    }
}
