use std::{pin::pin, time::Duration};

use cashflow::{Currency, Date, EntryId, EntryType, MerchantId, Seal, SealDigest, SealedEntry, Totals};
use futures::{TryStreamExt, future::try_join3};
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{
    Ledger, LedgerError, LedgerTotals,
    day::Day,
    rows::{
        positions_parameter, read_epoch, read_key, read_ledger_totals, read_positions, read_time, read_totals, valid,
    },
    session::STATEMENTS_TIMEOUT,
};

/// Making a seal reads and hashes every entry of the day.
const SEAL_TIMEOUT: Duration = Duration::from_secs(8);

/// The most entries of a day that are sealed: docs/adr/0008 says what they take of the time that sealing may take.
pub const ENTRIES_SEALED_MAX: u64 = 250_000;

/// What sealing a day led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Sealing {
    /// A new seal.
    Sealed(Seal),
    /// No entry of the day was posted since its newest seal, which this is.
    Unchanged(Seal),
}

impl Sealing {
    /// The seal that covers the day now.
    pub fn seal(&self) -> &Seal {
        match self {
            Sealing::Sealed(seal) | Sealing::Unchanged(seal) => seal,
        }
    }
}

/// A day of a merchant and currency that has entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantDay {
    /// Whose it is.
    pub merchant: MerchantId,
    /// The currency.
    pub currency: Currency,
    /// The day.
    pub date: Date,
    /// How many entries it has.
    pub entry_count: u64,
    /// How many of them its newest seal covers; none if it was never sealed.
    pub sealed_entry_count: Option<u64>,
}

/// Some of the merchants and currencies that have entries of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantDayPage {
    /// In the order of merchant and currency.
    pub days: Vec<MerchantDay>,
    /// Whether the list ends here.
    pub is_last: bool,
}

/// Why a day was not sealed. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum NotSealed {
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another day of the merchant, or the same one, is being sealed: asking again is worth it.
    #[error("another seal of this merchant is in progress")]
    InProgress,
    /// The day has more entries than [`ENTRIES_SEALED_MAX`], and asking again does not help.
    #[error("the day has {entry_count} entries; a seal can cover at most {ENTRIES_SEALED_MAX}")]
    TooManyEntries {
        /// How many it has.
        entry_count: u64,
    },
}

/// Some seals of a day, the newest first.
#[derive(Debug, PartialEq, Eq)]
pub struct SealPage {
    /// The seals.
    pub seals: Vec<Seal>,
    /// The number below which there are more; none after the last page.
    pub next_below: Option<u32>,
}

impl Ledger {
    /// Seals a day as it is at this moment. Writers are not kept waiting, and nothing they post is refused.
    ///
    /// That a day is unchanged is told by its totals. Only if it is not, its entries are read, one by one, and at most by one seal
    /// of a merchant at a time.
    pub async fn seal(&self, merchant: &MerchantId, currency: Currency, date: Date) -> Result<Sealing, NotSealed> {
        let day = Day::new(merchant, currency, date);
        self.run(SEAL_TIMEOUT, async |client| {
            let row = client.query_typed_one(DAY_TO_SEAL, &day.parameters()).await?;
            match DayToSeal::read(&row, currency, date)? {
                DayToSeal { unchanged: Some(seal), .. } => Ok(Ok(Sealing::Unchanged(seal))),
                // Before its entries are read: they would take longer than there is time.
                DayToSeal { next, .. } if next.totals.entry_count > ENTRIES_SEALED_MAX => {
                    Ok(Err(NotSealed::TooManyEntries { entry_count: next.totals.entry_count }))
                }
                DayToSeal { .. } => seal_changed(client, merchant, &day, (currency, date)).await,
            }
        })
        .await
        .unwrap_or_else(|error: LedgerError| Err(error.into()))
    }

    /// Seals of a day with numbers below `below`, or the newest; at most `limit`, the newest first.
    pub async fn seals(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        date: Date,
        below: Option<u32>,
        limit: u16,
    ) -> Result<SealPage, LedgerError> {
        let day = Day::new(merchant, currency, date);
        let below = below.and_then(|below| i32::try_from(below).ok()).unwrap_or(i32::MAX);
        // One more than asked for tells whether there is a next page.
        let rows_max = i64::from(limit) + 1;
        let mut parameters = day.parameters();
        parameters.extend([(&below as &(dyn ToSql + Sync), Type::INT4), (&rows_max, Type::INT8)]);
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client.query_typed("SELECT * FROM ledger.seal_page($1, $2, $3, $4, $5)", &parameters).await?;
            let shown = rows.iter().take(usize::from(limit));
            let seals = shown.map(|row| read_seal(row, "", currency, date)).collect::<Result<Vec<_>, _>>()?;
            let has_more = rows.len() > seals.len();
            let next_below = seals.last().map(|last| last.number).filter(|_| has_more);
            Ok(SealPage { seals, next_below })
        })
        .await
    }

    /// The key under which the merchant's seals show what they cover.
    pub async fn seal_key(&self, merchant: &MerchantId) -> Result<[u8; 64], LedgerError> {
        let merchant_id = merchant.as_str();
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let of_merchant: [(&(dyn ToSql + Sync), Type); 1] = [(&merchant_id, Type::TEXT)];
            read_key(&client.query_typed_one("SELECT * FROM ledger.seal_key($1)", &of_merchant).await?)
        })
        .await
    }

    /// The totals of a day and of its month; none if the day has no entries.
    pub async fn totals_of_day(
        &self,
        merchant: &MerchantId,
        currency: Currency,
        date: Date,
    ) -> Result<Option<LedgerTotals>, LedgerError> {
        let day = Day::new(merchant, currency, date);
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let rows = client.query_typed("SELECT * FROM ledger.totals_of_day($1, $2, $3)", &day.parameters()).await?;
            if rows.is_empty() { Ok(None) } else { read_ledger_totals(&rows).map(Some) }
        })
        .await
    }

    /// Up to `limit` merchants and currencies with entries of a day, in a fixed order, from the one that comes after `after`.
    pub async fn merchants_of_day(
        &self,
        date: Date,
        after: Option<&MerchantDay>,
        limit: u16,
    ) -> Result<MerchantDayPage, LedgerError> {
        let (day, rows_max) = (date.to_string(), i64::from(limit));
        let after_merchant = after.map_or("", |after| after.merchant.as_str());
        let after_currency = after.map_or("", |after| after.currency.code());
        let parameters: [(&(dyn ToSql + Sync), Type); 4] =
            [(&day, Type::TEXT), (&after_merchant, Type::TEXT), (&after_currency, Type::TEXT), (&rows_max, Type::INT8)];
        self.run(STATEMENTS_TIMEOUT, async |client| {
            let list = "SELECT * FROM ledger_maintenance.merchants_of_day($1, $2, $3, $4)";
            let rows = client.query_typed(list, &parameters).await?;
            let days: Vec<MerchantDay> = rows.iter().filter_map(|row| read_merchant_day(row, date)).collect();
            let is_last = rows.len() < usize::from(limit);
            if days.is_empty() && !is_last {
                return Err(LedgerError::Inconsistent(
                    "no merchant or currency of a whole page is known to this release",
                ));
            }
            Ok(MerchantDayPage { days, is_last })
        })
        .await
    }
}

/// A row that does not fit, such as one with a currency that only a later release knows, keeps no other from being listed.
fn read_merchant_day(row: &Row, date: Date) -> Option<MerchantDay> {
    let (merchant_id, code): (&str, &str) = (row.get("merchant_id"), row.get("currency"));
    let read = || {
        Some(MerchantDay {
            merchant: MerchantId::parse(merchant_id).ok()?,
            currency: Currency::parse(code).ok()?,
            date,
            entry_count: u64::try_from(row.get::<_, i64>("entry_count")).ok()?,
            sealed_entry_count: row.get::<_, Option<i64>>("sealed_entry_count").map(u64::try_from).transpose().ok()?,
        })
    };
    let day = read();
    if day.is_none() {
        tracing::error!(
            merchant_id,
            currency = code,
            %date,
            "skipped a day whose merchant or currency is unknown to this release"
        );
    }
    day
}

const DAY_TO_SEAL: &str = "SELECT * FROM ledger.day_to_seal($1, $2, $3)";

/// A day as one snapshot has it.
struct DayToSeal {
    /// The newest seal, if it covers all entries that there are: what it covers is a part of them, and entries are never removed,
    /// so an equal count means the same.
    unchanged: Option<Seal>,
    next: NextSeal,
}

/// What the next seal would be of.
struct NextSeal {
    number: i32,
    positions: cashflow::Positions,
    totals: Totals,
}

impl DayToSeal {
    fn read(row: &Row, currency: Currency, date: Date) -> Result<DayToSeal, LedgerError> {
        let totals = read_totals(row)?;
        let newest = match row.get::<_, Option<i32>>("seal_number") {
            Some(_) => Some(read_seal(row, "seal_", currency, date)?),
            None => None,
        };
        let number = newest.as_ref().map_or(Some(1), |newest| newest.number.checked_add(1));
        let number = number.and_then(|number| i32::try_from(number).ok());
        let number = number.ok_or(LedgerError::Inconsistent("a day has as many seals as their number can count"))?;
        let next = NextSeal { number, positions: read_positions(row, "positions")?, totals };
        let unchanged = newest.filter(|newest| newest.totals.entry_count == totals.entry_count);
        Ok(DayToSeal { unchanged, next })
    }
}

/// Makes a seal in a transaction, which holds the merchant's turn. Its statements see what is committed when each begins, so the
/// day is looked at again under the lock.
async fn seal_changed(
    client: &Client,
    merchant: &MerchantId,
    day: &Day<'_>,
    (currency, date): (Currency, Date),
) -> Result<Result<Sealing, NotSealed>, LedgerError> {
    let merchant_id = merchant.as_str();
    let of_merchant: [(&(dyn ToSql + Sync), Type); 1] = [(&merchant_id, Type::TEXT)];
    let of_day = day.parameters();
    let (_, lock, row) = try_join3(
        client.query_typed("BEGIN", &[]),
        client.query_typed_one("SELECT * FROM ledger.lock_sealing($1)", &of_merchant),
        client.query_typed_one(DAY_TO_SEAL, &of_day),
    )
    .await?;
    let made = if lock.get("is_locked") {
        match DayToSeal::read(&row, currency, date)? {
            DayToSeal { unchanged: Some(seal), .. } => Ok(Sealing::Unchanged(seal)),
            DayToSeal { next, .. } => {
                let digest = digest(client, day, (currency, date), &next).await?;
                add_seal(client, day, (currency, date), &next, digest)
                    .await?
                    .map(Sealing::Sealed)
                    .ok_or(NotSealed::InProgress)
            }
        }
    } else {
        Err(NotSealed::InProgress)
    };
    let end = if matches!(made, Ok(Sealing::Sealed(_))) { "COMMIT" } else { "ROLLBACK" };
    client.query_typed(end, &[]).await?;
    Ok(made)
}

/// The digest of what the seal covers. The rows are hashed as they come and kept nowhere; those that are not yet asked for wait at
/// the server. The entries must be those that the totals counted.
async fn digest(
    client: &Client,
    day: &Day<'_>,
    (currency, date): (Currency, Date),
    next: &NextSeal,
) -> Result<[u8; 32], LedgerError> {
    let positions = positions_parameter(&next.positions);
    let mut parameters = day.parameters();
    parameters.push((&positions, Type::INT8_ARRAY));
    let rows = client.query_typed_raw("SELECT * FROM ledger.entries_to_seal($1, $2, $3, $4)", parameters).await?;
    let mut rows = pin!(rows);
    let mut digest = SealDigest::new(currency, date);
    let mut covered = Totals::ZERO;
    while let Some(row) = rows.try_next().await? {
        let entry = SealedEntry {
            id: EntryId::from_uuid(row.get("id")),
            entry_type: valid(EntryType::parse(row.get("type")), "the type of an entry is unknown")?,
            amount_minor: row.get("amount_minor"),
            description: row.get("description"),
            category: row.get("category"),
            reverses: row.get::<_, Option<Uuid>>("reverses").map(EntryId::from_uuid),
        };
        covered.entry_count += 1;
        match entry.entry_type {
            EntryType::Credit => covered.credits += i128::from(entry.amount_minor),
            EntryType::Debit => covered.debits += i128::from(entry.amount_minor),
        }
        digest.add(&entry);
    }
    if covered == next.totals {
        Ok(digest.finish())
    } else {
        Err(LedgerError::Inconsistent("the totals of a day are not the sums of its entries"))
    }
}

/// Adds the seal; none if another one came in between.
async fn add_seal(
    client: &Client,
    day: &Day<'_>,
    (currency, date): (Currency, Date),
    next: &NextSeal,
    digest: [u8; 32],
) -> Result<Option<Seal>, LedgerError> {
    let NextSeal { number, positions, totals } = next;
    let (credits, debits) = (totals.credits.to_string(), totals.debits.to_string());
    let entry_count = valid(i64::try_from(totals.entry_count), "a count of entries exceeds 63 bits")?;
    let given_positions = positions_parameter(positions);
    let sha256 = digest.as_slice();
    let mut parameters = day.parameters();
    parameters.extend([
        (number as &(dyn ToSql + Sync), Type::INT4),
        (&credits, Type::TEXT),
        (&debits, Type::TEXT),
        (&entry_count, Type::INT8),
        (&given_positions, Type::INT8_ARRAY),
        (&sha256, Type::BYTEA),
    ]);
    let statement = "SELECT * FROM ledger.add_seal($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let Some(row) = client.query_typed_opt(statement, &parameters).await? else { return Ok(None) };
    Ok(Some(Seal {
        date,
        currency,
        number: valid(u32::try_from(*number), "the number of a seal is negative")?,
        totals: *totals,
        sealed_at: read_time(&row, "sealed_at_us")?,
        epoch: read_epoch(&row, "epoch")?,
        positions: *positions,
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    }))
}

/// A seal from columns whose names begin so.
pub(crate) fn read_seal(row: &Row, prefix: &str, currency: Currency, date: Date) -> Result<Seal, LedgerError> {
    let column = |name: &str| format!("{prefix}{name}");
    let minor = |name: &str| crate::rows::read_minor(row, &column(name));
    Ok(Seal {
        date,
        currency,
        number: valid(u32::try_from(row.get::<_, i32>(column("number").as_str())), "the number of a seal is negative")?,
        totals: Totals {
            credits: minor("credits")?,
            debits: minor("debits")?,
            entry_count: valid(
                u64::try_from(row.get::<_, i64>(column("entry_count").as_str())),
                "a count of entries is negative",
            )?,
        },
        sealed_at: read_time(row, &column("sealed_at_us"))?,
        epoch: read_epoch(row, &column("epoch"))?,
        positions: read_positions(row, &column("positions"))?,
        sha256: row.get(column("sha256").as_str()),
    })
}
