//! `GET /entries.csv?from&to`: the statement of a range of days for spreadsheets, from the ledger.

use std::time::{Duration, Instant};

use http_api::{Caller, EntryCsv, Problem, parse_export_query};
use lambda_http::{Body, Request, Response};
use ledger::{Ledger, LedgerError};

/// A page ends when it is full, or when reading it has taken this long: the rest is behind its link.
const READING_MAX: Duration = Duration::from_secs(10);

/// Answers one request.
pub async fn handle(ledger: &Ledger, request: &Request) -> Response<Body> {
    answer(ledger, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(ledger: &Ledger, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let merchant = caller.merchant();
    let query = parse_export_query(request)?;
    let failed = |error: LedgerError| Problem::of_store(merchant, &error, error.is_transient());

    let key = ledger.statement_key(merchant).await.map_err(failed)?;
    let mut position = query.position(merchant, &key)?;
    let days = (query.from, query.to);
    let mut csv = EntryCsv::new(&query);
    let deadline = Instant::now() + READING_MAX;
    // Every round adds lines, and a full page ends it, so there are at most some dozens of rounds.
    loop {
        let page =
            ledger.statement(merchant, query.currency, days, position.as_ref(), query.limit).await.map_err(failed)?;
        csv.add(&page.lines);
        position = page.next;
        if position.is_none() || csv.is_full() || Instant::now() > deadline {
            break;
        }
    }
    let next_cursor = position.map(|position| query.cursor(&position, merchant, &key));
    Ok(csv.into_response(next_cursor.as_deref()))
}
