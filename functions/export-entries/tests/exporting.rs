//! What `export-entries` answers, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use cashflow::Entry;
use lambda_http::{Body, Response};
use ledger::Ledger;
use test_builders::{acme, entry};
use test_events::HttpEvent;
use test_stores::Database;

fn described(key: &str, minor: i64, date: &str, description: &str) -> Entry {
    entry(key).minor(minor).on(date).described(description).category("=cmd").build()
}

async fn get(ledger: &Ledger, event: &HttpEvent) -> (Response<Body>, String) {
    let response = export_entries::handle(ledger, &event.request()).await;
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    (response, text)
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// The days 2026-11-01 to 2026-11-30.
fn month() -> HttpEvent {
    HttpEvent::load("export-entries/month")
}

#[tokio::test]
async fn a_range_is_one_document_in_order_of_date_with_no_formula_in_it() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    let entries = [
        described("1", 500, "2026-10-31", "before"),
        described("2", -1_234, "2026-11-22", "=HYPERLINK(\"x\"),1"),
        described("3", 100, "2026-11-01", "plain"),
        described("4", 100, "2026-12-01", "after"),
    ];
    for entry in &entries {
        ledger.post(&acme(), std::slice::from_ref(entry)).await.unwrap();
    }
    let (response, text) = get(&ledger, &month()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "link"), None);
    let lines: Vec<&str> = text.split("\r\n").collect();
    let start = format!("2026-11-01,{},credit,1.00,BRL,plain,'=cmd,,2", entries[2].id);
    assert!(lines[1].starts_with(&start) && lines[1].ends_with("Z,,false,6.00"), "{}", lines[1]);
    let start = format!("2026-11-22,{},debit,12.34,BRL,\"'=HYPERLINK(\"\"x\"\"),1\",'=cmd,,2", entries[1].id);
    assert!(lines[2].starts_with(&start) && lines[2].ends_with("Z,,false,-6.34"), "{}", lines[2]);
    assert_eq!(lines[3..], [""]);
}

#[tokio::test]
async fn a_range_too_long_for_one_answer_goes_on_behind_a_link() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    // Quotes are what takes the most room: two in CSV, four in the JSON around it.
    let longest = "\"".repeat(255);
    for batch in 0..13 {
        let entries: Vec<Entry> =
            (0..500).map(|n| described(&format!("{batch}-{n}"), 1, "2026-11-22", &longest)).collect();
        ledger.post(&acme(), &entries).await.unwrap();
    }
    let mut lines = 0;
    let mut pages = 0;
    let mut last_balance;
    let mut query = "from=2026-11-01&to=2026-11-30&currency=BRL".to_owned();
    loop {
        let (response, text) = get(&ledger, &month().query(&query)).await;
        // Lambda answers up to 6 MB of JSON, in which the body is a string; a page keeps well below.
        assert!(serde_json::to_string(&text).unwrap().len() <= 5_000_000);
        pages += 1;
        lines += text.lines().count() - 1;
        last_balance = text.lines().last().unwrap().rsplit(',').next().unwrap().to_owned();
        let Some(link) = header(&response, "link") else { break };
        let link = link.strip_prefix("<entries.csv?").unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        query = link.to_owned();
    }
    assert_eq!((lines, last_balance.as_str()), (13 * 500, "65.00"));
    assert!(pages > 1);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_as_a_problem() {
    let database = Database::create().await;
    let ledger = Ledger::new(database.config());
    for query in [
        "",
        "from=2026-11-01",
        "from=2026-11-02&to=2026-11-01",
        "from=2024-01-01&to=2026-01-01",
        "from=2026-11-01&to=2026-11-30&limit=5",
    ] {
        let (response, text) = get(&ledger, &month().query(query)).await;
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(header(&response, "content-type"), Some("application/problem+json"));
        assert!(text.contains("parameter_invalid"), "{text}");
    }
}
