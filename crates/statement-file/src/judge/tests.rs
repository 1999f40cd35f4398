use test_builders::{TODAY, entry};

use super::*;
use crate::rows::Traits;

fn row(line: u64, description: &str) -> Row {
    let request = entry("any").debit("1.5").on("2026-11-22").described(description).request();
    let movement = Movement {
        request,
        date: TODAY,
        account: None,
        id: Some(line.to_string()),
        ignored_id: None,
        entry_id: None,
        misread: None,
    };
    Row { line, cells: ByteRecord::new(), content: Ok(movement), traits: Traits::default() }
}

fn prepared(row: Row, keys: &mut Keys) -> Judged {
    prepare(0, row, &Survey::default(), keys)
}

#[test]
fn an_entry_is_the_json_that_the_server_takes() {
    let Judged::Send(prepared) = prepared(row(2, "Pão \"x\""), &mut Keys::default()) else { panic!() };
    let json: serde_json::Value = serde_json::from_str(&prepared.json).unwrap();
    let key = json["idempotency_key"].as_str().unwrap();
    assert!(key.starts_with("import-"), "{key}");
    let expected = serde_json::json!({
        "idempotency_key": key, "type": "debit", "amount": "1.50", "currency": "BRL", "date": "2026-11-22",
        "description": "Pão \"x\""
    });
    assert_eq!(json, expected);
}
