//! Which way a row moves money.

use super::*;
use crate::rows::Trust;

#[test]
fn the_sign_of_an_amount_tells_its_direction() {
    check(
        "Data,Valor,Historico\n2026-11-20,150.75,Venda\n2026-11-21,-30.00, Tarifa \n2026-11-22,\"1,000.00\",\n",
        &options("date=Data,amount=Valor,description=Historico"),
        &[
            "2 credit 150.75 BRL 2026-11-20 Venda/-/-",
            "3 debit 30.00 BRL 2026-11-21 Tarifa/-/-",
            "4 credit 1000.00 BRL 2026-11-22 -/-/-",
        ],
    );
}

#[test]
fn a_type_column_tells_the_direction_and_the_sign_does_not() {
    check(
        "date,amount,kind,group,ref,cur\n2026-11-20,1.00,Credit,g,r1,USD\n2026-11-20,2.00,D,,r2,\n2026-11-20,-3.00,d,,r3,\n2026-11-20,-4.00,c,,r4,\n2026-11-20,5.00,x,,,\n",
        &options("date=date,amount=amount,type=kind,category=group,id=ref,currency=cur"),
        &[
            "2 credit 1.00 USD 2026-11-20 -/g/r1",
            "3 debit 2.00 BRL 2026-11-20 -/-/r2",
            "4 amount: a debit must not be negative (see --negative-debits and --trust)",
            "5 amount: a credit must not be negative (see --trust)",
            "6 type: is none of the words for credit and debit (see --credit-word and --debit-word); id: is empty",
        ],
    );
    check(
        "date,amount,kind\n2026-11-20,1.00,c\n2026-11-20,-2.00,d\n2026-11-20,2.00,d\n",
        &CsvOptions { negative_debits: true, ..options("date=date,amount=amount,type=kind") },
        &[
            "2 credit 1.00 BRL 2026-11-20 -/-/-",
            "3 debit 2.00 BRL 2026-11-20 -/-/-",
            "4 amount: a debit must be negative, as --negative-debits says",
        ],
    );
}

#[test]
fn of_a_credit_and_a_debit_column_exactly_one_holds_the_amount() {
    check(
        "d,c,v\n2026-11-20,1.00,\n2026-11-20,0.00,2.00\n2026-11-20,,\n2026-11-20,1.00,2.00\n2026-11-20,x,\n2026-11-20,,-2.00\n",
        &options("date=d,credit=c,debit=v"),
        &[
            "2 credit 1.00 BRL 2026-11-20 -/-/-",
            "3 debit 2.00 BRL 2026-11-20 -/-/-",
            "4 credit: there is no amount, neither here nor in debit",
            "5 credit: there is an amount in both credit and debit",
            "6 credit: is not an amount such as 1234.56 or 1,234.56 (for 1.234,56 say --decimal comma)",
            "7 debit: a debit must not be negative (see --negative-debits and --trust)",
        ],
    );
}

/// Until then such rows are refused.
#[test]
fn the_user_decides_where_sign_and_column_contradict_each_other() {
    let options = options("date=d,amount=a,type=k");
    let rows = [("-3.00", "c"), ("-4.00", "d"), ("5.00 D", "c"), ("6.00 CR", "c"), ("7.00", "d"), ("8.00 DB", "d")];
    let file: String = rows.iter().map(|(amount, kind)| format!("2026-11-20,{amount},{kind}\n")).collect();
    let file = format!("d,a,k\n{file}");
    let read = |trust| {
        let reading = Reading { trust, ..reading(&options) };
        let rows = all(open(file.as_bytes(), &options, &reading).unwrap());
        let short = |row: &Row| match &row.content {
            Ok(movement) => format!("{} {}", movement.request.entry_type, movement.request.amount.to_decimal()),
            Err(reasons) => reasons[0].detail.clone(),
        };
        rows.iter().map(short).collect::<Vec<_>>()
    };
    let rest = ["credit 6.00", "debit 7.00", "debit 8.00"];
    let cases = [
        (
            None,
            [
                "a credit must not be negative (see --trust)",
                "a debit must not be negative (see --negative-debits and --trust)",
                "is marked as the opposite of what its column says (see --trust)",
            ],
        ),
        (Some(Trust::Type), ["credit 3.00", "debit 4.00", "credit 5.00"]),
        (Some(Trust::Sign), ["debit 3.00", "debit 4.00", "debit 5.00"]),
        (Some(Trust::Reversal), ["debit 3.00", "credit 4.00", "debit 5.00"]),
    ];
    for (trust, first) in cases {
        assert_eq!(read(trust), [first, rest].concat(), "{trust:?}");
    }
}

/// The mark of a credit or debit counts on every statement.
#[test]
fn on_a_card_statement_unmarked_positive_amounts_are_debits() {
    let options = options("date=d,amount=a");
    let reading = Reading { invert_signs: true, ..reading(&options) };
    let file = "d,a\n2026-11-20,120.50\n2026-11-20,-300.00\n2026-11-20,(5.00)\n2026-11-20,7.00 CR\n";
    let rows = all(open(file.as_bytes(), &options, &reading).unwrap());
    let expected = ["2 debit 120.50", "3 credit 300.00", "4 credit 5.00", "5 credit 7.00"];
    assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), expected.map(|row| format!("{row} BRL 2026-11-20 -/-/-")));
}

#[test]
fn the_sign_of_a_currency_must_fit() {
    let options = options("date=d,amount=a,currency=c");
    let file = "d,a,c\n2026-11-20,R$ 1.00,BRL\n2026-11-20,R$ 1.00,USD\n2026-11-20,$ 1.00,USD\n2026-11-20,$ 1.00,BRL\n2026-11-20,$ 1.00,\n2026-11-20,1.00 EUR,BRL\n2026-11-20,1.00,-\n";
    check(
        file,
        &options,
        &[
            "2 credit 1.00 BRL 2026-11-20 -/-/-",
            "3 amount: has the sign R$, which is not one of USD: say the right currency with --currency",
            "4 credit 1.00 USD 2026-11-20 -/-/-",
            "5 credit 1.00 BRL 2026-11-20 -/-/-",
            "6 amount: has the sign $, which stands for several currencies: say which with --currency",
            "7 amount: has the sign EUR, which is not one of BRL: say the right currency with --currency",
            "8 credit 1.00 BRL 2026-11-20 -/-/-",
        ],
    );
}
