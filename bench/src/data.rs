//! Entries for the benchmark, the same for all contestants: drawn from a fixed seed, with the sums that they must lead to.

use std::collections::BTreeMap;

use anyhow::Result;
use bytes::Bytes;
use cashflow::{
    Amount, Category, Currency, Date, Description, Entry, EntryId, EntryType, Fingerprint, MerchantId, Totals,
};
use fastrand::Rng;
use jiff::ToSpan;
use uuid::Builder;
use workflow::RecordEntries;

/// The business day that is today in all events.
pub const TODAY: Date = Date::constant(2026, 11, 22);

/// The number in the name of the first merchant: names are numbers, which `pgbench` can draw.
pub const FIRST_MERCHANT: u32 = 100_001;

/// Amounts are up to here, in minor units.
pub const MINOR_MAX: i64 = 1_000_000;

/// What batches are like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Over how many merchants they are spread.
    pub merchants: u32,
    /// Over how many days, the last of which is today, the entries of each are spread.
    pub days: u32,
    /// How many entries a batch has.
    pub entries: usize,
}

/// One batch of one merchant.
pub struct Batch {
    /// The merchant.
    pub merchant: MerchantId,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// The totals of each merchant's days.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<(String, Date), Totals>);

impl Sums {
    /// Adds the entries of a batch.
    pub fn add(&mut self, batch: &Batch) -> Result<()> {
        for entry in &batch.entries {
            self.add_day(
                batch.merchant.as_str(),
                entry.date,
                Totals::ZERO.with_entry(entry.entry_type, entry.amount.minor())?,
            )?;
        }
        Ok(())
    }

    /// Adds totals of a day.
    pub fn add_day(&mut self, merchant: &str, date: Date, totals: Totals) -> Result<()> {
        let sum = self.0.entry((merchant.to_owned(), date)).or_insert(Totals::ZERO);
        *sum = sum.plus(totals)?;
        Ok(())
    }

    /// Adds all of others.
    pub fn add_all(&mut self, others: &Sums) -> Result<()> {
        others.0.iter().try_for_each(|((merchant, date), totals)| self.add_day(merchant, *date, *totals))
    }

    /// How many entries there are.
    pub fn entries(&self) -> u64 {
        self.0.values().map(|totals| totals.entry_count).sum()
    }

    /// The days of one merchant, in order.
    pub fn days_of(&self, merchant: &MerchantId) -> BTreeMap<Date, Totals> {
        let days = self.0.iter().filter(|((name, _), _)| name == merchant.as_str());
        days.map(|((_, date), totals)| (*date, *totals)).collect()
    }
}

/// Draws batches.
pub struct Generator {
    random: Rng,
}

impl Generator {
    /// The same seed gives the same batches.
    pub fn new(seed: u64) -> Generator {
        Generator { random: Rng::with_seed(seed) }
    }

    /// The next batch.
    pub fn batch(&mut self, shape: Shape) -> Result<Batch> {
        let merchant = merchant(self.random.u32(0..shape.merchants))?;
        let dates: Vec<Date> =
            (0..shape.entries).map(|_| days_ago(self.random.u32(0..shape.days))).collect::<Result<_>>()?;
        self.batch_of(merchant, &dates)
    }

    /// A batch with an entry on each of these days.
    pub fn batch_of(&mut self, merchant: MerchantId, dates: &[Date]) -> Result<Batch> {
        let entries = dates.iter().map(|date| self.entry(*date)).collect::<Result<_>>()?;
        Ok(Batch { merchant, entries })
    }

    fn entry(&mut self, date: Date) -> Result<Entry> {
        let id: [u8; 16] = std::array::from_fn(|_| self.random.u8(..));
        let fingerprint: [u8; 32] = std::array::from_fn(|_| self.random.u8(..));
        Ok(Entry {
            id: EntryId::from_uuid(Builder::from_custom_bytes(id).with_version(uuid::Version::Sha1).into_uuid()),
            fingerprint: Fingerprint::from_bytes(&fingerprint)?,
            entry_type: if self.random.bool() { EntryType::Credit } else { EntryType::Debit },
            amount: Amount::from_minor(self.random.i64(1..=MINOR_MAX), Currency::BRL)?,
            date,
            description: Some(Description::parse("Venda no cartão")?),
            category: Some(Category::parse("vendas")?),
            reverses: None,
        })
    }
}

impl Batch {
    /// The event of `apply-to-ledger`.
    pub fn event(&self) -> Result<Bytes> {
        Ok(task(&serde_json::to_vec(&RecordEntries::new(&self.merchant, &self.entries))?))
    }
}

/// A state as the state machine hands it to a function, with the execution that it is of.
pub fn task(state: &[u8]) -> Bytes {
    const HEAD: &[u8] =
        br#"{"execution":"0f4a6c2e-6b9f-5c52-8d47-5e0a9c1e7f2a-16d8d9c4591d57a2","started_at":"2026-11-22T15:04:05.123Z","state":"#;
    [HEAD, state, b"}"].concat().into()
}

/// A merchant of the benchmark.
pub fn merchant(number: u32) -> Result<MerchantId> {
    Ok(MerchantId::parse(&(FIRST_MERCHANT + number).to_string())?)
}

/// So many days before today.
pub fn days_ago(days: u32) -> Result<Date> {
    Ok(TODAY.checked_sub(i64::from(days).days())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { merchants: 3, days: 2, entries: 4 };

    #[test]
    fn a_seed_gives_the_same_batches_again() {
        let event = |seed| Generator::new(seed).batch(SHAPE).unwrap().event().unwrap();
        assert_eq!(event(7), event(7));
        assert_ne!(event(7), event(8));
    }

    #[test]
    fn sums_count_every_entry_once() {
        let mut sums = Sums::default();
        let batch = Generator::new(1).batch(SHAPE).unwrap();
        sums.add(&batch).unwrap();
        assert_eq!(sums.entries(), 4);
        let days = sums.days_of(&batch.merchant);
        let credits: i128 = days.values().map(|totals| totals.credits + totals.debits).sum();
        assert_eq!(credits, batch.entries.iter().map(|entry| i128::from(entry.amount.minor())).sum());
    }
}
