//! `pgbench`, PostgreSQL's own load generator in C, with the statements of `apply-to-ledger`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use cashflow::{Category, Description};
use ledger::Authentication;
use tokio::process::Command;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::{
    data::{Batch, FIRST_MERCHANT, Shape, TODAY},
    load::Window,
    stores::Ledger,
};

/// How statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// As the functions do it: each parsed and planned each time, and a transaction of its own.
    AsFunctions,
    /// The same, but both in one transaction.
    InOneTransaction,
    /// Each a transaction of its own, but prepared once for each connection.
    Prepared,
}

/// What `pgbench` did in the measured time.
pub struct Run {
    /// Transactions in all, warm-up included.
    pub transactions: u64,
    /// Transactions for each second of the measured time.
    pub per_second: f64,
}

/// One script, and who runs it.
pub struct Pgbench<'a> {
    /// The program.
    pub program: &'a Path,
    /// The file, in `bench/pgbench`.
    pub script: &'static str,
    /// How many clients.
    pub clients: usize,
    /// How it sends the statements.
    pub sending: Sending,
    /// Variables of the script.
    pub variables: Vec<(&'static str, String)>,
    /// No client runs the script more often in a second: by how much of `turn` the measured time begins after the warm-up.
    pub turns_per_second_max: u64,
}

impl Pgbench<'_> {
    /// Runs the script for the time of the warm-up, then for the measured time, signed in as a function is.
    pub async fn run(&self, ledger: &Ledger, window: Window) -> Result<Run> {
        let warm_up = self.run_for(ledger, window.warm_up, 0).await?;
        let turns = self.turns_per_second_max * seconds(window.warm_up);
        let measured = self.run_for(ledger, window.measured, turns).await?;
        Ok(Run { transactions: warm_up.transactions + measured.transactions, per_second: measured.per_second })
    }

    async fn run_for(&self, ledger: &Ledger, duration: Duration, turn: u64) -> Result<Run> {
        let config = ledger.config();
        let Authentication::Password(password) = &config.authentication else {
            unreachable!("the bench has passwords")
        };
        let clients = self.clients.to_string();
        let mut command = Command::new(self.program);
        command
            .args(["--no-vacuum", "--client", &clients, "--jobs", &clients, "--time"])
            .arg(seconds(duration).to_string())
            .args(["--protocol", self.sending.protocol(), "--host", &config.host, "--port", &config.port.to_string()])
            .args(["--username", &config.user, "--file"])
            .arg(script(self.script))
            .args(["--define", &format!("clients={clients}"), "--define", &format!("turn={turn}")])
            .args(["--define", &format!("commit_between={}", u8::from(self.sending != Sending::InOneTransaction))])
            .env("PGPASSWORD", password)
            // Each COMMIT of the scripts is a warning.
            .env("PGOPTIONS", "-c client_min_messages=error")
            .kill_on_drop(true);
        for (name, value) in &self.variables {
            command.arg("--define").arg(format!("{name}={value}"));
        }
        let output = command.arg(&config.database).output().await.context("pgbench cannot be started")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
        Run::read(&said).with_context(|| format!("pgbench said: {said}"))
    }
}

/// `pgbench` counts whole ones, and at least one.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs().max(1)
}

impl Sending {
    fn protocol(self) -> &'static str {
        match self {
            Sending::AsFunctions | Sending::InOneTransaction => "extended",
            Sending::Prepared => "prepared",
        }
    }
}

impl Run {
    fn read(output: &str) -> Option<Run> {
        let value = |label| output.lines().find_map(|line| line.trim().strip_prefix(label)?.split_whitespace().next());
        Some(Run {
            transactions: value("number of transactions actually processed: ")?.parse().ok()?,
            per_second: value("tps = ")?.parse().ok()?,
        })
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pgbench").join(name)
}

/// The variables of `post-one.sql` that make it draw what [`crate::data::Generator`] draws.
pub fn variables_of(shape: Shape) -> Vec<(&'static str, String)> {
    let last_day = u32::try_from(TODAY.day()).unwrap_or_default();
    vec![
        ("first_merchant", FIRST_MERCHANT.to_string()),
        ("last_merchant", (FIRST_MERCHANT + shape.merchants - 1).to_string()),
        ("first_day", (last_day + 1 - shape.days).to_string()),
        ("last_day", last_day.to_string()),
    ]
}

/// Puts batches where `post-batch.sql` finds them, as the arrays that the function would send.
pub async fn prepare_batches(ledger: &Ledger, batches: &[Batch]) -> Result<()> {
    let mut owner = ledger.owner().await;
    owner.batch_execute(include_str!("../../pgbench/prepared-batch.sql")).await?;
    owner.batch_execute(&format!("GRANT SELECT ON prepared_batch TO {}", ledger.config().user)).await?;
    let transaction = owner.transaction().await?;
    let insert = transaction
        .prepare("INSERT INTO prepared_batch VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
        .await?;
    for (number, batch) in batches.iter().enumerate() {
        let entries = &batch.entries;
        let ids: Vec<Uuid> = entries.iter().map(|entry| *entry.id.as_uuid()).collect();
        let fingerprints: Vec<&[u8]> = entries.iter().map(|entry| entry.fingerprint.as_bytes().as_slice()).collect();
        let types: Vec<&str> = entries.iter().map(|entry| entry.entry_type.as_str()).collect();
        let amounts: Vec<i64> = entries.iter().map(|entry| entry.amount.minor()).collect();
        let currencies: Vec<&str> = entries.iter().map(|entry| entry.amount.currency().code()).collect();
        let dates: Vec<String> = entries.iter().map(|entry| entry.date.to_string()).collect();
        let descriptions: Vec<Option<&str>> =
            entries.iter().map(|entry| entry.description.as_ref().map(Description::as_str)).collect();
        let categories: Vec<Option<&str>> =
            entries.iter().map(|entry| entry.category.as_ref().map(Category::as_str)).collect();
        let originals: Vec<Option<Uuid>> = vec![None; entries.len()];
        let days: BTreeSet<(&str, &str)> = currencies.iter().copied().zip(dates.iter().map(String::as_str)).collect();
        let (total_currencies, total_days): (Vec<&str>, Vec<&str>) = days.into_iter().unzip();
        let (number, merchant) = (i64::try_from(number)?, batch.merchant.as_str());
        let row: [&(dyn ToSql + Sync); 13] = [
            &number,
            &merchant,
            &ids,
            &fingerprints,
            &types,
            &amounts,
            &currencies,
            &dates,
            &descriptions,
            &categories,
            &originals,
            &total_currencies,
            &total_days,
        ];
        transaction.execute(&insert, &row).await?;
    }
    transaction.commit().await?;
    Ok(owner.batch_execute("VACUUM ANALYZE prepared_batch").await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_says() {
        let said = "transaction type: post-one.sql\n\
                    number of transactions actually processed: 34120\n\
                    number of failed transactions: 0 (0.000%)\n\
                    tps = 4265.012345 (without initial connection time)\n";
        let run = Run::read(said).unwrap();
        assert_eq!(run.transactions, 34_120);
        assert!((run.per_second - 4_265.012_345).abs() < 1e-6);
        assert!(Run::read("pgbench: error").is_none());
    }
}
