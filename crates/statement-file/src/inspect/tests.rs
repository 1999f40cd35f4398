use proptest::prelude::*;

use super::*;

fn csv(file: &[u8]) -> CsvInspection {
    match inspect(file) {
        Inspection::Csv(csv) => csv,
        other => panic!("{other:?}"),
    }
}

fn mapping(inspection: &CsvInspection) -> Vec<(&str, &str)> {
    inspection.guess.mapping.iter().map(|(field, column)| (*field, column.as_str())).collect()
}

#[test]
fn a_brazilian_export_is_guessed_with_its_conventions() {
    let file = b"Extrato\nConta;1\n\nData;Hist\xf3rico;Valor;Saldo\n05/01/2026;Pix;-1.234,50;100,00\n25/01/2026;Ana;2,00;102,00\n";
    let found = csv(file);
    assert_eq!((found.encoding, found.delimiter, found.no_header), (Some("windows-1252"), ';', false));
    assert_eq!(found.lines_before_header, 3);
    assert_eq!(mapping(&found), [("date", "Data"), ("amount", "Valor"), ("description", "Histórico")]);
    assert_eq!(found.guess.date_formats, ["%d/%m/%Y"]);
    assert_eq!(found.guess.decimal, Some("comma"));
}

#[test]
fn what_can_be_read_in_two_ways_is_left_to_the_user() {
    let found = csv(b"date,amount\n05/01/2026,\"1,234\"\n06/01/2026,\"2,000\"\n");
    assert_eq!(found.guess.date_formats, ["%d/%m/%Y", "%m/%d/%Y"]);
    assert_eq!(found.guess.decimal, None);
}

#[test]
fn columns_have_numbers_where_there_is_no_header() {
    let found = csv(b"01/12/2025;PIX;-120,00\n22/12/2025;PIX;300,00\n");
    assert_eq!((found.no_header, found.columns.len()), (true, 3));
    assert_eq!(mapping(&found), [("date", "1"), ("amount", "3"), ("description", "2")]);
}

#[test]
fn credit_and_debit_columns_are_told_apart() {
    let found =
        csv(b"Buchungsdatum,Text,Belastung,Gutschrift,Saldo\n27.05.2026,B,-,500.00,2000.00\n24.05.2026,C,500.00,-,-\n");
    assert_eq!(
        mapping(&found),
        [("date", "Buchungsdatum"), ("credit", "Gutschrift"), ("debit", "Belastung"), ("description", "Text")]
    );
}

#[test]
fn formats_and_encodings_are_told_by_the_first_bytes() {
    assert_eq!(inspect(b"OFXHEADER:100\n<OFX>"), Inspection::Ofx);
    assert_eq!(inspect(b"<?xml version=\"1.0\"?><ofx></ofx>"), Inspection::Ofx);
    assert_eq!(inspect(b""), Inspection::Empty);
    let utf16: Vec<u8> = "d;a\n2026-01-05;1,50\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = csv(&utf16);
    assert_eq!((found.encoding, found.delimiter), (None, ';'));
    assert_eq!(csv(b"sep=|\nd|a,b\n2026-01-05|1,50\n").delimiter, '|');
}

#[test]
fn headings_that_name_an_amount_and_a_side_are_sides() {
    let found = csv(b"Date,Text,Debit Amount,Credit Amount,\n2026-01-07,A,,50.00,\n2026-01-08,B,12.50,,\n");
    let expected = [("date", "Date"), ("credit", "Credit Amount"), ("debit", "Debit Amount"), ("description", "Text")];
    assert_eq!(mapping(&found), expected);
    let found = csv(b"Date,Amount,Cur\n2026-01-05,1.00,JPY\n2026-01-06,2.00,KWD\n");
    assert_eq!(mapping(&found), [("date", "Date"), ("amount", "Amount"), ("currency", "Cur")]);
}

proptest! {
    #[test]
    fn any_bytes_can_be_inspected(
        file in prop::collection::vec(prop::sample::select(b"da,;\"\n\r\t 1234-/.R$\0\xe9\xff\xfe\xc3\xa3sep=|".to_vec()), 0..300),
    ) {
        let _ = inspect(&file);
    }
}
