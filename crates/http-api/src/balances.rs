use cashflow::{BalanceToken, Currency, DailyBalance, Date, DayStatus};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;

use crate::{
    Problem,
    csv::Csv,
    query::Query,
    response::{respond_csv, respond_json},
};

/// Which balances are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceQuery {
    /// The currency.
    pub currency: Currency,
    /// The first day.
    pub from: Date,
    /// The last day, not before the first.
    pub to: Date,
    /// What the read model must have reached before it may answer.
    pub token: Option<BalanceToken>,
}

/// One day as it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownBalance {
    /// The balance.
    pub balance: DailyBalance,
    /// When the day's totals were taken from the ledger; none for a day without entries.
    pub updated_at: Option<jiff::Timestamp>,
    /// How it relates to the newest seal of the day.
    pub status: DayStatus,
}

/// Reads `GET /daily-balances/{date}?currency=&token=`.
pub fn parse_day_query(request: &Request) -> Result<BalanceQuery, Problem> {
    let mut query = Query::read(request, &["currency", "token"]);
    let date = query.path_date(request);
    let currency = query.currency();
    let token = query.balance_token();
    query.none_or_problem()?;
    let (Some(date), Some(currency)) = (date, currency) else { return Err(Problem::internal_error()) };
    Ok(BalanceQuery { currency, from: date, to: date, token })
}

/// Reads `GET /daily-balances?from=&to=&currency=&token=`, and the same of `/daily-balances.csv`.
pub fn parse_range_query(request: &Request) -> Result<BalanceQuery, Problem> {
    let mut query = Query::read(request, &["from", "to", "currency", "token"]);
    let range = query.range();
    let currency = query.currency();
    let token = query.balance_token();
    query.none_or_problem()?;
    let (Some((from, to)), Some(currency)) = (range, currency) else { return Err(Problem::internal_error()) };
    Ok(BalanceQuery { currency, from, to, token })
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
    status: &'static str,
    updated_at: Option<String>,
}

impl BalanceBody {
    fn new(shown: &ShownBalance, currency: Currency) -> BalanceBody {
        let balance = &shown.balance;
        BalanceBody {
            date: balance.date.to_string(),
            currency: currency.code(),
            opening_balance: currency.format_minor(balance.opening),
            total_credits: currency.format_minor(balance.totals.credits),
            total_debits: currency.format_minor(balance.totals.debits),
            closing_balance: currency.format_minor(balance.closing),
            entry_count: balance.totals.entry_count,
            status: shown.status.as_str(),
            updated_at: shown.updated_at.map(|time| time.to_string()),
        }
    }
}

/// The answer to `GET /daily-balances/{date}`; `updated_at` is absent for a day without entries.
pub fn balance_response(shown: &ShownBalance, currency: Currency) -> Response<Body> {
    respond_json(StatusCode::OK, &BalanceBody::new(shown, currency))
}

/// The answer to `GET /daily-balances?from&to`: one balance for every day.
pub fn balances_response(shown: &[ShownBalance], currency: Currency) -> Response<Body> {
    #[derive(Serialize)]
    struct Balances {
        balances: Vec<BalanceBody>,
    }
    let balances = shown.iter().map(|shown| BalanceBody::new(shown, currency)).collect();
    respond_json(StatusCode::OK, &Balances { balances })
}

/// The answer to `GET /daily-balances.csv?from&to`: one line for every day.
pub fn balances_csv_response(shown: &[ShownBalance], query: &BalanceQuery) -> Response<Body> {
    let mut csv = Csv::with_header([
        "date",
        "currency",
        "opening_balance",
        "total_credits",
        "total_debits",
        "closing_balance",
        "entry_count",
        "status",
        "updated_at",
    ]);
    for shown in shown {
        let line = BalanceBody::new(shown, query.currency);
        csv.line([
            &line.date,
            line.currency,
            &line.opening_balance,
            &line.total_credits,
            &line.total_debits,
            &line.closing_balance,
            &line.entry_count.to_string(),
            line.status,
            line.updated_at.as_deref().unwrap_or_default(),
        ]);
    }
    respond_csv(csv, &format!("daily-balances_{}_{}_{}.csv", query.from, query.to, query.currency))
}
