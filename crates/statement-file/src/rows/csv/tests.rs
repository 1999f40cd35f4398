mod direction;
mod layout;

use cashflow::{Category, Description};
use proptest::prelude::*;

use super::*;
use crate::rows::{Decimal, Format};

const TODAY: Date = jiff::civil::date(2026, 11, 22);

fn options(mapping: &str) -> CsvOptions {
    CsvOptions {
        mapping: Some(Mapping::parse(&[mapping.to_owned()]).unwrap()),
        delimiter: None,
        skip_lines: None,
        no_header: false,
        date_format: None,
        credit_words: vec!["credit".to_owned(), "c".to_owned()],
        debit_words: vec!["debit".to_owned(), "d".to_owned()],
        negative_debits: false,
    }
}

fn reading(options: &CsvOptions) -> Reading {
    Reading {
        format: Format::Csv(options.clone()),
        encoding: None,
        decimal: None,
        currency: None,
        only: Vec::new(),
        skip: Vec::new(),
        keep: Vec::new(),
        invert_signs: false,
        trust: None,
        ignore_ids: false,
    }
}

fn open<'a>(file: &'a [u8], options: &CsvOptions, reading: &Reading) -> Result<CsvRows<&'a [u8]>, StatementError> {
    CsvRows::new(file, options, reading, None, TODAY)
}

fn all(mut rows: CsvRows<&[u8]>) -> Vec<Row> {
    std::iter::from_fn(|| rows.next_row().unwrap()).collect()
}

/// Rows as text: line, type, amount, currency, date, description, category, id; or line and reasons.
fn shown(row: &Row) -> String {
    match &row.content {
        Ok(movement) => {
            let request = &movement.request;
            format!(
                "{} {} {} {} {} {}/{}/{}",
                row.line,
                request.entry_type,
                request.amount.to_decimal(),
                request.amount.currency(),
                movement.date,
                request.description.as_ref().map_or("-", Description::as_str),
                request.category.as_ref().map_or("-", Category::as_str),
                movement.id.as_deref().unwrap_or("-"),
            )
        }
        Err(reasons) => {
            format!("{} {}", row.line, reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        }
    }
}

fn check(file: &str, options: &CsvOptions, expected: &[&str]) {
    let rows = all(open(file.as_bytes(), options, &reading(options)).unwrap());
    assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), expected, "{file}");
}

#[test]
fn everything_that_is_wrong_with_a_row_is_said_at_once() {
    let long = "x".repeat(256);
    check(
        &format!("d,a,c,t,g\n2026-02-30,0,brl,{long},a\tb\n2028-01-01,1.234,BRL,,\n2026-11-20,1.00\n"),
        &options("date=d,amount=a,currency=c,description=t,category=g"),
        &[
            "2 date: must be a date of the calendar as YYYY-MM-DD; \
             currency: must be an ISO 4217 currency code in upper case, such as BRL; \
             amount: must be greater than zero; description: must be at most 255 characters, has 256; \
             category: must not contain control characters, has U+0009",
            "3 date: must not be after 2027-11-22, one year ahead; amount: has more than the 2 fraction digits of BRL",
            "4 row: has 2 cells, the header has 5",
        ],
    );
}

#[test]
fn brazilian_statements_are_read_with_their_conventions() {
    let options = CsvOptions {
        delimiter: Some(b';'),
        date_format: Some("%d/%m/%Y".to_owned()),
        ..options("date=Data,amount=Valor,description=Histórico")
    };
    let file = b"Data;Hist\xf3rico;Valor;\r\n22/11/2026;Pagamento S\xe3o Jo\xe3o;-1.234,56;\r\n31/11/2026;x;1,00;\r\n22/11/26;x;1,00;\r\n";
    let reading = Reading { encoding: Some(Encoding::Windows1252), decimal: Some(Decimal::Comma), ..reading(&options) };
    let rows = all(open(file, &options, &reading).unwrap());
    assert_eq!(
        rows.iter().map(shown).collect::<Vec<_>>(),
        [
            "2 debit 1234.56 BRL 2026-11-22 Pagamento São João/-/-",
            "3 date: must be a date of the calendar as %d/%m/%Y",
            "4 date: must not be before 1900-01-01",
        ]
    );
}

#[test]
fn a_cell_that_is_no_text_refuses_its_row_only_if_it_is_used() {
    let rows = all(open(
        b"d,a,t,u\n2026-11-20,1.00,S\xe3o,x\n2026-11-20,1.00,y,S\xe3o\n",
        &options("date=d,amount=a,description=t"),
        &reading(&options("date=d,amount=a")),
    )
    .unwrap());
    assert_eq!(
        rows.iter().map(shown).collect::<Vec<_>>(),
        ["2 description: is not UTF-8 text: see --encoding", "3 credit 1.00 BRL 2026-11-20 y/-/-"]
    );
}

#[test]
fn only_rows_with_the_values_asked_for_are_read() {
    let options = options("date=d,amount=a");
    let reading = Reading {
        only: vec![("acc".to_owned(), "1".to_owned()), ("cur".to_owned(), "BRL".to_owned())],
        ..reading(&options)
    };
    let file = "acc,cur,d,a\n1,BRL,2026-11-20,1.00\n2,BRL,2026-11-20,2.00\n1,USD,2026-11-20,3.00\n 1 ,BRL,2026-11-20,4.00\n1\n2\n";
    let rows = all(open(file.as_bytes(), &options, &reading).unwrap());
    assert_eq!(
        rows.iter().map(shown).collect::<Vec<_>>(),
        [
            "2 credit 1.00 BRL 2026-11-20 -/-/-",
            "5 credit 4.00 BRL 2026-11-20 -/-/-",
            "6 row: has 1 cells, the header has 4"
        ]
    );
}

#[test]
fn texts_of_several_columns_and_lines_make_one_description() {
    check(
        "d,a,t,u,g\n2026-11-20,1,Pix,\"Ana\r\n Lima\",\"a\nb\"\n2026-11-20,1,,Ana,\n2026-11-20,1,Pix,Pix,\n2026-11-20,1,,,\n",
        &options("date=d,amount=a,description=t,description=u,category=g"),
        &[
            "2 credit 1.00 BRL 2026-11-20 Pix - Ana Lima/a b/-",
            "5 credit 1.00 BRL 2026-11-20 Ana/-/-",
            "6 credit 1.00 BRL 2026-11-20 Pix/-/-",
            "7 credit 1.00 BRL 2026-11-20 -/-/-",
        ],
    );
}

#[test]
fn a_date_format_must_hold_the_whole_date() {
    for format in ["%d/%m/%Y", "%m/%d/%y", "%Y%m%d", "%d.%m.%Y %H:%M", "%d %b %Y", "%Y-%m-%d"] {
        assert!(is_date_format(format), "{format}");
    }
    for format in ["%d/%m", "%Y", "dd/mm/yyyy", "", "%", "%Q", "%H:%M"] {
        assert!(!is_date_format(format), "{format}");
    }
}

proptest! {
    #[test]
    fn any_file_is_rows_or_an_error(
        file in prop::collection::vec(prop::sample::select(b"da,;\"\n\r\t 1-.()R$\0\xe9\xc3\xa3sep=|".to_vec()), 0..200),
        is_named: bool,
        skip_lines in prop::option::of(0..3_u64),
        no_header: bool,
    ) {
        let mapping = if no_header { "date=1,amount=2" } else { "date=d,amount=a" };
        let options = CsvOptions { skip_lines, no_header, ..options(mapping) };
        let reading = Reading { encoding: is_named.then_some(Encoding::Windows1252), ..reading(&options) };
        for file in [file.clone(), [b"d,a\n", &file[..]].concat()] {
            if let Ok(mut rows) = open(&file, &options, &reading) {
                while let Ok(Some(row)) = rows.next_row() {
                    prop_assert!(row.line >= 1);
                }
                prop_assert!(rows.offset() <= file.len() as u64);
            }
        }
    }
}
