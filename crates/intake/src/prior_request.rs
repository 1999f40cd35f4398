//! What a request meets, from all that is known of its key. The ledger counts most, then what was answered, then that another
//! request is being accepted at the same moment.

use cashflow::{Fingerprint, MerchantId};
use http_api::AcceptedEntry;
use ledger::Recorded;
use request_memory::{Mark, Remembered};

/// What a request meets under its key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: it is new, or its first attempt ended before its execution started.
    Nothing,
    /// It was accepted, and is answered as it was then.
    Accepted(AcceptedEntry),
    /// The ledger holds it, and it is answered as it was when it was accepted.
    Recorded(AcceptedEntry),
    /// The key was used with another payload.
    Reused,
}

impl Known {
    /// From what is remembered under the request's key, and what the ledger answered about it, if it did.
    pub(crate) fn of(
        merchant: &MerchantId,
        fingerprint: Fingerprint,
        remembered: Option<&Remembered>,
        recorded: &[&Recorded],
    ) -> Known {
        let is_of_another = |remembered: &Remembered| remembered.fingerprint != fingerprint;
        let answer = remembered.and_then(|remembered| AcceptedEntry::from_memory(remembered.answer()?, merchant));
        if let (Some(remembered), Some(answer)) = (remembered, &answer)
            && matches!(remembered.mark, Mark::Settled(_))
        {
            return if is_of_another(remembered) { Known::Reused } else { Known::Recorded(answer.clone()) };
        }
        // What is posted under the key, or else what was not because another reversal had come before.
        if let Some(first) = recorded.iter().min_by_key(|recorded| recorded.is_overtaken) {
            if first.entry.fingerprint != fingerprint {
                return Known::Reused;
            }
            let answer = AcceptedEntry::new(merchant, &first.entry);
            // Another payload under the key may be on its way into the ledger at the moment at which this one is found overtaken: only
            // what is posted is final.
            return if first.is_overtaken { Known::Accepted(answer) } else { Known::Recorded(answer) };
        }
        match (remembered, answer) {
            (Some(remembered), _) if is_of_another(remembered) => Known::Reused,
            (Some(_), Some(answer)) => Known::Accepted(answer),
            (Some(_) | None, _) => Known::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use cashflow::{Amount, Currency, Entry, EntryId, EntryType, IdempotencyKey, parse_date};

    use super::*;

    fn merchant() -> MerchantId {
        MerchantId::parse("acme").unwrap()
    }

    fn entry(payload: u8) -> Entry {
        Entry {
            id: EntryId::derive(&merchant(), &IdempotencyKey::parse("1").unwrap()),
            fingerprint: Fingerprint::from_bytes(&[payload; 32]).unwrap(),
            entry_type: EntryType::Credit,
            amount: Amount::from_minor(i64::from(payload), Currency::BRL).unwrap(),
            date: parse_date("2026-11-22").unwrap(),
            description: None,
            category: None,
            reverses: None,
        }
    }

    fn answer(payload: u8) -> AcceptedEntry {
        AcceptedEntry::new(&merchant(), &entry(payload))
    }

    fn reserved(payload: u8) -> Remembered {
        Remembered { fingerprint: entry(payload).fingerprint, mark: Mark::Reserved }
    }

    fn accepted(payload: u8) -> Remembered {
        Remembered { mark: Mark::Accepted(answer(payload).to_memory().unwrap()), ..reserved(payload) }
    }

    fn settled(payload: u8) -> Remembered {
        Remembered { mark: Mark::Settled(answer(payload).to_memory().unwrap()), ..reserved(payload) }
    }

    fn posted(payload: u8) -> Recorded {
        Recorded { entry: entry(payload), is_overtaken: false }
    }

    fn overtaken(payload: u8) -> Recorded {
        Recorded { entry: entry(payload), is_overtaken: true }
    }

    /// What payload 1 meets.
    fn check(remembered: Option<Remembered>, recorded: &[Recorded], expected: &Known) {
        let recorded: Vec<&Recorded> = recorded.iter().collect();
        let known = Known::of(&merchant(), entry(1).fingerprint, remembered.as_ref(), &recorded);
        assert_eq!(known, *expected, "{remembered:?} {recorded:?}");
    }

    #[test]
    fn what_the_ledger_holds_counts_whatever_is_remembered() {
        for remembered in [None, Some(reserved(1)), Some(reserved(2)), Some(accepted(1)), Some(accepted(2))] {
            check(remembered.clone(), &[posted(1)], &Known::Recorded(answer(1)));
            check(remembered.clone(), &[posted(2)], &Known::Reused);
            check(remembered.clone(), &[overtaken(1)], &Known::Accepted(answer(1)));
            check(remembered.clone(), &[overtaken(2)], &Known::Reused);
            check(remembered, &[overtaken(1), posted(2)], &Known::Reused);
        }
    }

    #[test]
    fn what_is_settled_needs_no_ledger() {
        check(Some(settled(1)), &[], &Known::Recorded(answer(1)));
        check(Some(settled(2)), &[], &Known::Reused);
    }

    #[test]
    fn where_the_ledger_holds_nothing_the_memory_counts() {
        check(None, &[], &Known::Nothing);
        check(Some(accepted(1)), &[], &Known::Accepted(answer(1)));
        check(Some(accepted(2)), &[], &Known::Reused);
        check(Some(reserved(2)), &[], &Known::Reused);
    }

    #[test]
    fn a_reservation_is_not_an_answer() {
        check(Some(reserved(1)), &[], &Known::Nothing);
    }
}
