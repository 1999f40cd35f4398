use cashflow::{Date, Description, EntryId, IdempotencyKey, ReversalRequest};
use lambda_http::Request;

use crate::{
    Problem,
    body::{Faults, Object, parse_body, wrong_type},
    entries::{header_key, parse_entry_date},
    json::Json,
    query::Query,
};

/// A reversal that a client wants recorded, under its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReversal {
    /// The client's name for this request.
    pub key: IdempotencyKey,
    /// What is to be reversed, and how.
    pub request: ReversalRequest,
}

/// Reads `POST /entries/{id}/reversal`; `today` bounds how far ahead a reversal may be dated.
pub fn parse_reversal(request: &Request, today: Date) -> Result<NewReversal, Problem> {
    let mut query = Query::read(request, &[]);
    let original = query.path_entry_id(request);
    query.none_or_problem()?;
    let original = original.ok_or_else(Problem::internal_error)?;
    let key = header_key(request)?;
    let bytes: &[u8] = request.body();
    if bytes.is_empty() {
        return Ok(NewReversal { key, request: ReversalRequest { original, date: None, description: None } });
    }
    let body = parse_body(request)?;
    let mut faults = Faults::default();
    let reversal = parse_reversal_body(&body, original, today, &mut faults);
    faults.none_or_problem()?;
    reversal.map(|request| NewReversal { key, request }).ok_or_else(Problem::internal_error)
}

fn parse_reversal_body(body: &Json, original: EntryId, today: Date, faults: &mut Faults) -> Option<ReversalRequest> {
    let Json::Object(members) = body else {
        faults.add("", wrong_type("an object", body));
        return None;
    };
    let mut object = Object::new("", members, faults);
    let date = parse_entry_date(&mut object, today);
    let description = object.optional_parsed("description", Description::parse);
    object.refuse_other_members();
    Some(ReversalRequest { original, date: date?, description: description? })
}
