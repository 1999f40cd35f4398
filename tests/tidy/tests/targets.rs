//! What is compiled to be tested has tests, and what has tests is compiled to be tested.
//!
//! Cargo builds a program of tests for each library and each program, and one that runs the examples in each library's documentation,
//! unless a manifest says `test = false` and `doctest = false`. Some sixty programs without a test take minutes.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

#[test]
fn only_what_has_tests_is_compiled_for_them() {
    let targets = targets();
    assert!(targets.len() > 100);
    for target in targets {
        let name = target["src_path"].as_str().unwrap();
        // Their tests were run when they were released.
        if name.contains("/frozen/") {
            continue;
        }
        let source = source_of(Path::new(name));
        let has_tests = ["#[test]", "cfg(test)", "::test]", "proptest!"].iter().any(|mark| source.contains(mark));
        let has_examples =
            ["/// ```", "//! ```"].iter().any(|mark| source.lines().any(|line| line.trim_start().starts_with(mark)));
        match target["kind"][0].as_str().unwrap() {
            "lib" | "cdylib" => {
                assert_eq!(target["test"], has_tests, "`test` of [lib] for {name}");
                assert_eq!(target["doctest"], has_examples, "`doctest` of [lib] for {name}");
            }
            "bin" => assert_eq!(target["test"], has_tests, "`test` of [[bin]] for {name}"),
            _ => {}
        }
    }
}

/// What Cargo builds of the packages of the workspace.
fn targets() -> Vec<Value> {
    let listed = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    listed["packages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|package| package["targets"].as_array().unwrap().clone())
        .collect()
}

/// A file and the modules below it.
fn source_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let is_root = ["lib", "main", "mod"].iter().any(|name| path.file_stem().unwrap() == *name);
    let folder = if is_root { path.parent().unwrap().to_owned() } else { path.with_extension("") };
    let modules = text.lines().filter_map(|line| {
        let (visibility, name) = line.strip_suffix(';')?.split_once("mod ")?;
        (visibility.is_empty() || visibility.starts_with("pub")).then(|| name.to_owned())
    });
    let file_of = |name: String| -> Option<PathBuf> {
        [folder.join(&name).with_extension("rs"), folder.join(&name).join("mod.rs")]
            .into_iter()
            .find(|path| path.exists())
    };
    let below: Vec<String> = modules.filter_map(file_of).map(|path| source_of(&path)).collect();
    text + &below.concat()
}
