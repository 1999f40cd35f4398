//! Whether a ledger holds what it was given, to the cent.

use anyhow::{Result, ensure};
use cashflow::{Totals, parse_date};

use crate::{data::Sums, stores::Ledger};

/// What the entries of a ledger add up to, day by day.
const OF_ENTRIES: &str = "
    SELECT merchant_id, to_char(date, 'YYYY-MM-DD') AS date,
        coalesce(sum(amount_minor) FILTER (WHERE type = 'credit'), 0)::text AS credits,
        coalesce(sum(amount_minor) FILTER (WHERE type = 'debit'), 0)::text AS debits,
        count(*) AS entry_count
    FROM entry GROUP BY 1, 2";

/// What its totals say.
const OF_TOTALS: &str = "
    SELECT merchant_id, to_char(date, 'YYYY-MM-DD') AS date,
        sum(credits)::text AS credits, sum(debits)::text AS debits, sum(entry_count)::bigint AS entry_count
    FROM daily_total GROUP BY 1, 2";

/// Fails unless entries and totals of the ledger are those that were sent to it.
pub async fn ledger_holds(ledger: &Ledger, sent: &Sums) -> Result<()> {
    ensure!(sums(ledger, OF_ENTRIES).await? == *sent, "wrong sums: the ledger's entries are not those that were sent");
    ensure!(sums(ledger, OF_TOTALS).await? == *sent, "wrong sums: the ledger's totals are not those that were sent");
    Ok(())
}

/// Fails unless the ledger holds so many entries, and their totals say the same.
pub async fn ledger_is_consistent(ledger: &Ledger, entries: u64) -> Result<()> {
    let found = sums(ledger, OF_ENTRIES).await?;
    ensure!(found.entries() == entries, "{} entries in the ledger, {entries} were posted", found.entries());
    ensure!(sums(ledger, OF_TOTALS).await? == found, "wrong sums: the ledger's totals are not those of its entries");
    Ok(())
}

async fn sums(ledger: &Ledger, query: &str) -> Result<Sums> {
    let client = ledger.owner().await;
    client.batch_execute("SET statement_timeout = 0").await?;
    let mut sums = Sums::default();
    for row in client.query(query, &[]).await? {
        let totals = Totals {
            credits: row.get::<_, &str>("credits").parse()?,
            debits: row.get::<_, &str>("debits").parse()?,
            entry_count: u64::try_from(row.get::<_, i64>("entry_count"))?,
        };
        sums.add_day(row.get("merchant_id"), parse_date(row.get("date"))?, totals)?;
    }
    Ok(sums)
}
