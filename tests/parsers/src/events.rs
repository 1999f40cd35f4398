//! `GET /events` and `PUT /balance-alerts`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cashflow::{EventType, FeedCursor, MerchantId, Positions};
use http_api::{
    FEED_CURSOR_LENGTH, FeedQuery, NewAlert, parse_alert, parse_feed_query, read_feed_cursor, write_feed_cursor,
};
use lambda_http::http::HeaderValue;
use serde_json::json;

use crate::{
    query::{accepted, ask},
    refusal::{assert_refusal, assert_refusal_of_body},
    request::{get, post},
    text_line,
    values::assert_currency,
};

const KEY: [u8; 64] = [7; 64];

/// The largest threshold of any currency, in hundredths.
const THRESHOLD_MAX: i128 = 999_999_999_999_999;

/// A body.
pub(crate) fn alert(data: &[u8]) {
    let parse = |body: &[u8]| parse_alert(&post(HeaderValue::from_static("ignored"), body));
    match parse(data) {
        Ok(alert) => {
            let NewAlert { currency, direction, threshold } = alert;
            assert_currency(currency);
            assert!(threshold.abs() * 100 <= THRESHOLD_MAX * 10_i128.pow(currency.minor_digits()), "{threshold}");
            let shown = json!({
                "currency": currency.code(),
                "direction": direction.as_str(),
                "threshold": currency.format_minor(threshold),
            });
            assert_eq!(parse(shown.to_string().as_bytes()), Ok(alert));
        }
        Err(problem) => assert_refusal_of_body(problem, data),
    }
}

/// Lines with a merchant and how many events are passed over, then a query, which is a forged cursor as well.
pub(crate) fn feed(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (merchant, rest) = text_line(text);
    let (sequence, query) = text_line(rest);
    let acme = MerchantId::parse("acme").expect("a merchant");
    let merchant = MerchantId::parse(merchant).unwrap_or(acme);
    let sequence = sequence.parse().unwrap_or(u64::MAX);
    let place = FeedCursor { sequence, positions: Positions::new([0, 1, 2, 3, 4, 5, 6, sequence]), noted: !sequence };
    let cursor = write_feed_cursor(place, &merchant, &KEY);
    assert_eq!(cursor.len(), FEED_CURSOR_LENGTH);
    assert_eq!(read_feed_cursor(&cursor, &merchant, &KEY), Some(place));
    assert_no_forgery(&cursor, query, &merchant);
    asked_with(&cursor, &merchant, place);
    if let Some(request) = get("", query)
        && let Some(read) = accepted(parse_feed_query(&request))
    {
        assert_query(&read);
        if let Err(problem) = read.after(&merchant, &KEY) {
            assert_refusal(problem);
        }
    }
}

/// No other text is a cursor, and none is another merchant's.
fn assert_no_forgery(cursor: &str, forged: &str, merchant: &MerchantId) {
    let other = MerchantId::parse(if merchant.as_str() == "emca" { "acme" } else { "emca" }).expect("a merchant");
    assert_eq!(read_feed_cursor(cursor, &other, &KEY), None);
    // The content under a tag that is none, and a tag over other content.
    let bytes = URL_SAFE_NO_PAD.decode(cursor).expect("base64");
    let (tag, inside) = bytes.split_at(16);
    let forgeries = [
        forged.as_bytes().to_vec(),
        [&[0; 16], inside].concat(),
        [tag, forged.as_bytes()].concat(),
        [&bytes, forged.as_bytes()].concat(),
    ];
    for forgery in forgeries.into_iter().filter(|forgery| *forgery != bytes) {
        assert_eq!(read_feed_cursor(&URL_SAFE_NO_PAD.encode(forgery), merchant, &KEY), None);
    }
    assert!(forged == cursor || read_feed_cursor(forged, merchant, &KEY).is_none());
}

fn asked_with(cursor: &str, merchant: &MerchantId, place: FeedCursor) {
    let read = accepted(parse_feed_query(&ask("", &[("after", cursor.to_owned())]))).expect("a query");
    assert_eq!(read.after(merchant, &KEY), Ok(Some(place)));
}

/// What was read is within the limits, and read again as it was.
fn assert_query(read: &FeedQuery) {
    let FeedQuery { types, limit, wait_s, .. } = read;
    assert!((1..=500).contains(limit) && *wait_s <= 20, "{read:?}");
    let names = types.as_ref().map(|types| types.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(","));
    assert!(types.as_ref().is_none_or(|types| (1..=EventType::ALL.len()).contains(&types.len())), "{read:?}");
    let numbers = [("limit", limit.to_string()), ("wait", wait_s.to_string())];
    let parameters: Vec<_> = numbers.into_iter().chain(names.map(|names| ("types", names))).collect();
    let again = accepted(parse_feed_query(&ask("", &parameters))).expect("a query");
    assert_eq!((&again.types, again.limit, again.wait_s), (types, *limit, *wait_s));
}
