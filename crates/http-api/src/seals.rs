use cashflow::{Currency, Date, Seal};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;

use crate::{Problem, query::Query, response::respond_json};

/// Which day is to be sealed, or whose seals are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealQuery {
    /// The currency.
    pub currency: Currency,
    /// The day.
    pub date: Date,
}

/// Reads `POST /days/{date}/seal?currency=` and `GET /days/{date}/seals?currency=`.
pub fn parse_seal_query(request: &Request) -> Result<SealQuery, Problem> {
    let mut query = Query::read(request, &["currency"]);
    let date = query.path_date(request);
    let currency = query.currency();
    query.none_or_problem()?;
    let (Some(date), Some(currency)) = (date, currency) else { return Err(Problem::internal_error()) };
    Ok(SealQuery { currency, date })
}

#[derive(Serialize)]
struct SealBody<'a> {
    date: String,
    currency: &'static str,
    number: u32,
    total_credits: String,
    total_debits: String,
    entry_count: u64,
    sealed_at: String,
    snapshot: &'a str,
    sha256: &'a str,
}

impl SealBody<'_> {
    fn new(seal: &Seal) -> SealBody<'_> {
        SealBody {
            date: seal.date.to_string(),
            currency: seal.currency.code(),
            number: seal.number,
            total_credits: seal.currency.format_minor(seal.totals.credits),
            total_debits: seal.currency.format_minor(seal.totals.debits),
            entry_count: seal.totals.entry_count,
            sealed_at: seal.sealed_at.to_string(),
            snapshot: &seal.snapshot,
            sha256: &seal.sha256,
        }
    }
}

/// The answer to `POST /days/{date}/seal`: 201 for a new seal, 200 for the one that covers the day already.
pub fn seal_response(seal: &Seal, is_new: bool) -> Response<Body> {
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    respond_json(status, &SealBody::new(seal))
}

/// The answer to `GET /days/{date}/seals`, in the order given.
pub fn seals_response(seals: &[Seal]) -> Response<Body> {
    #[derive(Serialize)]
    struct Seals<'a> {
        seals: Vec<SealBody<'a>>,
    }
    respond_json(StatusCode::OK, &Seals { seals: seals.iter().map(SealBody::new).collect() })
}
