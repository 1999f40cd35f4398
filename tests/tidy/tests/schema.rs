//! The template knows which schema it deploys.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// What `migrate-ledger` brings into the database: migrations, and the functions that it replaces.
const FOLDERS: [&str; 2] = ["migrations", "crates/ledger/src/sql"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files of a folder and below it, in the order of their names.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// SHA-256 over name, length and content of each file, in hexadecimal digits.
fn digest_of(root: &Path, folders: &[&str]) -> String {
    let mut digest = Sha256::new();
    for path in folders.iter().flat_map(|folder| files_below(&root.join(folder))) {
        let content = fs::read(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        digest.update(format!("{name}\n{}\n", content.len()));
        digest.update(content);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// CloudFormation calls `migrate-ledger` again when a property of its resource changes, and not because its code did.
#[test]
fn the_templates_schema_digest_is_that_of_the_migrations() {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    let given = template.split("SchemaDigest:").nth(1).map(|rest| rest.split_whitespace().next().unwrap());
    let expected = digest_of(&root(), &FOLDERS);
    assert_eq!(given, Some(expected.as_str()), "in template.yaml, write SchemaDigest: {expected}");
}

#[test]
fn the_digest_changes_with_every_name_and_content() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    fs::create_dir_all(folder.path().join("sql/below")).unwrap();
    write("sql/a.sql", "1");
    write("sql/below/b.sql", "2");
    write("other.sql", "not a part of it");
    let digest = || digest_of(folder.path(), &["sql"]);
    let first = digest();
    write("other.sql", "still not");
    assert_eq!(digest(), first);
    write("sql/below/b.sql", "3");
    let second = digest();
    assert_ne!(second, first);
    fs::rename(folder.path().join("sql/a.sql"), folder.path().join("sql/c.sql")).unwrap();
    assert_ne!(digest(), second);
}
