//! The cursors of statements.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cashflow::{EntryId, IdempotencyKey, MerchantId, Positions, SLOTS, StatementKey, StatementPosition, parse_date};
use http_api::{CURSOR_LENGTH, Code, StatementQuery, parse_statement_query};
use jiff::Timestamp;

use crate::{
    TODAY,
    query::{accepted, ask},
    refusal::assert_refusal,
    text_line,
};

const KEY: StatementKey = StatementKey { key: [7; 64], positions: Positions::new([u64::MAX; SLOTS]) };

/// Lines with a merchant, and the date, microseconds, balance and a slot's position of a place in a statement; then a forged cursor,
/// or its inside. What cannot be read counts as some value of its kind.
pub(crate) fn cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (merchant, rest) = text_line(text);
    let (date, rest) = text_line(rest);
    let (posted_at, rest) = text_line(rest);
    let (running_balance, rest) = text_line(rest);
    let (last, forged) = text_line(rest);
    let merchant = MerchantId::parse(merchant).unwrap_or(MerchantId::parse("acme").expect("a merchant"));
    let last = last.parse().unwrap_or(u64::MAX);
    let position = StatementPosition {
        positions: Positions::new([0, 1, 2, 3, 4, 5, 6, last]),
        date: parse_date(date).unwrap_or(TODAY),
        posted_at: posted_at
            .parse()
            .ok()
            .and_then(|at| Timestamp::from_microsecond(at).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH),
        id: EntryId::derive(&merchant, &IdempotencyKey::parse("k").expect("a key")),
        running_balance: running_balance.parse().unwrap_or(i128::MIN),
    };
    let cursor = statement(None).cursor(&position, &merchant, &KEY);
    assert_eq!(statement(Some(&cursor)).position(&merchant, &KEY), Ok(Some(position)));
    assert_eq!(cursor.len(), CURSOR_LENGTH);
    assert_no_cursor(&cursor, &other(&merchant));
    // The content under a tag that is none, and a tag over other content.
    let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("base64");
    let (tag, inside) = bytes.split_at(16);
    for forgery in [
        forged.as_bytes().to_vec(),
        [&[0; 16], inside].concat(),
        [tag, forged.as_bytes()].concat(),
        [&bytes, forged.as_bytes()].concat(),
    ] {
        if forgery != bytes {
            assert_no_cursor(&URL_SAFE_NO_PAD.encode(forgery), &merchant);
        }
    }
    if forged != cursor {
        assert_no_cursor(forged, &merchant);
    }
}

fn statement(cursor: Option<&str>) -> StatementQuery {
    let parameters = [Some(("date", TODAY.to_string())), cursor.map(|cursor| ("cursor", cursor.to_owned()))];
    let parameters: Vec<_> = parameters.into_iter().flatten().collect();
    accepted(parse_statement_query(&ask("", &parameters))).expect("a statement")
}

fn assert_no_cursor(cursor: &str, merchant: &MerchantId) {
    let problem = statement(Some(cursor)).position(merchant, &KEY).expect_err("a forged cursor");
    assert_eq!(problem.code, Code::ParameterInvalid);
    assert_refusal(problem);
}

fn other(merchant: &MerchantId) -> MerchantId {
    MerchantId::parse(if merchant.as_str() == "emca" { "acme" } else { "emca" }).expect("a merchant")
}
