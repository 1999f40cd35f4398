//! `PUT`, `GET` and `DELETE /balance-alerts`: the alerts on a merchant's balance, in the ledger.

use cashflow::MerchantId;
use http_api::{
    Caller, Problem, alert_not_found, alert_removed_response, alert_response, alerts_response, parse_alert,
    parse_alert_list, parse_alert_removal, too_many_alerts,
};
use jiff::{Timestamp, tz::TimeZone};
use lambda_http::{Body, Request, Response, http::Method};
use ledger::{AlertError, BusinessDay, Ledger, LedgerError};

/// What answers requests about alerts.
pub struct BalanceAlerts {
    /// Where they are kept.
    pub ledger: Ledger,
    /// Where a business day begins.
    pub business_time_zone: TimeZone,
}

impl BalanceAlerts {
    /// Answers one request.
    pub async fn handle(&self, request: &Request, now: Timestamp) -> Response<Body> {
        let today = BusinessDay::at(now, &self.business_time_zone);
        let answer = match *request.method() {
            Method::PUT => self.set(request, &today).await,
            Method::DELETE => self.remove(request).await,
            _ => self.list(request, &today).await,
        };
        answer.unwrap_or_else(Problem::into_response)
    }

    async fn set(&self, request: &Request, today: &BusinessDay) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.writing_merchant()?;
        let alert = parse_alert(request)?;
        let set = self.ledger.set_alert(merchant, today, alert.currency, alert.direction, alert.threshold).await;
        match set {
            Ok(alert) => Ok(alert_response(&alert)),
            Err(AlertError::TooMany) => Err(too_many_alerts()),
            Err(AlertError::Ledger(error)) => Err(not_answered(merchant, &error)),
        }
    }

    async fn list(&self, request: &Request, today: &BusinessDay) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.merchant();
        parse_alert_list(request)?;
        let alerts = self.ledger.alerts(merchant, today).await.map_err(|error| not_answered(merchant, &error))?;
        Ok(alerts_response(&alerts))
    }

    async fn remove(&self, request: &Request) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.writing_merchant()?;
        let id = parse_alert_removal(request)?;
        let removed = self.ledger.remove_alert(merchant, id).await.map_err(|error| not_answered(merchant, &error))?;
        if removed { Ok(alert_removed_response()) } else { Err(alert_not_found()) }
    }
}

fn not_answered(merchant: &MerchantId, error: &LedgerError) -> Problem {
    Problem::of_store(merchant, error, error.is_transient())
}
