//! The description of the API, the code behind it, the template and the API guide say the same.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use cashflow::{CATEGORY_CHARACTERS_MAX, Currency, DESCRIPTION_CHARACTERS_MAX, EventType};
use http_api::{BATCH_ENTRIES_MAX, Code, EntryCsv, FaultCode, Problem, RANGE_DAYS_MAX, parse_export_query};
use serde_json::{Value, json};
use statement_file::EXPORT_COLUMNS;
use test_events::HttpEvent;

const PROBLEM: &str = "application/problem+json";

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn description() -> Value {
    serde_saphyr::from_str(&read("openapi.yaml")).unwrap()
}

/// What a reference leads to; anything else is itself.
fn resolved<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => description.pointer(reference.strip_prefix('#').unwrap()).expect(reference),
        None => value,
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// `POST /entries` and the like, with what is said of it.
fn operations(description: &Value) -> Vec<(String, &Value)> {
    members(&description["paths"])
        .flat_map(|(path, item)| {
            members(item).map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
        })
        .collect()
}

/// What is said of an operation's problems of one status.
struct DescribedProblem {
    operation: String,
    status: u16,
    codes: BTreeSet<String>,
    examples: BTreeMap<String, Value>,
}

fn problems(description: &Value) -> Vec<DescribedProblem> {
    let mut problems = Vec::new();
    for (operation, described) in operations(description) {
        for (status, response) in members(&described["responses"]) {
            let content = &resolved(description, response)["content"][PROBLEM];
            if content.is_null() {
                continue;
            }
            let narrowed = &content["schema"]["allOf"][1]["properties"];
            let status: u16 = status.parse().unwrap();
            assert_eq!(narrowed["status"]["const"], status, "{operation}");
            let codes = narrowed["code"]["enum"].as_array().expect(&operation).iter();
            let codes = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
            let examples = members(&content["examples"])
                .map(|(name, example)| (name.clone(), resolved(description, example)["value"].clone()))
                .collect();
            problems.push(DescribedProblem { operation: operation.clone(), status, codes, examples });
        }
    }
    problems
}

fn codes_by_status(pairs: impl IntoIterator<Item = (u16, String)>) -> BTreeMap<u16, BTreeSet<String>> {
    let mut codes = BTreeMap::<u16, BTreeSet<String>>::new();
    for (status, code) in pairs {
        codes.entry(status).or_default().insert(code);
    }
    codes
}

fn codes_of_the_code() -> BTreeMap<u16, BTreeSet<String>> {
    codes_by_status(Code::ALL.map(|code| (code.status().as_u16(), code.as_str().to_owned())))
}

#[test]
fn the_template_routes_every_operation_and_no_other() {
    let template = read("template.yaml");
    let routes = template.lines().filter_map(|line| line.trim().strip_prefix("RouteKey: "));
    let routes: BTreeSet<String> = routes.map(str::to_owned).collect();
    let description = description();
    let operations: BTreeSet<String> = operations(&description).into_iter().map(|(name, _)| name).collect();
    assert_eq!(operations, routes);
}

#[test]
fn every_problem_code_is_described_with_its_status_and_no_other() {
    let description = description();
    let described = problems(&description)
        .into_iter()
        .flat_map(|problem| problem.codes.into_iter().map(move |code| (problem.status, code)));
    assert_eq!(codes_by_status(described), codes_of_the_code());
}

#[test]
fn every_code_of_a_fault_is_described_and_no_other() {
    let schema = &description()["components"]["schemas"]["FaultCode"];
    let described: Vec<&str> = schema["enum"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    let answered = serde_json::to_value(FaultCode::ALL).unwrap();
    assert_eq!(json!(described), answered);
    let text = schema["description"].as_str().unwrap();
    let explained = text.lines().filter_map(|line| line.strip_prefix("- `")?.split_once('`'));
    assert_eq!(explained.map(|(code, _)| code).collect::<Vec<_>>(), described);
}

#[test]
fn the_api_guide_lists_the_same_codes() {
    let guide = read("docs/api-guide.md");
    let rows = guide.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let status: u16 = cells.next()?.parse().ok()?;
        Some((status, cells.next()?))
    });
    // Words in code quotes; a header is no code.
    let is_code = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let listed = rows.flat_map(|(status, codes)| {
        let codes = codes.split('`').skip(1).step_by(2).filter(is_code);
        codes.map(move |code| (status, code.to_owned())).collect::<Vec<_>>()
    });
    assert_eq!(codes_by_status(listed), codes_of_the_code());
}

/// As the code answers it.
#[test]
fn every_problem_has_a_true_example_for_each_of_its_codes() {
    for DescribedProblem { operation, status, codes, examples } in problems(&description()) {
        assert_eq!(examples.keys().cloned().collect::<BTreeSet<_>>(), codes, "{operation}, {status}");
        for (code, example) in examples {
            let known = Code::ALL.into_iter().find(|known| known.as_str() == code).expect(&code);
            let answer = Problem::new(known, example["detail"].as_str().unwrap()).into_response();
            let bytes: &[u8] = answer.body();
            let mut answered: Value = serde_json::from_slice(bytes).unwrap();
            // What was wrong with the request of the example is its own.
            answered["errors"] = example["errors"].clone();
            let mut example = example;
            example["errors"] = answered["errors"].clone();
            assert_eq!(example, answered, "{operation}");
        }
    }
}

#[test]
fn problems_that_pass_say_when_to_ask_again() {
    let description = description();
    let passing = BTreeSet::from([
        "temporarily_unavailable",
        "not_yet_posted",
        "not_settled",
        "not_yet_reflected",
        "seal_in_progress",
        "too_many_redeliveries",
        "too_many_rotations",
    ]);
    for (name, operation) in operations(&description) {
        for (status, response) in members(&operation["responses"]) {
            let response = resolved(&description, response);
            let codes = &response["content"][PROBLEM]["schema"]["allOf"][1]["properties"]["code"]["enum"];
            let passes = codes.as_array().into_iter().flatten().any(|code| passing.contains(code.as_str().unwrap()));
            assert_eq!(response["headers"]["Retry-After"].is_object(), passes, "{name}, {status}");
        }
    }
}

#[test]
fn currencies_and_their_digits_are_those_of_the_code() {
    let schemas = &description()["components"]["schemas"];
    let codes = |value: &Value| -> BTreeSet<String> {
        value["enum"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
    };
    let of_fit = |pointer: &str| {
        let rule = schemas["AmountFitsCurrency"].pointer(pointer).expect(pointer);
        codes(&rule["if"]["properties"]["currency"])
    };
    let described = BTreeMap::from([(0, of_fit("")), (3, of_fit("/else")), (4, of_fit("/else/else"))]);

    let mut known = BTreeSet::new();
    let mut not_of_2_digits = BTreeMap::<u32, BTreeSet<String>>::new();
    for code in three_letters() {
        let Ok(currency) = Currency::parse(&code) else { continue };
        known.insert(code.clone());
        if currency.minor_digits() != 2 {
            not_of_2_digits.entry(currency.minor_digits()).or_default().insert(code);
        }
    }
    assert_eq!(codes(&schemas["Currency"]), known);
    assert_eq!(described, not_of_2_digits);
    let text = schemas["AmountFitsCurrency"]["description"].as_str().unwrap();
    for code in not_of_2_digits.values().flatten() {
        assert!(text.contains(code.as_str()), "{code}");
    }
}

fn three_letters() -> impl Iterator<Item = String> {
    let letters = || 'A'..='Z';
    letters().flat_map(move |a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))))
}

#[test]
fn limits_are_those_of_the_code() {
    let schemas = &description()["components"]["schemas"];
    assert_eq!(schemas["Description"]["maxLength"], DESCRIPTION_CHARACTERS_MAX);
    assert_eq!(schemas["Category"]["maxLength"], CATEGORY_CHARACTERS_MAX);
    assert_eq!(schemas["BatchRequest"]["properties"]["entries"]["maxItems"], BATCH_ENTRIES_MAX);
    assert_eq!(schemas["DailyBalances"]["properties"]["balances"]["maxItems"], RANGE_DAYS_MAX);
}

/// Of events there is a schema, a webhook with an example, and a name in the table for each type, and no other.
#[test]
fn every_type_of_event_is_described_and_no_other() {
    let description = description();
    let schemas = &description["components"]["schemas"];
    let known: Vec<&str> = EventType::ALL.map(EventType::as_str).into();
    assert_eq!(schemas["EventType"]["enum"], json!(known));
    let mapping = &schemas["Event"]["discriminator"]["mapping"];
    assert_eq!(
        members(mapping).map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(),
        known.iter().copied().collect()
    );
    for (name, reference) in members(mapping) {
        let schema = description.pointer(reference.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
        assert_eq!(schema["properties"]["type"]["const"], json!(name));
        let webhook = &description["webhooks"][name.replace(['.', '_'], "-")]["post"];
        let body = &webhook["requestBody"]["content"]["application/json"];
        assert_eq!(&body["schema"]["$ref"], reference, "{name}");
        assert_eq!(body["examples"]["event"]["value"]["type"], json!(name));
    }
    assert_eq!(members(&description["webhooks"]).count(), known.len());
    let tables = [text_of_tag(&description, "Events").to_owned(), read("docs/events.md")];
    for table in tables {
        let rows = table.lines().filter_map(|line| line.trim_start().strip_prefix("| `")?.split_once('`'));
        let named: Vec<&str> = rows.map(|(name, _)| name).filter(|name| EventType::parse(name).is_some()).collect();
        assert_eq!(named, known);
    }
}

fn text_of_tag<'a>(description: &'a Value, name: &str) -> &'a str {
    let tags = description["tags"].as_array().unwrap();
    tags.iter().find(|tag| tag["name"] == name).unwrap()["description"].as_str().unwrap()
}

/// Who writes a client by the description must not be able to send what it does not describe, nor miss what is answered.
#[test]
fn every_object_that_is_sent_or_answered_is_closed() {
    let description = description();
    for (name, schema) in members(&description["components"]["schemas"]) {
        // The gateway's message is AWS's, and AWS may add to it.
        if schema["type"] == "object" && name != "GatewayMessage" {
            assert_eq!(schema["additionalProperties"], false, "{name}");
            let is_sent = name.ends_with("Request") || name == "BatchEntry";
            let required = schema["required"].as_array().map_or(0, Vec::len);
            let optional = match name.as_str() {
                // A problem lists its faults only where it has some; an entry's execution is for operators; a crossing may be of no
                // entry.
                "Problem" | "PostedEntry" | "PendingEntry" | "OvertakenReversal" | "AlertCrossing" => 1,
                // Two secrets for a day, a reason while it is disabled; an attempt, and another one; an answer or a failure.
                "WebhookEndpoint" | "Delivery" | "DeliveryAttempt" => 2,
                _ => 0,
            };
            assert!(is_sent || required + optional == members(&schema["properties"]).count(), "{name}");
        }
    }
}

/// An export is imported without `--map`, because its columns are known.
#[test]
fn the_importer_knows_the_columns_that_the_export_writes() {
    let query = parse_export_query(&HttpEvent::load("export-entries/month").request()).unwrap();
    let answer = EntryCsv::new(&query).into_response(None);
    let csv = std::str::from_utf8(answer.body()).unwrap();
    assert_eq!(csv.lines().next(), Some(EXPORT_COLUMNS.join(",").as_str()));
}
