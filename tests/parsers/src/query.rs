//! The path and the query of requests that read.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cashflow::{
    Amount, Currency, Date, EntryId, EntryRequest, EntryType, IdempotencyKey, MerchantId, PostedEntry, RecordedEntry,
};
use hmac::{Hmac, KeyInit, Mac};
use http_api::{
    BalanceQuery, GivenToken, Problem, RANGE_DAYS_MAX, StatementQuery, TokenKey, parse_as_of_query, parse_day_query,
    parse_entry_lookup, parse_export_query, parse_range_query, parse_seal_query, parse_statement_query,
    recorded_entry_response,
};
use lambda_http::Request;
use serde_json::Value;
use sha2::Sha256;
use url::form_urlencoded;

use crate::{
    TODAY,
    refusal::assert_refusal,
    request::get,
    text_line,
    values::{assert_currency, assert_date},
};

/// A line with a part of the path, then a query. Every reader takes every pair.
pub(crate) fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path_part, query) = text_line(text);
    let Some(request) = get(path_part, query) else { return };

    if let Some(read) = accepted(read_range(&request)) {
        assert_range(read.currency, read.from, read.to);
        assert_eq!(read_range(&ask("", &range_parameters(&read))), Ok(read));
    }
    if let Some(read) = accepted(read_day(&request)) {
        assert_range(read.currency, read.from, read.to);
        assert_eq!((read.from, read.from.to_string().as_str()), (read.to, path_part));
    }
    for parse in [parse_statement_query as fn(&Request) -> Result<StatementQuery, Problem>, parse_export_query] {
        if let Some(read) = accepted(parse(&request)) {
            assert_range(read.currency, read.from, read.to);
            assert!((1..=500).contains(&read.limit), "{}", read.limit);
            assert_limit(&request, read.limit);
        }
    }
    if let Some(read) = accepted(parse_seal_query(&request)) {
        assert_range(read.currency, read.date, read.date);
        assert_eq!(parse_seal_query(&ask(path_part, &[("currency", read.currency.to_string())])), Ok(read));
    }
    if let Some(id) = accepted(parse_entry_lookup(&request)) {
        assert_eq!(id.to_string(), path_part.to_ascii_lowercase());
    }
    instant(path_part);
}

/// A limit that was sent is a JSON integer, as the description of the API says: without a sign, without zeros in front.
fn assert_limit(request: &Request, limit: u16) {
    let query = request.uri().query().unwrap_or_default();
    if let Some((_, sent)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "limit") {
        assert_eq!(sent, limit.to_string());
    }
}

/// A part of the path as an instant: what is accepted is in the range of RFC 3339, section 5.6, and shown as it has it.
fn instant(text: &str) {
    let parse = |instant: &str| {
        let request = get(instant, "").expect("a query");
        let date = std::collections::HashMap::from([
            ("date".to_owned(), TODAY.to_string()),
            ("instant".to_owned(), instant.to_owned()),
        ]);
        parse_as_of_query(&lambda_http::RequestExt::with_path_parameters(request, date))
    };
    let Some(read) = accepted(parse(text)) else { return };
    let two = |start: usize| text[start..start + 2].parse::<u8>().expect("two digits");
    assert!((1..=12).contains(&two(5)) && (1..=31).contains(&two(8)), "{text}");
    assert!(two(11) <= 23 && two(14) <= 59 && two(17) <= 60, "{text}");
    if !text.ends_with(['Z', 'z']) {
        assert!(two(text.len() - 5) <= 23 && two(text.len() - 2) <= 59, "{text}");
    }
    assert_eq!(accepted(parse(&read.instant.to_string())), Some(read), "{text}");
}

/// A token, or what is inside one: signed, or else no text gets past the signature.
pub(crate) fn balance_token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for token in [text.to_owned(), URL_SAFE_NO_PAD.encode(text), signed(text)] {
        let request = ask(&TODAY.to_string(), &[("token", token.clone())]);
        let Some(read) = accepted(read_day(&request)) else { continue };
        let read = read.token.expect("a token was sent");
        assert_currency(read.token.currency);
        assert_date(read.token.date);
        // A token has one spelling only.
        assert_eq!(shown(&read), token);
    }
}

/// What was read; what was refused is looked at here.
pub(crate) fn accepted<T>(result: Result<T, Problem>) -> Option<T> {
    result.map_err(assert_refusal).ok()
}

/// A request for this.
pub(crate) fn ask(path_part: &str, parameters: &[(&str, String)]) -> Request {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    get(path_part, &query).expect("a query")
}

fn assert_range(currency: Currency, from: Date, to: Date) {
    assert_currency(currency);
    assert_date(from);
    assert_date(to);
    let days = i64::from((to - from).get_days()) + 1;
    assert!((1..=RANGE_DAYS_MAX).contains(&days), "{from} {to}");
}

fn range_parameters(query: &BalanceQuery) -> Vec<(&'static str, String)> {
    let BalanceQuery { currency, from, to, token } = query;
    let range = [("from", from.to_string()), ("to", to.to_string()), ("currency", currency.to_string())];
    range.into_iter().chain(token.as_ref().map(|token| ("token", shown(token)))).collect()
}

/// Who asks, and what tokens are signed with.
const MERCHANT: &str = "acme";
const SECRET: &str = "a secret of at least 32 characters";

fn merchant() -> MerchantId {
    MerchantId::parse(MERCHANT).expect("a merchant")
}

fn token_key() -> TokenKey {
    SECRET.parse().expect("a key")
}

pub(crate) fn read_day(request: &Request) -> Result<BalanceQuery, Problem> {
    parse_day_query(request, &merchant(), &token_key())
}

fn read_range(request: &Request) -> Result<BalanceQuery, Problem> {
    parse_range_query(request, &merchant(), &token_key())
}

/// This payload as only who has the key can sign it.
fn signed(payload: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    let mac = mac.chain_update(format!("balance-token\n{MERCHANT}\n")).chain_update(payload).finalize();
    URL_SAFE_NO_PAD.encode([mac.into_bytes().as_slice(), payload.as_bytes()].concat())
}

/// The token as a lookup shows it.
fn shown(given: &GivenToken) -> String {
    let GivenToken { token, posted_at } = given;
    let request = EntryRequest {
        entry_type: EntryType::Credit,
        amount: Amount::from_minor(1, token.currency).expect("an amount"),
        date: Some(token.date),
        description: None,
        category: None,
    };
    let id = EntryId::derive(&merchant(), &IdempotencyKey::parse("k").expect("a key"));
    let entry = request.into_entry(id, TODAY);
    let posted = PostedEntry { entry, posted_at: *posted_at, reversed_by: None, seal: None, late: false };
    let response = recorded_entry_response(
        &merchant(),
        &RecordedEntry::Posted(posted, Vec::new()),
        Some(token),
        &token_key(),
        None,
    );
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    body["balance_token"].as_str().expect("a token").to_owned()
}
