//! What the module answers about each file of `cases.json`. The same answers are expected of the module as WebAssembly
//! (`module.test.mjs`), and the same rows of the command `import` (`tools/import/tests`).

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde_json::{Value, json};
use statement_file_wasm::{inspect, read};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Answers that are not as they were are written anew with INSTA_UPDATE=always, as snapshots are.
#[test]
fn files_are_answered_as_they_were() {
    let cases: Vec<Value> = serde_json::from_slice(&fs::read(folder().join("cases.json")).unwrap()).unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let name = case["file"].as_str().unwrap();
        let file = fs::read(folder().join("files").join(name)).unwrap();
        let value = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        let answers = json!({
            "inspection": value(inspect(&file)),
            "answer": value(read(&file, case["options"].to_string().as_bytes())),
        });
        let path = folder().join("answers").join(format!("{name}.json"));
        if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&answers).unwrap())).unwrap();
        }
        let expected: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(answers, expected, "{name}");
    }
}

#[test]
fn what_is_wrong_with_file_or_options_is_an_error_with_its_option() {
    let error = |file: &[u8], options: Value| -> Value {
        let answer: Value = serde_json::from_str(&read(file, options.to_string().as_bytes())).unwrap();
        answer["error"].clone()
    };
    let csv = |more: Value| {
        let mut options = json!({"format": "csv", "today": "2026-12-01", "mapping": [["date", "d"], ["amount", "a"]]});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    for (more, option) in [
        (json!({"today": "soon"}), "today"),
        (json!({"currency": "brl"}), "currency"),
        (json!({"delimiter": "ç"}), "delimiter"),
        (json!({"date_format": "%d/%m"}), "date_format"),
        (json!({"mapping": [["date", "d"]]}), "mapping"),
    ] {
        assert_eq!(error(b"d,a\n", csv(more))["option"], option);
    }
    assert!(error(b"d,a\n", json!({"format": "xls"}))["detail"].as_str().unwrap().contains("xls"));
    assert_eq!(error(b"", csv(json!({})))["detail"], "the file is empty");
    assert_eq!(error(b"d,b\n", csv(json!({})))["detail"], "the file has no column \"a\"; its columns are \"d\", \"b\"");
    let ofx = json!({"format": "ofx", "today": "2026-12-01"});
    assert_eq!(error(b"d,a\n", ofx)["detail"], "line 2: there is no element OFX: is this an OFX file?");
}

#[test]
fn a_refused_row_names_the_option_that_decides_it() {
    let options = json!({"format": "csv", "today": "2026-12-01", "mapping": [["date", "d"], ["amount", "a"]]});
    let answer: Value =
        serde_json::from_str(&read(b"d;a\n2026-11-01;1,234\n", options.to_string().as_bytes())).unwrap();
    assert_eq!(answer["refused"][0]["reasons"][0]["options"], json!(["decimal"]));
}

proptest! {
    #[test]
    fn any_bytes_and_options_are_answered_with_json(
        file in prop::collection::vec(prop::sample::select(b"da,;\"\n\r\t 1-.()R$\0\xe9\xc3\xa3<>OFXSTMTRN/&".to_vec()), 0..200),
        options in prop::sample::select(vec!["ofx", "csv", ""]),
        junk in "\\PC{0,40}",
    ) {
        let mapping = json!([["date", "d"], ["amount", "a"]]);
        let named = json!({"format": options, "today": "2026-12-01", "mapping": mapping}).to_string();
        for file in [file.clone(), [b"d,a\n", &file[..]].concat(), [b"<OFX>", &file[..]].concat()] {
            for options in [named.as_str(), junk.as_str()] {
                prop_assert!(serde_json::from_str::<Value>(&read(&file, options.as_bytes())).is_ok());
            }
            prop_assert!(serde_json::from_str::<Value>(&inspect(&file)).is_ok());
        }
    }
}
