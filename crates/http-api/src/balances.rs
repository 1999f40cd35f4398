use cashflow::{BalanceLine, Currency, DailyBalance, Date, MerchantId};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;

use crate::{
    GivenToken, Problem, TokenKey,
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
    pub token: Option<GivenToken>,
}

/// Reads `GET /daily-balances/{date}?currency=&token=`. A token counts only for the merchant it was given to.
pub fn parse_day_query(request: &Request, merchant: &MerchantId, key: &TokenKey) -> Result<BalanceQuery, Problem> {
    let mut query = Query::read(request, &["currency", "token"]);
    let date = query.path_date(request);
    let currency = query.currency();
    let token = query.balance_token(merchant, key);
    query.none_or_problem()?;
    let (Some(date), Some(currency)) = (date, currency) else { return Err(Problem::internal_error()) };
    Ok(BalanceQuery { currency, from: date, to: date, token })
}

/// Reads `GET /daily-balances?from=&to=&currency=&token=`, and the same of `/daily-balances.csv`.
pub fn parse_range_query(request: &Request, merchant: &MerchantId, key: &TokenKey) -> Result<BalanceQuery, Problem> {
    let mut query = Query::read(request, &["from", "to", "currency", "token"]);
    let range = query.range();
    let currency = query.currency();
    let token = query.balance_token(merchant, key);
    query.none_or_problem()?;
    let (Some((from, to)), Some(currency)) = (range, currency) else { return Err(Problem::internal_error()) };
    Ok(BalanceQuery { currency, from, to, token })
}

/// What every balance says of its day.
#[derive(Serialize)]
pub(crate) struct BalanceSums {
    date: String,
    currency: &'static str,
    opening_balance: String,
    total_credits: String,
    total_debits: String,
    closing_balance: String,
    entry_count: u64,
}

impl BalanceSums {
    pub(crate) fn new(balance: &DailyBalance, currency: Currency) -> BalanceSums {
        BalanceSums {
            date: balance.date.to_string(),
            currency: currency.code(),
            opening_balance: currency.format_minor(balance.opening),
            total_credits: currency.format_minor(balance.totals.credits),
            total_debits: currency.format_minor(balance.totals.debits),
            closing_balance: currency.format_minor(balance.closing),
            entry_count: balance.totals.entry_count,
        }
    }
}

#[derive(Serialize)]
struct BalanceBody {
    #[serde(flatten)]
    sums: BalanceSums,
    status: &'static str,
    updated_at: Option<String>,
}

impl BalanceBody {
    fn new(line: &BalanceLine, currency: Currency) -> BalanceBody {
        BalanceBody {
            sums: BalanceSums::new(&line.balance, currency),
            status: line.status.as_str(),
            updated_at: line.updated_at.map(|time| time.to_string()),
        }
    }
}

/// The answer to `GET /daily-balances/{date}`; `updated_at` is absent for a day without entries.
pub fn balance_response(line: &BalanceLine, currency: Currency) -> Response<Body> {
    respond_json(StatusCode::OK, &BalanceBody::new(line, currency))
}

/// The answer to `GET /daily-balances?from&to`: one balance for every day.
pub fn balances_response(lines: &[BalanceLine], currency: Currency) -> Response<Body> {
    #[derive(Serialize)]
    struct Balances {
        balances: Vec<BalanceBody>,
    }
    let balances = lines.iter().map(|line| BalanceBody::new(line, currency)).collect();
    respond_json(StatusCode::OK, &Balances { balances })
}

/// The answer to `GET /daily-balances.csv?from&to`: one line for every day.
pub fn balances_csv_response(lines: &[BalanceLine], query: &BalanceQuery) -> Response<Body> {
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
    for line in lines {
        let BalanceBody { sums, status, updated_at } = BalanceBody::new(line, query.currency);
        csv.line([
            &sums.date,
            sums.currency,
            &sums.opening_balance,
            &sums.total_credits,
            &sums.total_debits,
            &sums.closing_balance,
            &sums.entry_count.to_string(),
            status,
            updated_at.as_deref().unwrap_or_default(),
        ]);
    }
    respond_csv(csv, &format!("daily-balances_{}_{}_{}.csv", query.from, query.to, query.currency))
}
