use cashflow::{Currency, Date, MerchantId, Positions, Seal};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;

use crate::{FaultCode, Flaw, Problem, opaque, query::Query, response::respond_json};

/// The most seals of a page, and those of a page that asks for no number of them.
const LIMIT_MAX: u16 = 100;

/// Far more seals than a day will have, in as many digits as the contract gives a cursor.
const CURSOR_MAX: u32 = 999_999_999;

/// How long every text is that shows what a seal covers.
pub const SNAPSHOT_LENGTH: usize = opaque::length(Positions::BYTES);

/// Which day is to be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealQuery {
    /// The currency.
    pub currency: Currency,
    /// The day.
    pub date: Date,
}

/// Reads `POST /days/{date}/seal?currency=`.
pub fn parse_seal_query(request: &Request) -> Result<SealQuery, Problem> {
    let mut query = Query::read(request, &["currency"]);
    let date = query.path_date(request);
    let currency = query.currency();
    query.none_or_problem()?;
    let (Some(date), Some(currency)) = (date, currency) else { return Err(Problem::internal_error()) };
    Ok(SealQuery { currency, date })
}

/// Which seals are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealsQuery {
    /// The currency.
    pub currency: Currency,
    /// The day.
    pub date: Date,
    /// The most seals of the page.
    pub limit: u16,
    /// Only seals with smaller numbers; none for the first page.
    pub below: Option<u32>,
}

/// Reads `GET /days/{date}/seals?currency=&limit=&cursor=`. A cursor is the number of the last seal of the page before: that is
/// no secret, and every number has a meaning.
pub fn parse_seals_query(request: &Request) -> Result<SealsQuery, Problem> {
    let mut query = Query::read(request, &["currency", "limit", "cursor"]);
    let date = query.path_date(request);
    let currency = query.currency();
    let limit = query.limit(LIMIT_MAX, LIMIT_MAX);
    let below = match query.optional("cursor") {
        Some(text) => {
            let number = text.parse().ok();
            let number = number.filter(|number| (1..=CURSOR_MAX).contains(number) && number.to_string() == text);
            let detail = "is not a cursor that a list of seals was answered with";
            query.check("cursor", number.map(Some).ok_or_else(|| Flaw::new(FaultCode::InvalidCursor, detail)))
        }
        None => Some(None),
    };
    query.none_or_problem()?;
    let (Some(date), Some(currency), Some(limit), Some(below)) = (date, currency, limit, below) else {
        return Err(Problem::internal_error());
    };
    Ok(SealsQuery { currency, date, limit, below })
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
    snapshot: String,
    sha256: &'a str,
}

impl SealBody<'_> {
    fn new<'a>(seal: &'a Seal, merchant: &MerchantId, key: &[u8; 64]) -> SealBody<'a> {
        SealBody {
            date: seal.date.to_string(),
            currency: seal.currency.code(),
            number: seal.number,
            total_credits: seal.currency.format_minor(seal.totals.credits),
            total_debits: seal.currency.format_minor(seal.totals.debits),
            entry_count: seal.totals.entry_count,
            sealed_at: seal.sealed_at.to_string(),
            snapshot: opaque::write(key, &format!("seal/1\n{merchant}\n"), &seal.positions.to_bytes()),
            sha256: &seal.sha256,
        }
    }
}

/// The answer to `POST /days/{date}/seal`: 201 for a new seal, 200 for the one that covers the day already. The key hides what the
/// seal covers.
pub fn seal_response(seal: &Seal, is_new: bool, merchant: &MerchantId, key: &[u8; 64]) -> Response<Body> {
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    respond_json(status, &SealBody::new(seal, merchant, key))
}

/// The answer to `GET /days/{date}/seals`, in the order given; `next_below` is the number after which the next page begins.
pub fn seals_response(
    seals: &[Seal],
    next_below: Option<u32>,
    merchant: &MerchantId,
    key: &[u8; 64],
) -> Response<Body> {
    #[derive(Serialize)]
    struct Seals<'a> {
        seals: Vec<SealBody<'a>>,
        next_cursor: Option<String>,
    }
    let seals = seals.iter().map(|seal| SealBody::new(seal, merchant, key)).collect();
    respond_json(StatusCode::OK, &Seals { seals, next_cursor: next_below.map(|number| number.to_string()) })
}

#[cfg(test)]
mod tests {
    use cashflow::{SLOTS, Totals, parse_date};

    use super::*;

    fn seal(number: u32, position: u64) -> Seal {
        Seal {
            date: parse_date("2026-11-22").unwrap(),
            currency: Currency::BRL,
            number,
            totals: Totals::ZERO,
            sealed_at: "2026-11-23T03:10:00Z".parse().unwrap(),
            epoch: 1,
            positions: Positions::new([position; SLOTS]),
            sha256: "00".repeat(32),
        }
    }

    /// It has one length whatever is covered.
    #[test]
    fn what_a_seal_covers_is_shown_as_a_text_that_can_only_be_compared() {
        let shown = |seal: &Seal, merchant: &str, key: u8| {
            SealBody::new(seal, &test_builders::merchant(merchant), &[key; 64]).snapshot
        };
        let first = shown(&seal(1, 3), "acme", 1);
        assert_eq!(first.len(), SNAPSHOT_LENGTH);
        assert_eq!(shown(&seal(2, 3), "acme", 1), first);
        for other in [shown(&seal(1, 4), "acme", 1), shown(&seal(1, 3), "emca", 1), shown(&seal(1, 3), "acme", 2)] {
            assert_eq!(other.len(), SNAPSHOT_LENGTH);
            assert_ne!(other, first);
        }
    }
}
