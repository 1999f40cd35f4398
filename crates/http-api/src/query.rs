//! Reading the path and the query of a request, with every fault noted.

use std::{collections::BTreeMap, ops::RangeInclusive};

use cashflow::{Currency, Date, EntryId, MerchantId, parse_date};
use lambda_http::{Request, RequestExt};
use url::form_urlencoded;
use uuid::Uuid;

use crate::{Code, Fault, FaultCode, Flaw, GivenToken, Problem, TokenKey};

/// The most days of a range.
pub const RANGE_DAYS_MAX: i64 = 366;

/// The parameters of a query, and what is wrong with them.
pub(crate) struct Query {
    values: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Query {
    /// An unknown parameter is refused: a mistyped `currency` must not answer the balance of another one.
    pub(crate) fn read(request: &Request, known: &[&str]) -> Query {
        let mut query = Query { values: BTreeMap::new(), faults: Vec::new() };
        for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                query.fault(&name, Flaw::new(FaultCode::UnknownParameter, "is not a known parameter"));
            } else if query.values.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                query.fault(&name, Flaw::new(FaultCode::Duplicate, "occurs more than once"));
            }
        }
        query
    }

    /// A part of the path, as the gateway has decoded it; empty if the route has none of this name.
    pub(crate) fn path_part<'r>(request: &'r Request, name: &str) -> &'r str {
        request.path_parameters_ref().and_then(|parts| parts.first(name)).unwrap_or_default()
    }

    pub(crate) fn path_date(&mut self, request: &Request) -> Option<Date> {
        self.check("date", parse_date(Query::path_part(request, "date")))
    }

    pub(crate) fn path_entry_id(&mut self, request: &Request) -> Option<EntryId> {
        self.path_uuid(request, "id").map(EntryId::from_uuid)
    }

    pub(crate) fn path_uuid(&mut self, request: &Request, name: &str) -> Option<Uuid> {
        // Upper case says the same (RFC 9562, section 4).
        let id = Query::path_part(request, name).to_ascii_lowercase();
        let id = EntryId::parse(&id).map(|id| *id.as_uuid());
        self.check(name, id.ok_or_else(|| Flaw::new(FaultCode::InvalidFormat, "must be a UUID in its canonical form")))
    }

    /// The days from `from` to `to`, of which there may be at most [`RANGE_DAYS_MAX`].
    pub(crate) fn range(&mut self) -> Option<(Date, Date)> {
        let from = self.required_date("from");
        let to = self.required_date("to");
        let (from, to) = (from?, to?);
        // Both dates lie within four-digit years, whose distance in days always fits.
        let days = i64::from((to - from).get_days()) + 1;
        if days < 1 {
            self.fault("to", Flaw::new(FaultCode::TooEarly, "must not be before from").beyond(from));
        } else if days > RANGE_DAYS_MAX {
            let detail = format!("must be at most {RANGE_DAYS_MAX} days from from, is {days}");
            self.fault("to", Flaw::new(FaultCode::RangeTooLong, detail).beyond(RANGE_DAYS_MAX));
        }
        Some((from, to))
    }

    /// What the read model must have reached before it may answer, if the client asks for it.
    pub(crate) fn balance_token(&mut self, merchant: &MerchantId, key: &TokenKey) -> Option<GivenToken> {
        let text = self.values.remove("token")?;
        let given = key.read(merchant, &text);
        let detail = "is not a balance_token that an entry of the merchant was answered with";
        self.check("token", given.ok_or_else(|| Flaw::new(FaultCode::InvalidToken, detail)))
    }

    pub(crate) fn optional(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// How many lines a page has at most.
    pub(crate) fn limit(&mut self, max: u16, default: u16) -> Option<u16> {
        self.whole_number("limit", 1..=max, default)
    }

    /// A number without a sign and without leading zeros.
    pub(crate) fn whole_number(&mut self, name: &str, range: RangeInclusive<u16>, default: u16) -> Option<u16> {
        let Some(text) = self.values.remove(name) else { return Some(default) };
        let number = text.parse().ok().filter(|number| range.contains(number) && number.to_string() == text);
        let (min, max) = range.into_inner();
        let detail = format!("must be a whole number from {min} to {max}");
        self.check(name, number.ok_or_else(|| Flaw::new(FaultCode::OutOfRange, detail).beyond(max)))
    }

    pub(crate) fn currency(&mut self) -> Option<Currency> {
        match self.values.remove("currency") {
            Some(code) => self.check("currency", Currency::parse(&code)),
            None => Some(Currency::BRL),
        }
    }

    pub(crate) fn required_date(&mut self, name: &str) -> Option<Date> {
        let Some(text) = self.values.remove(name) else {
            self.fault(name, Flaw::new(FaultCode::Required, "is required"));
            return None;
        };
        self.check(name, parse_date(&text))
    }

    pub(crate) fn check<T, E: Into<Flaw>>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.fault(name, error)).ok()
    }

    fn fault(&mut self, name: &str, flaw: impl Into<Flaw>) {
        self.faults.push(Fault::parameter(name, flaw));
    }

    pub(crate) fn none_or_problem(&mut self) -> Result<(), Problem> {
        let faults = std::mem::take(&mut self.faults);
        if faults.is_empty() { Ok(()) } else { Err(Problem::with_faults(Code::ParameterInvalid, faults)) }
    }
}
