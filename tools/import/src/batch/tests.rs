use statement_file::{Keys, Reason, Row};
use test_builders::rows::{judged, row};

use super::*;

fn sizes(descriptions: &str, count: u64) -> Vec<u64> {
    let mut keys = Keys::default();
    let mut batches = vec![Batch::default()];
    for line in 0..count {
        let row = judged(row(line, descriptions), &mut keys);
        if !batches.last().unwrap().has_room_for(&row) {
            batches.push(Batch::default());
        }
        batches.last_mut().unwrap().add(row);
    }
    for batch in &batches {
        let body: usize = batch.entries.iter().map(|entry| entry.json.len() + 1).sum();
        assert!(body < 200 * 1024, "{body}");
    }
    batches.iter().map(Batch::rows).collect()
}

#[test]
fn batches_are_bounded_by_entries_and_by_bytes() {
    assert_eq!(sizes("short", 1_100), [500, 500, 100]);
    let long = sizes(&"🧾".repeat(255), 450);
    assert_eq!(long, [152, 152, 146]);
}

#[test]
fn refused_rows_are_bounded_too() {
    let mut keys = Keys::default();
    let mut batch = Batch::default();
    let refused = || Row { content: Err(vec![Reason::new("row", "bad")]), ..row(1, "x") };
    while batch.has_room_for(&judged(refused(), &mut keys)) {
        batch.add(judged(refused(), &mut keys));
    }
    assert_eq!(batch.rows(), REFUSED_MAX as u64);
}
