use cashflow::{Currency, Date, MerchantId, Month};
use ledger::MonthKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a run is to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// What was posted since the last scheduled run.
    Scheduled,
    /// The months of one merchant from one day's to another's, in one currency or in all that it has entries of.
    Merchant { merchant: MerchantId, currency: Option<Currency>, months: (Month, Month), after: Option<RunCursor> },
    /// Every month of which ledger or read model hold anything.
    Everything { after: Option<RunCursor> },
}

/// How far a run by hand has come; the next one goes on after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RunCursor {
    /// In the ledger: after this month.
    Ledger {
        /// The merchant.
        merchant_id: String,
        /// The ISO 4217 code.
        currency: String,
        /// `YYYY-MM`.
        month: String,
    },
    /// At the end of the ledger, before the first item of the read model.
    Table,
    /// In the read model: after this item.
    Item {
        /// Its partition key.
        pk: String,
        /// Its sort key.
        sk: String,
    },
}

/// Nothing can be compared for this event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRequest(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    merchant_id: Option<String>,
    currency: Option<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    everything: bool,
    after: Option<RunCursor>,
}

impl Request {
    pub(crate) fn parse(event: Value) -> Result<Request, InvalidRequest> {
        let event: Event = serde_json::from_value(event).map_err(invalid)?;
        match event {
            Event { everything: true, merchant_id: None, currency: None, from: None, to: None, after } => {
                Ok(Request::Everything { after })
            }
            Event { everything: false, merchant_id: None, currency: None, from: None, to: None, after: None } => {
                Ok(Request::Scheduled)
            }
            Event {
                everything: false,
                merchant_id: Some(merchant),
                currency,
                from: Some(from),
                to: Some(to),
                after,
            } => {
                let day = |name: &str, text: &str| {
                    cashflow::parse_date(text).map_err(|error| InvalidRequest(format!("{name} {error}")))
                };
                Ok(Request::Merchant {
                    merchant: MerchantId::parse(&merchant)
                        .map_err(|error| InvalidRequest(format!("merchant_id {error}")))?,
                    currency: currency.map(|code| Currency::parse(&code)).transpose().map_err(invalid)?,
                    months: ordered(day("from", &from)?, day("to", &to)?)?,
                    after,
                })
            }
            _ => Err(InvalidRequest(
                "must be an empty object, or have merchant_id, from and to (currency is optional), or everything: true"
                    .to_owned(),
            )),
        }
    }
}

impl RunCursor {
    pub(crate) fn after(key: &MonthKey) -> RunCursor {
        RunCursor::Ledger {
            merchant_id: key.merchant.to_string(),
            currency: key.currency.code().to_owned(),
            month: key.month.to_string(),
        }
    }
}

/// The month of a cursor in the ledger.
pub(crate) fn month_key(merchant: &str, currency: &str, month: &str) -> Result<MonthKey, InvalidRequest> {
    Ok(MonthKey {
        merchant: MerchantId::parse(merchant).map_err(invalid)?,
        currency: Currency::parse(currency).map_err(invalid)?,
        month: Month::parse(month).map_err(invalid)?,
    })
}

fn ordered(from: Date, to: Date) -> Result<(Month, Month), InvalidRequest> {
    if from <= to {
        Ok((Month::of(from), Month::of(to)))
    } else {
        Err(InvalidRequest("from must not be after to".to_owned()))
    }
}

fn invalid(error: impl std::fmt::Display) -> InvalidRequest {
    InvalidRequest(error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_to_compare_is_said_in_one_of_three_ways() {
        let months =
            (Month::of("2026-01-31".parse().expect("a date")), Month::of("2026-03-01".parse().expect("a date")));
        let merchant = MerchantId::parse("acme").expect("a merchant");
        let range = Request::Merchant { merchant, currency: None, months, after: None };
        let table = Request::Everything { after: Some(RunCursor::Table) };
        for (event, expected) in [
            (json!({}), Request::Scheduled),
            (json!({"everything": true}), Request::Everything { after: None }),
            (json!({"everything": true, "after": "table"}), table),
            (json!({"merchant_id": "acme", "from": "2026-01-31", "to": "2026-03-01"}), range),
        ] {
            assert_eq!(Request::parse(event.clone()), Ok(expected), "{event}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        for event in [
            json!(null),
            json!([]),
            json!({"merchant": "acme"}),
            json!({"merchant_id": "acme"}),
            json!({"merchant_id": "acme", "from": "2026-01-31"}),
            json!({"merchant_id": "", "from": "2026-01-31", "to": "2026-03-01"}),
            json!({"merchant_id": "acme", "from": "2026-01-32", "to": "2026-03-01"}),
            json!({"merchant_id": "acme", "from": "2026-03-01", "to": "2026-01-31"}),
            json!({"merchant_id": "acme", "from": "2026-01-31", "to": "2026-03-01", "currency": "XXX"}),
            json!({"merchant_id": "acme", "from": "2026-01-31", "to": "2026-03-01", "everything": true}),
            json!({"everything": false, "after": "table"}),
            json!({"everything": true, "after": "nowhere"}),
        ] {
            assert!(Request::parse(event.clone()).is_err(), "{event}");
        }
    }
}
