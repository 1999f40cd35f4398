use super::*;

fn origin() -> Origin {
    Origin::new("f".to_owned(), "r".to_owned(), "https://api.example".to_owned(), "acme".to_owned())
}

fn done(rows: u64) -> Done {
    Done { rows, refused_bytes: rows / 10, tally: Tally::default() }
}

fn open(path: &Path) -> (Journal, Found) {
    Journal::open(path, origin()).unwrap()
}

#[test]
fn an_import_goes_on_where_its_journal_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut journal, found) = open(&path);
    assert_eq!(found, Found::Nothing);
    assert_eq!(open(&path).1, Found::Resumable(Done::default()));
    journal.record(&done(500)).unwrap();
    journal.record(&done(1_000)).unwrap();
    let (mut journal, found) = open(&path);
    assert_eq!(found, Found::Resumable(done(1_000)));
    journal.record(&done(1_500)).unwrap();
    assert_eq!(open(&path).1, Found::Resumable(done(1_500)));
    journal.begin().unwrap();
    assert_eq!(open(&path).1, Found::Resumable(Done::default()));
    journal.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn whatever_is_torn_or_damaged_at_the_end_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut journal, _) = open(&path);
    journal.record(&done(500)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    journal.record(&done(1_000)).unwrap();
    let longer = std::fs::read(&path).unwrap();
    for length in whole.len()..longer.len() {
        std::fs::write(&path, &longer[..length]).unwrap();
        let (mut journal, found) = open(&path);
        assert_eq!(found, Found::Resumable(done(500)), "{length}");
        journal.record(&done(1_000)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), longer, "{length}");
    }
    for rest in [&b"\0\0\0\0"[..], b"{}\n", b"nonsense\n{\"rows\":9}\n", &[b'x'; 200_000]] {
        std::fs::write(&path, [&whole, rest].concat()).unwrap();
        assert_eq!(open(&path).1, Found::Resumable(done(500)), "{rest:?}");
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_torn_first_line_or_another_file_is_no_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    for content in ["{\"journal\":1", "date,amount\n1,2\n", "\0", "[]\n"] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(open(&path).1, Found::Unreadable, "{content}");
        assert_eq!(open(&path).1, Found::Resumable(Done::default()), "{content}");
    }
}

#[test]
fn the_journal_of_another_import_is_not_used() {
    let text = str::to_owned;
    let cases = [
        (Origin { file_sha256: text("g"), ..origin() }, "content of the file"),
        (Origin { reading_sha256: text("s"), ..origin() }, "mapping or other options"),
        (Origin { url: text("https://other.example"), ..origin() }, "URL"),
        (Origin { merchant: text("other"), ..origin() }, "merchant"),
        (Origin { journal: 2, ..origin() }, "version"),
    ];
    for (other, difference) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path, other).unwrap();
        journal.record(&done(500)).unwrap();
        assert_eq!(open(&path).1, Found::Other(difference));
        assert_eq!(open(&path).1, Found::Resumable(Done::default()));
    }
}
