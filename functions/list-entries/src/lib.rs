//! `GET /entries?date=`: the statement of a day, page by page, from the ledger.

use http_api::{Caller, Problem, parse_statement_query, statement_response};
use lambda_http::{Body, Request, Response};
use ledger::{Ledger, LedgerError};

/// Answers one request.
pub async fn handle(ledger: &Ledger, request: &Request) -> Response<Body> {
    answer(ledger, request).await.unwrap_or_else(Problem::into_response)
}

async fn answer(ledger: &Ledger, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request)?;
    let merchant = caller.merchant();
    let query = parse_statement_query(request)?;
    let failed = |error: LedgerError| Problem::of_store(merchant, &error, error.is_transient());

    let key = ledger.statement_key(merchant).await.map_err(failed)?;
    let position = query.position(merchant, &key)?;
    let days = (query.from, query.to);
    let page =
        ledger.statement(merchant, query.currency, days, position.as_ref(), query.limit).await.map_err(failed)?;
    let next_cursor = page.next.as_ref().map(|position| query.cursor(position, merchant, &key));
    Ok(statement_response(&page, query.currency, next_cursor))
}
