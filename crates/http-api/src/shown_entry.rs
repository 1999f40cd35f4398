//! An entry as it is shown: in a lookup, in a statement, in CSV.

use cashflow::{BalanceToken, Entry, KeyConflict, MerchantId, PostedEntry, RecordedEntry};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;

use crate::{AcceptedEntry, Code, GivenToken, Problem, TokenKey, query::Query, response::respond_json};

/// Reads `GET /entries/{id}`.
pub fn parse_entry_lookup(request: &Request) -> Result<cashflow::EntryId, Problem> {
    let mut query = Query::read(request, &[]);
    let id = query.path_entry_id(request);
    query.none_or_problem()?;
    id.ok_or_else(Problem::internal_error)
}

/// The refusal of a lookup: the same for an entry that does not exist and for another merchant's.
pub fn entry_not_found() -> Problem {
    Problem::new(Code::NotFound, "The merchant has no such entry.")
}

#[derive(Debug, Serialize)]
pub(crate) struct ShownEntry {
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) merchant_id: Option<String>,
    #[serde(rename = "type")]
    pub(crate) entry_type: &'static str,
    pub(crate) amount: String,
    pub(crate) currency: &'static str,
    pub(crate) date: String,
    pub(crate) description: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) reverses: Option<String>,
    pub(crate) status: &'static str,
}

impl ShownEntry {
    pub(crate) fn new(entry: &Entry, status: &'static str) -> ShownEntry {
        // Without `..`, so that a field is shown or left out knowingly. The fingerprint is the server's own.
        let Entry { id, fingerprint: _, entry_type, amount, date, description, category, reverses } = entry;
        ShownEntry {
            id: id.to_string(),
            merchant_id: None,
            entry_type: entry_type.as_str(),
            amount: amount.to_decimal(),
            currency: amount.currency().code(),
            date: date.to_string(),
            description: description.as_ref().map(|text| text.as_str().to_owned()),
            category: category.as_ref().map(|text| text.as_str().to_owned()),
            reverses: reverses.map(|original| original.to_string()),
            status,
        }
    }

    pub(crate) fn of(self, merchant: &MerchantId) -> ShownEntry {
        ShownEntry { merchant_id: Some(merchant.to_string()), ..self }
    }
}

#[derive(Serialize)]
pub(crate) struct ShownPostedEntry {
    #[serde(flatten)]
    pub(crate) entry: ShownEntry,
    pub(crate) posted_at: String,
    pub(crate) reversed_by: Option<String>,
    pub(crate) seal: Option<u32>,
    pub(crate) late: bool,
}

impl ShownPostedEntry {
    pub(crate) fn new(posted: &PostedEntry) -> ShownPostedEntry {
        ShownPostedEntry {
            entry: ShownEntry::new(&posted.entry, "posted"),
            posted_at: posted.posted_at.to_string(),
            reversed_by: posted.reversed_by.map(|reversal| reversal.to_string()),
            seal: posted.seal,
            late: posted.late,
        }
    }
}

#[derive(Serialize)]
struct ShownConflict {
    #[serde(rename = "type")]
    entry_type: &'static str,
    amount: String,
    currency: &'static str,
    date: String,
    description: Option<String>,
    category: Option<String>,
    received_at: String,
}

impl ShownConflict {
    fn new(conflict: &KeyConflict) -> ShownConflict {
        // Without `..`, as above. The id is the one that was asked for, and `reverses` is not shown of a conflict.
        let Entry { id: _, fingerprint: _, entry_type, amount, date, description, category, reverses: _ } =
            &conflict.entry;
        ShownConflict {
            entry_type: entry_type.as_str(),
            amount: amount.to_decimal(),
            currency: amount.currency().code(),
            date: date.to_string(),
            description: description.as_ref().map(|text| text.as_str().to_owned()),
            category: category.as_ref().map(|text| text.as_str().to_owned()),
            received_at: conflict.received_at.to_string(),
        }
    }
}

/// The answer to `GET /entries/{id}` for an entry that the ledger knows. Only operators are shown the execution.
pub fn recorded_entry_response(
    merchant: &MerchantId,
    recorded: &RecordedEntry,
    balance_token: Option<&BalanceToken>,
    key: &TokenKey,
    execution: Option<&str>,
) -> Response<Body> {
    #[derive(Serialize)]
    struct Posted<'a> {
        #[serde(flatten)]
        posted: ShownPostedEntry,
        conflicts: Vec<ShownConflict>,
        balance_token: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        execution: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Overtaken<'a> {
        #[serde(flatten)]
        reversal: ShownEntry,
        conflicts: Vec<ShownConflict>,
        #[serde(skip_serializing_if = "Option::is_none")]
        execution: Option<&'a str>,
    }
    match recorded {
        RecordedEntry::Posted(posted, conflicts) => {
            let posted_at = posted.posted_at;
            let balance_token =
                balance_token.map(|token| key.write(merchant, &GivenToken { token: *token, posted_at }));
            let posted = ShownPostedEntry::new(posted);
            let entry = posted.entry.of(merchant);
            let body = Posted {
                posted: ShownPostedEntry { entry, ..posted },
                conflicts: conflicts.iter().map(ShownConflict::new).collect(),
                balance_token,
                execution,
            };
            respond_json(StatusCode::OK, &body)
        }
        RecordedEntry::AlreadyReversed(reversal, conflicts) => {
            let body = Overtaken {
                reversal: ShownEntry::new(reversal, "already_reversed").of(merchant),
                conflicts: conflicts.iter().map(ShownConflict::new).collect(),
                execution,
            };
            respond_json(StatusCode::OK, &body)
        }
    }
}

/// The answer to `GET /entries/{id}` for an entry that is on its way to the ledger.
pub fn pending_entry_response(accepted: &AcceptedEntry, execution: Option<&str>) -> Response<Body> {
    #[derive(Serialize)]
    struct Pending<'a> {
        #[serde(flatten)]
        accepted: &'a AcceptedEntry,
        // Shown as null where the answer to the POST leaves it out.
        #[serde(skip_serializing_if = "Option::is_some")]
        reverses: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        execution: Option<&'a str>,
    }
    let pending = AcceptedEntry { status: "pending".to_owned(), ..accepted.clone() };
    respond_json(StatusCode::OK, &Pending { reverses: pending.reverses.as_deref(), accepted: &pending, execution })
}
