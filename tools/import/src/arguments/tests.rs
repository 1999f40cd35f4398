use clap::CommandFactory;

use super::*;

fn task(words: &str) -> Result<Task, ArgumentError> {
    Arguments::try_parse_from(["import"].into_iter().chain(words.split_whitespace())).unwrap().into_task()
}

#[test]
fn the_command_line_is_well_formed_and_its_help_complete() {
    Arguments::command().debug_assert();
    let help = Arguments::command().render_long_help().to_string();
    for word in CREDIT_WORDS.iter().chain(&DEBIT_WORDS) {
        assert!(help.contains(word), "{word}");
    }
    assert_eq!(help.matches("import statement.").count(), 3);
}

#[test]
fn a_statement_and_a_mapping_are_enough() {
    let task = task("a.csv --map date=d,amount=a --url https://api.example.com/").unwrap();
    let Format::Csv(options) = task.reading.format else { panic!() };
    assert_eq!((options.delimiter, task.reading.decimal, options.date_format), (None, None, None));
    let Target::Server { endpoint, give_up_after, .. } = task.target else { panic!() };
    assert_eq!(endpoint.batch_url(), "https://api.example.com/entries/batch");
    assert_eq!(give_up_after, Duration::from_secs(300));
}

#[test]
fn a_dry_run_needs_no_server() {
    assert_eq!(task("A.OFX --dry-run").unwrap().target, Target::DryRun);
    let parsed = Arguments::try_parse_from(["import", "a.ofx"]);
    // The variable may be set where the tests run.
    assert!(parsed.is_err() || std::env::var_os("FLUXO_URL").is_some());
}

#[test]
fn a_format_is_told_by_extension_or_option() {
    assert_eq!(task("a.qfx --dry-run").unwrap().reading.format, Format::Ofx);
    assert_eq!(task("a.txt --format ofx --dry-run").unwrap().reading.format, Format::Ofx);
    assert_eq!(task("a.txt --dry-run"), Err(ArgumentError::UnknownFormat));
    assert_eq!(task("csv --dry-run"), Err(ArgumentError::UnknownFormat));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let csv = |words: &str| task(&format!("a.csv --map date=d,amount=a --dry-run {words}")).unwrap_err().to_string();
    assert!(csv("--ignore-ids").starts_with("--ignore-ids goes with --map id=COLUMN"));
    assert_eq!(csv("--negative-debits --trust type"), "--negative-debits and --trust exclude each other");
    assert!(csv("--delimiter ab").starts_with("--delimiter must be"));
    assert!(csv("--delimiter ç").starts_with("--delimiter must be"));
    assert!(csv("--date-format %d/%m").contains("\"%d/%m\" is no strftime format"));
    assert!(csv("--currency brl").starts_with("--currency must be an ISO 4217"));
    assert!(csv("--only x").contains("is not COLUMN=VALUE"));
    assert!(csv("--only =x").contains("is not COLUMN=VALUE"));
    assert_eq!(csv("--skip Total"), "--skip \"Total\" is not COLUMN=VALUE");
    assert_eq!(csv("--keep =Total"), "--keep \"=Total\" is not COLUMN=VALUE");
    assert!(csv("--credit-word X --debit-word x").contains("\"x\" is a word for credit and for debit"));
    for option in [
        "--map date=d,amount=a",
        "--delimiter ;",
        "--skip-lines 1",
        "--no-header",
        "--date-format %Y-%m-%d",
        "--credit-word c",
        "--debit-word d",
        "--negative-debits",
    ] {
        let name = option.split(' ').next().unwrap();
        assert_eq!(
            task(&format!("a.ofx --dry-run {option}")).unwrap_err().to_string(),
            format!("{name} goes with CSV files only")
        );
    }
    assert_eq!(
        task("a.ofx --dry-run --trust reversal").unwrap_err().to_string(),
        "--trust reversal goes with CSV files only"
    );
    let both = "--decimal comma --account 1 --skip MEMO=x* --keep MEMO=y --trust sign --invert-signs --ignore-ids";
    assert!(task(&format!("a.ofx --dry-run {both}")).is_ok());
}

#[test]
fn a_token_travels_over_https_or_not_off_this_machine() {
    let parse = |text: &str| Endpoint::parse(text).map(|endpoint| endpoint.as_str().to_owned());
    for good in [
        "https://api.example.com",
        "https://api.example.com/stage",
        "http://localhost:8080",
        "http://127.0.0.1:1/_aws/x",
        "http://127.9.9.9",
        "http://[::1]:80",
    ] {
        assert!(parse(good).is_ok(), "{good}");
    }
    for clear in
        ["http://api.example.com", "http://10.0.0.1", "http://localhost.example.com", "http://[::2]", "http://0.0.0.0"]
    {
        assert_eq!(parse(clear), Err(EndpointError::InTheClear), "{clear}");
    }
    for bad in ["", "api.example.com", "ftp://x", "file:///x", "https://"] {
        assert_eq!(parse(bad), Err(EndpointError::NotAUrl), "{bad}");
    }
    for more in ["https://u:p@x.com", "https://u@x.com", "https://x.com?a=1", "https://x.com/#a"] {
        assert_eq!(parse(more), Err(EndpointError::Unexpected), "{more}");
    }
    assert_eq!(parse("https://X.com:443/a/").as_deref(), Ok("https://x.com/a"));
}
