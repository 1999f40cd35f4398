use std::collections::BTreeMap;

use cashflow::{Currency, DailyBalance, Date, parse_date};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;
use url::form_urlencoded;

use crate::{Code, Fault, Problem, response::respond};

/// The most days of a range.
pub const RANGE_DAYS_MAX: i64 = 366;

/// Which balances are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceQuery {
    /// The currency.
    pub currency: Currency,
    /// The first day.
    pub from: Date,
    /// The last day, not before the first.
    pub to: Date,
}

/// Reads `GET /daily-balances/{date}?currency=`.
pub fn parse_day_query(date: &str, request: &Request) -> Result<BalanceQuery, Problem> {
    let mut query = Query::read(request, &["currency"]);
    let date = query.check("date", parse_date(date));
    let currency = query.currency();
    query.none_or_problem()?;
    let (Some(date), Some(currency)) = (date, currency) else { return Err(Problem::internal_error()) };
    Ok(BalanceQuery { currency, from: date, to: date })
}

/// Reads `GET /daily-balances?from=&to=&currency=`.
pub fn parse_range_query(request: &Request) -> Result<BalanceQuery, Problem> {
    let mut query = Query::read(request, &["from", "to", "currency"]);
    let from = query.required_date("from");
    let to = query.required_date("to");
    let currency = query.currency();
    if let (Some(from), Some(to)) = (from, to) {
        // Both dates lie within four-digit years, whose distance in days always fits.
        let days = i64::from((to - from).get_days()) + 1;
        if days < 1 {
            query.faults.push(Fault::parameter("to", "must not be before from"));
        } else if days > RANGE_DAYS_MAX {
            query
                .faults
                .push(Fault::parameter("to", format!("must be at most {RANGE_DAYS_MAX} days from from, is {days}")));
        }
    }
    query.none_or_problem()?;
    let (Some(from), Some(to), Some(currency)) = (from, to, currency) else { return Err(Problem::internal_error()) };
    Ok(BalanceQuery { currency, from, to })
}

/// The parameters of a query, and what is wrong with them.
struct Query {
    values: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Query {
    /// An unknown parameter is refused: a mistyped `currency` must not answer the balance of another one.
    fn read(request: &Request, known: &[&str]) -> Query {
        let mut query = Query { values: BTreeMap::new(), faults: Vec::new() };
        for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                query.faults.push(Fault::parameter(name, "is not a known parameter"));
            } else if query.values.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                query.faults.push(Fault::parameter(name, "occurs more than once"));
            }
        }
        query
    }

    fn currency(&mut self) -> Option<Currency> {
        match self.values.remove("currency") {
            Some(code) => self.check("currency", Currency::parse(&code)),
            None => Some(Currency::BRL),
        }
    }

    fn required_date(&mut self, name: &str) -> Option<Date> {
        let Some(text) = self.values.remove(name) else {
            self.faults.push(Fault::parameter(name, "is required"));
            return None;
        };
        self.check(name, parse_date(&text))
    }

    fn check<T, E: ToString>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.faults.push(Fault::parameter(name, error.to_string()))).ok()
    }

    fn none_or_problem(&mut self) -> Result<(), Problem> {
        let faults = std::mem::take(&mut self.faults);
        if faults.is_empty() { Ok(()) } else { Err(Problem::with_faults(Code::ParameterInvalid, faults)) }
    }
}

#[derive(Serialize)]
struct BalanceBody {
    date: String,
    currency: &'static str,
    opening_balance: String,
    total_credits: String,
    total_debits: String,
    closing_balance: String,
    entry_count: u64,
    updated_at: Option<String>,
}

impl BalanceBody {
    fn new(balance: &DailyBalance, currency: Currency, updated_at: Option<jiff::Timestamp>) -> BalanceBody {
        BalanceBody {
            date: balance.date.to_string(),
            currency: currency.code(),
            opening_balance: currency.format_minor(balance.opening),
            total_credits: currency.format_minor(balance.totals.credits),
            total_debits: currency.format_minor(balance.totals.debits),
            closing_balance: currency.format_minor(balance.closing),
            entry_count: balance.totals.entry_count,
            updated_at: updated_at.map(|time| time.to_string()),
        }
    }
}

/// The answer to `GET /daily-balances/{date}`; `updated_at` is absent for a day without entries.
pub fn balance_response(
    balance: &DailyBalance,
    currency: Currency,
    updated_at: Option<jiff::Timestamp>,
) -> Response<Body> {
    respond(StatusCode::OK, "application/json", &BalanceBody::new(balance, currency, updated_at))
}

/// The answer to `GET /daily-balances?from&to`: one balance for every day.
pub fn balances_response(
    balances: impl IntoIterator<Item = (DailyBalance, Option<jiff::Timestamp>)>,
    currency: Currency,
) -> Response<Body> {
    #[derive(Serialize)]
    struct Balances {
        balances: Vec<BalanceBody>,
    }
    let balances = balances.into_iter().map(|(balance, at)| BalanceBody::new(&balance, currency, at)).collect();
    respond(StatusCode::OK, "application/json", &Balances { balances })
}
