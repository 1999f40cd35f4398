//! What answers look like as they are sent, to the byte.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::{BalanceLine, DailyBalance, DayStatus, Entry, PostedEntry, StatementLine, Totals};
use http_api::{
    Code, EntryCsv, Fault, FaultCode, Flaw, Problem, balances_csv_response, parse_export_query, parse_range_query,
};
use lambda_http::{Body, Response};
use test_builders::{acme, date, entry};
use test_events::HttpEvent;

/// Status, headers and body; the ends of lines in CSV are shown.
fn sent(response: Response<Body>) -> String {
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    let body = std::str::from_utf8(&body).unwrap().replace("\r\n", "␍␊\n");
    format!("{}\n{}\n{body}", parts.status, headers.collect::<String>())
}

/// A problem of each kind, as its constructor makes it where it has one of its own.
fn problem(code: Code) -> Problem {
    match code {
        Code::ValidationFailed => {
            let flaw =
                Flaw::new(FaultCode::TooManyFractionDigits, "has more than the 2 fraction digits of BRL").beyond(2);
            Problem::with_faults(code, vec![Fault::at("/amount", flaw)])
        }
        Code::ParameterInvalid => {
            let faults =
                ["from", "to"].map(|name| Fault::parameter(name, Flaw::new(FaultCode::Required, "is required")));
            Problem::with_faults(code, faults.into())
        }
        Code::NotYetPosted => Problem::not_yet_posted(),
        Code::NotYetReflected => Problem::not_yet_reflected(),
        Code::NotSettled => Problem::not_settled(7),
        Code::SealInProgress => Problem::seal_in_progress(),
        Code::DayTooLarge => Problem::day_too_large(2_000_001, 2_000_000),
        Code::TooManyRedeliveries => Problem::too_many_redeliveries(60, 41),
        Code::TooManyRotations => Problem::too_many_rotations(2, 86_000),
        Code::InternalError => Problem::internal_error(),
        Code::TemporarilyUnavailable => Problem::temporarily_unavailable(),
        Code::MalformedJson
        | Code::IdempotencyKeyMissing
        | Code::IdempotencyKeyInvalid
        | Code::IdTokenRequired
        | Code::MerchantMissing
        | Code::ClerkRequired
        | Code::NotFound
        | Code::BodyTooLarge
        | Code::BatchTooLarge
        | Code::UnsupportedMediaType
        | Code::IdempotencyKeyReused
        | Code::AlreadyReversed
        | Code::ReversalOfReversal
        | Code::TooManyBalanceAlerts
        | Code::TooManyWebhookEndpoints
        | Code::WebhookEndpointDisabled => Problem::new(code, "What happened \"this\" time."),
    }
}

#[test]
fn problems_follow_rfc_9457() {
    let all = Code::ALL.map(|code| {
        let problem = problem(code);
        assert_eq!(problem.code, code);
        sent(problem.into_response())
    });
    insta::assert_snapshot!("problems", all.join("\n\n"));
}

fn balance(day: &str, opening: i128, totals: Totals, status: DayStatus) -> BalanceLine {
    let closing = opening + totals.net().unwrap();
    let balance = DailyBalance { date: date(day), opening, totals, closing };
    let updated_at = (totals != Totals::ZERO).then(|| "2026-11-22T15:04:06.123456Z".parse().unwrap());
    BalanceLine { balance, updated_at, status }
}

#[test]
fn balances_as_csv() {
    let event = HttpEvent::load("get-daily-balance/csv").query("from=2026-11-01&to=2026-11-03&currency=BRL");
    let key = "a secret of at least 32 characters".parse().unwrap();
    let query = parse_range_query(&event.request(), &acme(), &key).unwrap();
    let some = Totals { credits: 100_000, debits: 5, entry_count: 3 };
    let lines = [
        balance("2026-11-01", -150, Totals::ZERO, DayStatus::Open),
        balance("2026-11-02", -150, some, DayStatus::Sealed),
        balance("2026-11-03", 99_845, Totals { credits: i128::MAX / 2, ..some }, DayStatus::Restated),
    ];
    insta::assert_snapshot!("balances_csv", sent(balances_csv_response(&lines, &query)));
}

#[test]
fn a_statement_as_csv() {
    let event = HttpEvent::load("export-entries/month").query("from=2026-11-01&to=2026-11-30&currency=BRL");
    let mut page = EntryCsv::new(&parse_export_query(&event.request()).unwrap());
    let line = |entry: Entry, running_balance, seal, late| {
        let posted_at = "2026-11-22T15:04:06.123456Z".parse().unwrap();
        StatementLine { posted: PostedEntry { entry, posted_at, reversed_by: None, seal, late }, running_balance }
    };
    let sale =
        entry("sale").credit("150.75").on("2026-11-01").described("=HYPERLINK(\"x\"),1").category("vendas").build();
    let refund = entry("refund").reversing(&sale).on("2026-11-02").described("devolução").build();
    page.add(&[line(sale, 15_075, Some(1), false), line(refund, 0, None, true)]);
    page.add(&[line(entry("plain").minor(-1).build(), -1, None, false)]);
    insta::assert_snapshot!("statement_csv", sent(page.into_response(Some("a cursor"))));
}
