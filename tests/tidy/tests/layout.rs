//! The parts of the repository that name each other agree.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use test_events::event;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names in a folder, without hidden ones.
fn names(folder: &str) -> BTreeSet<String> {
    fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect()
}

#[test]
fn the_template_builds_every_function_and_no_other() {
    let template = read("template.yaml");
    let binaries = template.split("Binary: ").skip(1).filter_map(|rest| rest.split_whitespace().next());
    assert_eq!(binaries.map(str::to_owned).collect::<BTreeSet<_>>(), names("functions"));
}

#[test]
fn every_function_has_events_and_every_event_can_be_read() {
    assert_eq!(names("events"), names("functions"));
    for function in names("events") {
        let cases = names(&format!("events/{function}"));
        assert!(!cases.is_empty(), "{function} has no event");
        for case in cases {
            event(&format!("{function}/{}", case.strip_suffix(".json").expect("a JSON file")));
        }
    }
}

#[test]
fn architecture_describes_every_function_service_and_crate_once() {
    let architecture = read("ARCHITECTURE.md");
    for (folder, name) in names("functions")
        .iter()
        .map(|name| ("functions", name))
        .chain(names("services").iter().map(|name| ("services", name)))
        .chain(names("crates").iter().map(|name| ("crates", name)))
    {
        let part = format!("`{folder}/{name}`");
        assert!(architecture.contains(&part), "{part}");
        let rows = architecture.matches(&format!("\n| {part} |")).count();
        assert!(rows <= 1, "{rows} rows of {part}");
    }
}

#[test]
fn every_decision_is_listed() {
    let index = read("docs/adr/README.md");
    let contents = read("docs/SUMMARY.md");
    for record in names("docs/adr").iter().filter(|name| *name != "README.md") {
        assert!(index.contains(&format!("({record})")), "docs/adr/README.md: {record}");
        assert!(contents.contains(&format!("(adr/{record})")), "docs/SUMMARY.md: {record}");
    }
}

#[test]
fn every_test_that_architecture_names_exists() {
    let sources: String =
        ["crates", "functions", "services", "tests", "tools"].map(|folder| source_below(&root().join(folder))).concat();
    let architecture = read("ARCHITECTURE.md");
    let traps = architecture.split("## Traps").nth(1).expect("the section on traps");
    let tests: Vec<&str> = traps.split('`').filter(|word| word.contains('_') && !word.contains(' ')).collect();
    assert!(!tests.is_empty());
    for test in tests {
        let exists = ["fn", "def"].iter().any(|keyword| sources.contains(&format!("{keyword} {test}(")));
        assert!(exists, "{test}");
    }
}

/// What is longer is no fact any more: the rest of it belongs into the test's doc comment.
const TEST_NAME_CHARACTERS_MAX: usize = 70;

#[test]
fn names_of_tests_are_short() {
    let folders = ["bench", "console/wasm", "crates", "functions", "fuzz", "services", "tests", "tools"];
    let sources: String = folders.map(|folder| source_below(&root().join(folder))).concat();
    let names: Vec<&str> = sources
        .lines()
        .filter_map(|line| line.trim_start().trim_start_matches("async ").split_once('(')?.0.split_once(' '))
        .filter(|(keyword, _)| ["fn", "def"].contains(keyword))
        .map(|(_, name)| name.trim_start_matches("test_"))
        .collect();
    assert!(
        names.contains(&"names_of_tests_are_short") && names.contains(&"fifty_posts_of_one_key_at_once_are_one_entry")
    );
    let long: Vec<&&str> = names.iter().filter(|name| name.len() > TEST_NAME_CHARACTERS_MAX).collect();
    assert!(long.is_empty(), "longer than {TEST_NAME_CHARACTERS_MAX} characters: {long:#?}");
}

/// All Rust and Python code in a folder and below it.
fn source_below(folder: &Path) -> String {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => source_below(&path),
            Some("rs" | "py") => fs::read_to_string(&path).unwrap(),
            _ => String::new(),
        })
        .collect()
}

/// What PostgreSQL says of a failure may quote a row, and what AWS says a request: errors carry what is left without that.
#[test]
fn no_error_carries_what_a_store_quotes() {
    let source = ["crates", "functions", "services"].map(|folder| source_below(&root().join(folder))).concat();
    for quoting in ["tokio_postgres::Error)", "refinery::Error)", "SdkError<"] {
        for attribute in ["#[source] ", "#[from] ", "#[source] Box<", "#[from] Box<"] {
            let carried = format!("{attribute}{quoting}");
            assert!(!source.contains(&carried), "`{carried}`: use ledger::PostgresError or aws_clients::AwsError");
        }
    }
}

/// Dependencies point inward: functions to crates, and among the crates only where this table says.
#[test]
fn dependencies_point_inward() {
    let allowed = BTreeMap::from([
        ("cashflow", vec![]),
        ("settings", vec![]),
        ("aws-clients", vec!["settings"]),
        ("balances", vec!["aws-clients", "cashflow", "telemetry"]),
        ("circuit-breaker", vec![]),
        ("entry-log", vec!["aws-clients", "settings", "telemetry", "workflow"]),
        ("executions", vec!["aws-clients", "settings", "telemetry"]),
        ("http-api", vec!["cashflow", "settings", "telemetry"]),
        ("http-server", vec!["aws-clients", "http-api", "settings", "telemetry"]),
        (
            "intake",
            vec![
                "cashflow",
                "circuit-breaker",
                "executions",
                "http-api",
                "ledger",
                "idempotency-cache",
                "settings",
                "telemetry",
                "workflow",
            ],
        ),
        ("ledger", vec!["aws-clients", "cashflow", "settings", "telemetry"]),
        ("idempotency-cache", vec!["aws-clients", "cashflow", "circuit-breaker", "settings", "telemetry"]),
        ("sealing", vec!["aws-clients", "balances", "cashflow", "ledger", "settings"]),
        ("statement-file", vec!["cashflow"]),
        ("telemetry", vec!["settings"]),
        ("webhooks", vec!["aws-clients", "cashflow", "settings", "telemetry"]),
        ("workflow", vec!["cashflow", "telemetry"]),
    ]);
    let crates = names("crates");
    assert_eq!(allowed.keys().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), crates);
    for (name, allowed) in allowed {
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        let own = dependencies
            .lines()
            .filter_map(|line| line.split(['.', ' ']).next())
            .filter(|dependency| crates.contains(*dependency));
        assert_eq!(own.collect::<Vec<_>>(), allowed, "{name}");
    }
}

/// API Gateway does it for them.
#[test]
fn no_function_is_built_with_an_http_server() {
    for folder in ["crates", "functions"] {
        for name in names(folder).into_iter().filter(|name| name != "http-server") {
            let manifest = read(&format!("{folder}/{name}/Cargo.toml"));
            let built = manifest.split("[dev-dependencies]").next().unwrap();
            for dependency in ["axum", "http-server", "hyper", "jsonwebtoken"] {
                // What sends webhooks connects to the address that was checked, which no ready client does.
                let lines = built.lines().filter(|line| line.starts_with(dependency));
                let mut servers = lines.filter(|line| name != "webhooks" || line.contains("server"));
                assert_eq!(servers.next(), None, "{folder}/{name}");
            }
        }
    }
    assert!(read("Cargo.toml").contains("default-members = [\"functions/*\"]"), "what `cargo build` builds");
}

/// It is C, takes longer to compile than most else, and brings OpenSSL: only the services pay for that (docs/adr/0030).
#[test]
fn no_function_is_built_with_the_kafka_client() {
    let dependents = |dependency: &str| -> BTreeSet<String> {
        let manifests = ["crates", "functions", "services", "tests"].map(|folder| {
            names(folder).into_iter().map(move |name| format!("{folder}/{name}")).filter(|path| {
                let manifest = fs::read_to_string(root().join(path).join("Cargo.toml")).unwrap_or_default();
                let line = format!("\n{dependency}");
                manifest.split("[dev-dependencies]").next().unwrap().contains(&line)
            })
        });
        manifests.into_iter().flatten().collect()
    };
    let set = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(dependents("rdkafka"), set(&["crates/entry-log", "tests/kafka"]));
    let services = ["services/consolidation", "services/entries", "services/worker"];
    assert_eq!(dependents("entry-log"), set(&[&services[..], &["tests/kafka"]].concat()));
    assert!(read("Cargo.toml").contains("default-members = [\"functions/*\"]"), "what `cargo build` builds");
}

#[test]
fn the_domain_has_no_io_and_no_async() {
    let manifest = read("crates/cashflow/Cargo.toml");
    for dependency in ["tokio", "futures", "serde", "aws", "redis", "postgres", "tracing"] {
        assert!(!manifest.contains(dependency), "{dependency}");
    }
}

/// It runs in browsers, too, and says the same there.
#[test]
fn reading_statements_needs_no_io_no_async_no_clock_and_no_threads() {
    let manifest = read("crates/statement-file/Cargo.toml");
    for dependency in ["tokio", "futures", "clap", "ureq", "rustls", "fastrand", "tracing"] {
        assert!(!manifest.contains(dependency), "{dependency}");
    }
    let source = source_below(&root().join("crates/statement-file/src"));
    for used in
        ["std::fs", "std::env", "std::net", "std::thread", "std::time", "Timestamp::now", "Zoned::now", "in_tz("]
    {
        assert!(!source.contains(used), "{used}");
    }
}
