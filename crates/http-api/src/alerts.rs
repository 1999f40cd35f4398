//! Alerts on the balance of a merchant.

use cashflow::{AlertDirection, BalanceAlert, Currency, parse_threshold};
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Code, FaultCode, Flaw, Problem,
    body::{Faults, NotText, Object, parse_body, wrong_type},
    json::Json,
    query::Query,
    response::{respond_json, respond_no_content},
};

/// An alert as it is to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewAlert {
    /// The currency.
    pub currency: Currency,
    /// On which side of the threshold it is triggered.
    pub direction: AlertDirection,
    /// The threshold in minor units.
    pub threshold: i128,
}

/// Reads `PUT /balance-alerts`.
pub fn parse_alert(request: &Request) -> Result<NewAlert, Problem> {
    Query::read(request, &[]).none_or_problem()?;
    let body = parse_body(request)?;
    let mut faults = Faults::default();
    let alert = match &body {
        Json::Object(members) => parse_alert_object(&mut Object::new("", members, &mut faults)),
        other => {
            faults.add("", wrong_type("an object", other));
            None
        }
    };
    faults.none_or_problem()?;
    alert.ok_or_else(Problem::internal_error)
}

fn parse_alert_object(object: &mut Object<'_, '_>) -> Option<NewAlert> {
    let currency = match object.optional_text("currency") {
        Ok(Some(code)) => object.check("currency", Currency::parse(code)),
        Ok(None) => Some(Currency::BRL),
        Err(NotText) => None,
    };
    let threshold = object.required("threshold").and_then(|value| match (value, currency) {
        (Json::String(text), Some(currency)) => object.check("threshold", parse_threshold(text, currency)),
        // How many fraction digits an unknown currency has is unknown.
        (Json::String(_), None) => None,
        (other, _) => {
            object.fault("threshold", wrong_type("a decimal string such as \"1000.00\"", other));
            None
        }
    });
    let direction = object.required_text("direction").and_then(|text| {
        let unknown = || Flaw::new(FaultCode::UnknownValue, "must be \"below\" or \"above\"");
        object.check("direction", AlertDirection::parse(text).ok_or_else(unknown))
    });
    object.refuse_other_members();
    Some(NewAlert { currency: currency?, direction: direction?, threshold: threshold? })
}

/// Reads `DELETE /balance-alerts/{id}`.
pub fn parse_alert_removal(request: &Request) -> Result<Uuid, Problem> {
    let mut query = Query::read(request, &[]);
    let id = query.path_uuid(request, "id");
    query.none_or_problem()?;
    id.ok_or_else(Problem::internal_error)
}

/// Reads `GET /balance-alerts`, which takes nothing.
pub fn parse_alert_list(request: &Request) -> Result<(), Problem> {
    Query::read(request, &[]).none_or_problem()
}

/// The refusal of one alert more than a merchant may have.
pub fn too_many_alerts() -> Problem {
    Problem::new(
        Code::TooManyBalanceAlerts,
        "The merchant has 50 alerts, the most that there may be. Delete one first.",
    )
}

/// The refusal of a removal: the same for an alert that does not exist and for another merchant's.
pub fn alert_not_found() -> Problem {
    Problem::new(Code::NotFound, "The merchant has no such alert.")
}

#[derive(Serialize)]
struct ShownAlert {
    id: String,
    currency: &'static str,
    threshold: String,
    direction: &'static str,
    status: &'static str,
    balance: String,
    updated_at: String,
}

impl ShownAlert {
    fn new(alert: &BalanceAlert) -> ShownAlert {
        // Without `..`, so that a field is shown or left out knowingly.
        let BalanceAlert { id, currency, direction, threshold, is_triggered, balance, updated_at } = alert;
        ShownAlert {
            id: id.to_string(),
            currency: currency.code(),
            threshold: currency.format_minor(*threshold),
            direction: direction.as_str(),
            status: if *is_triggered { "triggered" } else { "resolved" },
            balance: currency.format_minor(*balance),
            updated_at: updated_at.to_string(),
        }
    }
}

/// The answer to `PUT /balance-alerts`.
pub fn alert_response(alert: &BalanceAlert) -> Response<Body> {
    respond_json(StatusCode::OK, &ShownAlert::new(alert))
}

/// The answer to `GET /balance-alerts`.
pub fn alerts_response(alerts: &[BalanceAlert]) -> Response<Body> {
    #[derive(Serialize)]
    struct Alerts {
        alerts: Vec<ShownAlert>,
    }
    respond_json(StatusCode::OK, &Alerts { alerts: alerts.iter().map(ShownAlert::new).collect() })
}

/// The answer to `DELETE /balance-alerts/{id}`.
pub fn alert_removed_response() -> Response<Body> {
    respond_no_content()
}
