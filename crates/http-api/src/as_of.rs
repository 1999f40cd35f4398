use cashflow::{Currency, DailyBalance, Date};
use jiff::Timestamp;
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde::Serialize;

use crate::{FaultCode, Flaw, Problem, balances::BalanceSums, query::Query, response::respond_json};

/// Which balance is asked for, and as of when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOfQuery {
    /// The currency.
    pub currency: Currency,
    /// The day.
    pub date: Date,
    /// The moment whose knowledge counts.
    pub instant: Timestamp,
}

/// Reads `GET /daily-balances/{date}/as-of/{instant}?currency=`.
pub fn parse_as_of_query(request: &Request) -> Result<AsOfQuery, Problem> {
    let mut query = Query::read(request, &["currency"]);
    let date = query.path_date(request);
    let instant = parse_instant(Query::path_part(request, "instant"));
    let detail = "must be a time as RFC 3339 has it, such as 2026-11-22T18:00:00Z";
    let instant = query.check("instant", instant.ok_or_else(|| Flaw::new(FaultCode::InvalidFormat, detail)));
    let currency = query.currency();
    query.none_or_problem()?;
    let (Some(date), Some(instant), Some(currency)) = (date, instant, currency) else {
        return Err(Problem::internal_error());
    };
    Ok(AsOfQuery { currency, date, instant })
}

/// The start of the year 0: an instant before it, to which an offset can lead, has no form in RFC 3339.
const FIRST_INSTANT: Timestamp = Timestamp::constant(-62_167_219_200, 0);

/// Reads a `date-time` of RFC 3339, section 5.6. The library reads more than that, so the form is looked at first.
fn parse_instant(text: &str) -> Option<Timestamp> {
    let is_shaped = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text
                .iter()
                .zip(shape)
                .all(|(b, s)| if *s == b'9' { b.is_ascii_digit() } else { b.eq_ignore_ascii_case(s) })
    };
    let bytes = text.as_bytes();
    let (seconds, rest) = bytes.split_at_checked(19)?;
    let fraction = match rest {
        [b'.', digits @ ..] => 1 + digits.iter().take_while(|b| b.is_ascii_digit()).count(),
        _ => 0,
    };
    let offset = &rest[fraction..];
    let is_hours = is_shaped(offset, b"+99:99") || is_shaped(offset, b"-99:99");
    let is_offset = is_shaped(offset, b"Z") || (is_hours && offset[1..3] <= b"23"[..]);
    let is_date_time = is_shaped(seconds, b"9999-99-99T99:99:99") && (fraction == 0 || (2..=10).contains(&fraction));
    let instant = if is_date_time && is_offset { text.to_ascii_uppercase().parse().ok() } else { None };
    instant.filter(|instant| *instant >= FIRST_INSTANT)
}

/// The answer to `GET /daily-balances/{date}/as-of/{instant}`.
pub fn balance_as_of_response(balance: &DailyBalance, query: &AsOfQuery) -> Response<Body> {
    #[derive(Serialize)]
    struct AsOfBody {
        #[serde(flatten)]
        sums: BalanceSums,
        as_of: String,
    }
    let body = AsOfBody { sums: BalanceSums::new(balance, query.currency), as_of: query.instant.to_string() };
    respond_json(StatusCode::OK, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(parse_instant(text).map(|instant| instant.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn an_instant_is_a_date_time_of_rfc_3339() {
        check("2026-11-22T18:00:00Z", Some("2026-11-22T18:00:00Z"));
        check("2026-11-22t18:00:00z", Some("2026-11-22T18:00:00Z"));
        check("2026-11-22T15:00:00-03:00", Some("2026-11-22T18:00:00Z"));
        check("2026-11-22T15:00:00.123456+00:00", Some("2026-11-22T15:00:00.123456Z"));
        check("2026-11-22T15:00:00.1Z", Some("2026-11-22T15:00:00.1Z"));
        check("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00Z"));
    }

    #[test]
    fn other_forms_that_the_library_would_read_are_refused() {
        let refused = [
            "",
            "now",
            "2026-11-22",
            "2026-11-22T18:00Z",
            "2026-11-22T18:00:00",
            "2026-11-22 18:00:00Z",
            "20261122T180000Z",
            "2026-11-22T18:00:00,5Z",
            "2026-11-22T18:00:00.Z",
            "2026-11-22T18:00:00.1234567890Z",
            "2026-11-22T18:00:00+03",
            "2026-11-22T18:00:00-0300",
            "2026-11-22T18:00:00Z[America/Sao_Paulo]",
            "2026-13-22T18:00:00Z",
            "2026-11-22T25:00:00Z",
            "2026-11-22T18:00:00+99:99",
            "2026-11-22T18:00:00+24:00",
            "0000-01-01T00:00:00+00:01",
        ];
        for text in refused {
            check(text, None);
        }
    }
}
