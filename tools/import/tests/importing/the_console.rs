//! The console reads the same rows under the same keys: `console/wasm/tests/answers` holds what it answers about each file.

use std::collections::BTreeMap;

use base64::engine::general_purpose::STANDARD;

use super::*;

/// The options of the page as those of the command line.
fn options_of(options: &Value) -> Vec<String> {
    let mut words = Vec::new();
    for (name, value) in options.as_object().unwrap() {
        let option = format!("--{}", name.replace('_', "-"));
        match (name.as_str(), value) {
            ("format" | "today", _) => {}
            ("mapping", Value::Array(pairs)) => {
                for pair in pairs {
                    words.extend([
                        "--map".to_owned(),
                        format!("{}={}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()),
                    ]);
                }
            }
            (_, Value::Bool(true)) => words.push(option),
            (_, Value::String(text)) => words.extend([option, text.clone()]),
            (_, other) => panic!("{name}: {other}"),
        }
    }
    words
}

#[test]
fn the_console_reads_the_same_rows_under_the_same_keys() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/wasm/tests");
    let read = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let mut rows = 0;
    for case in read(tests.join("cases.json")).as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let (server, folder) = (Server::start(), Folder::new());
        let file = folder.write(name, fs::read(tests.join("files").join(name)).unwrap());
        let options = options_of(&case["options"]);
        let options: Vec<&str> = ["--url", &server.url].into_iter().chain(options.iter().map(String::as_str)).collect();
        let (_, out, errors) = run(&file, &options);
        let answer = read(tests.join("answers").join(format!("{name}.json")))["answer"].clone();
        let expected: BTreeMap<String, Value> = answer["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                (row["key"].as_str().unwrap().to_owned(), serde_json::from_str(row["entry"].as_str().unwrap()).unwrap())
            })
            .collect();
        assert_eq!(server.entries(), expected, "{name}: {out}{errors}");
        let refused = fs::read(folder.path(&format!("{name}.refused.csv"))).unwrap_or_default();
        assert_eq!(STANDARD.encode(refused), answer["refused_csv"].as_str().unwrap(), "{name}");
        rows += expected.len();
    }
    assert!(rows > 20, "{rows}");
}
