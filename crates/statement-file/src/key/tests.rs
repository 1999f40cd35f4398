use cashflow::{Amount, Currency, EntryType};
use jiff::civil::date;
use test_builders::{TODAY, entry};

use super::*;

fn movement(amount: &str, id: Option<&str>) -> Movement {
    Movement {
        request: entry("any").credit(amount).on("2026-11-22").described("Venda à vista").request(),
        date: TODAY,
        account: None,
        id: id.map(str::to_owned),
        ignored_id: None,
        entry_id: None,
        misread: None,
    }
}

fn keys(movements: &[Movement]) -> Vec<String> {
    let mut keys = Keys::default();
    movements.iter().map(|movement| keys.next_keys(movement).unwrap().key.as_str().to_owned()).collect()
}

#[test]
fn keys_never_change() {
    // The server keeps keys for ever. If these values change, every statement imported so far can be imported a second time.
    let of_account = |account: &str, movement| Movement { account: Some(account.to_owned()), ..movement };
    let expected = [
        "import-460564f56cff1d3fc0b20236fded60559e5dd0bd",
        "import-82e7967268db642e615d0164c2db364f60014ba5",
        "import-c9df3a3ac9d2b5c4ccfa9e0265a5250cf798ab5f",
        "import-00cc749c2d8f9f8dccefb6c645dec68fc8ce1422",
        "import-1da66c19666831214f0aa2ffe1851ee55f23a9e0",
    ];
    let movements = [
        movement("150.75", None),
        movement("150.75", None),
        of_account("12-3", movement("150.75", None)),
        movement("150.75", Some("A1")),
        of_account("12-3", movement("150.75", Some("A1"))),
    ];
    assert_eq!(keys(&movements), expected);
}

#[test]
fn the_same_row_has_the_same_key_wherever_it_stands() {
    let (a, b) = (movement("1.00", None), || movement("2.00", None));
    let first = keys(&[movement("1.00", None), b(), b()]);
    let second = keys(&[b(), b(), a, b()]);
    assert_eq!(first[0], second[2]);
    assert_eq!(first[1..], second[..2]);
    assert!(!first.contains(&second[3]), "a third equal row is another row");
}

#[test]
fn every_value_that_is_sent_makes_another_key() {
    let base = || movement("1.00", None);
    let mut movements = vec![base(), movement("1.01", None), movement("1.00", Some("1")), movement("1.00", Some("2"))];
    let mut change = |change: &dyn Fn(&mut Movement)| {
        let mut movement = base();
        change(&mut movement);
        movements.push(movement);
    };
    change(&|m| m.request.entry_type = EntryType::Debit);
    change(&|m| m.request.amount = Amount::parse("1.00", Currency::parse("USD").unwrap()).unwrap());
    change(&|m| m.date = date(2026, 11, 23));
    change(&|m| m.request.description = None);
    change(&|m| m.request.description = Some(Description::parse("Venda").unwrap()));
    change(&|m| m.request.category = Some(Category::parse("Venda à vista").unwrap()));
    change(&|m| m.account = Some("1".to_owned()));
    change(&|m| {
        m.request.category = m.request.description.take().map(|text| Category::parse(text.as_str()).unwrap());
    });
    let mut keys = keys(&movements);
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn the_other_keys_of_a_row_are_those_of_the_other_ways_to_import_it() {
    let ids = [Some("A1"), None, Some("A2"), Some("A1"), None];
    let with_ids: Vec<_> = ids.map(|id| movement("1.00", id)).into();
    let ignoring = |id: Option<&str>| Movement { ignored_id: id.map(str::to_owned), ..movement("1.00", None) };
    let without_ids: Vec<_> = ids.map(ignoring).into();
    let all = |movements: &[Movement]| {
        let mut keys = Keys::default();
        movements.iter().map(|movement| keys.next_keys(movement).unwrap()).collect::<Vec<_>>()
    };
    for (first, second) in [(&with_ids, &without_ids), (&without_ids, &with_ids)] {
        for (first, second) in all(first).into_iter().zip(all(second)) {
            assert!(second.key == first.key || second.others.contains(&first.key), "{first:?} {second:?}");
            assert!(!second.others.contains(&second.key));
        }
    }
    let plain = all(&[movement("1.00", None), movement("1.00", None)]);
    assert!(plain.iter().all(|keys| keys.others.is_empty()), "there is one way only");
}

#[test]
fn a_text_that_was_misread_has_the_key_of_that_time_among_its_others() {
    let text = |text: &str| Description::parse(text).unwrap();
    let mut before = movement("1.00", None);
    before.request.description = Some(text("manutenÃ§Ã£o"));
    let mut now = movement("1.00", None);
    now.request.description = Some(text("manutenção"));
    now.misread = Some(text("manutenÃ§Ã£o"));
    let before = Keys::default().next_keys(&before).unwrap().key;
    assert_eq!(Keys::default().next_keys(&now).unwrap().others, [before]);
}

#[test]
fn any_id_makes_a_valid_key() {
    for id in ["", " ", "ç", "a\nb", &"x".repeat(10_000)] {
        assert_eq!(keys(&[movement("1.00", Some(id))])[0].len(), 47);
    }
}
