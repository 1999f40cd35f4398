use proptest::prelude::*;

use super::*;

fn suspect(row: u64, wording: Wording, words: &str, minor: i128, before: i128) -> Suspect {
    Suspect { row, statement: 1, wording, words: words.to_owned(), amount: Some((Currency::BRL, minor)), before }
}

fn balances(suspects: &[Suspect], named: &[(u32, i128)], sum: i128) -> Vec<u64> {
    let mut rows: Vec<u64> =
        confirmed(suspects, named, &|_, _| sum).into_iter().filter(|(_, is_one)| *is_one).map(|(row, _)| row).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn a_balance_agrees_with_another_one_or_with_that_of_the_statement() {
    use Wording::{Balance, LikeBalance};
    type Case = (&'static str, Vec<Suspect>, Vec<(u32, i128)>, i128, Vec<u64>);
    let cases: [Case; 8] = [
        ("one alone", vec![suspect(0, Balance, "saldo", 500, 0)], vec![], 0, vec![]),
        (
            "two that differ",
            vec![suspect(0, Balance, "a", 500, 0), suspect(2, Balance, "b", 500, 7)],
            vec![],
            7,
            vec![],
        ),
        (
            "oldest first",
            vec![suspect(0, Balance, "a", 500, 0), suspect(2, Balance, "b", 507, 7)],
            vec![],
            7,
            vec![0, 2],
        ),
        (
            "newest first",
            vec![suspect(0, Balance, "a", 507, 0), suspect(2, Balance, "b", 500, 7)],
            vec![],
            7,
            vec![0, 2],
        ),
        (
            "two equal rows side by side",
            vec![suspect(0, Balance, "a", 5, 0), suspect(1, Balance, "a", 5, 0)],
            vec![],
            0,
            vec![],
        ),
        ("what the statement says", vec![suspect(3, Balance, "a", 507, 7)], vec![(1, 507)], 7, vec![3]),
        ("what another statement says", vec![suspect(3, Balance, "a", 507, 7)], vec![(2, 507)], 7, vec![]),
        (
            "a sum proves nothing",
            vec![suspect(0, Balance, "a", 500, 0), suspect(2, LikeBalance, "total", 507, 7)],
            vec![],
            7,
            vec![2],
        ),
    ];
    for (name, suspects, named, sum, expected) in cases {
        assert_eq!(balances(&suspects, &named, sum), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn balances_after_any_movements_confirm_each_other_in_both_orders(
        start in -1_000_000..1_000_000_i128,
        days in prop::collection::vec(prop::collection::vec(-100_000..100_000_i128, 1..5), 1..20),
        is_newest_first: bool,
    ) {
        let mut balance = start;
        let mut ends = vec![(0, balance)];
        for day in &days {
            balance += day.iter().sum::<i128>();
            ends.push((balance - start, balance));
        }
        let total = balance - start;
        if is_newest_first {
            ends = ends.into_iter().rev().map(|(before, balance)| (total - before, balance)).collect();
        }
        let suspects: Vec<Suspect> = ends
            .iter()
            .zip(0..)
            .map(|((before, balance), row)| suspect(row, Wording::Balance, &format!("saldo {row}"), *balance, *before))
            .collect();
        prop_assert_eq!(balances(&suspects, &[], total).len(), suspects.len());
    }
}
