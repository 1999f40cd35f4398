//! Gives every check the inputs that are kept: examples of what parsers meet, and what once broke one.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::BTreeSet,
    fs, panic,
    path::{Path, PathBuf},
};

use parser_checks::{CHECKS, check};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn names(entries: &[PathBuf]) -> BTreeSet<&str> {
    entries.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect()
}

fn check_all_below(folder: &Path) {
    let mut broken = Vec::new();
    for inputs in entries(folder).iter().filter(|path| path.is_dir()) {
        let name = inputs.file_name().unwrap().to_str().unwrap();
        for input in entries(inputs) {
            let data = fs::read(&input).unwrap();
            if panic::catch_unwind(|| check(name, &data)).is_err() {
                broken.push(input);
            }
        }
    }
    assert!(broken.is_empty(), "inputs that break a check: {broken:#?}");
}

#[test]
fn every_parser_holds_what_is_promised_of_it_for_the_inputs_of_the_corpus() {
    check_all_below(&folder("corpus"));
}

#[test]
fn what_once_broke_a_parser_breaks_it_no_more() {
    check_all_below(&folder("findings"));
}

#[test]
fn every_finding_is_described() {
    let descriptions = fs::read_to_string(folder("findings/README.md")).unwrap();
    for target in entries(&folder("findings")).iter().filter(|path| path.is_dir()) {
        for finding in entries(target) {
            let name = finding.strip_prefix(folder("findings")).unwrap().display().to_string();
            assert!(descriptions.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn every_check_has_a_corpus_and_a_fuzz_target() {
    let checks: BTreeSet<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names(&entries(&folder("corpus"))), checks);
    assert_eq!(names(&entries(&folder("../../fuzz/fuzz_targets"))), checks);
}
