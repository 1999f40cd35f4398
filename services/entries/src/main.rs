//! The service `entries`.

use std::{error::Error, process::ExitCode};

use clap::Parser;
use entries::{
    record, serve,
    sweep::{Swept, sweep},
};
use entry_log::{EntryLog, KafkaConfig, Members, Step, begin_counting_moved};
use http_server::{Listen, Probes, Served, shutdown, start_probes};
use jiff::{SignedDuration, Timestamp};
use ledger::{Ledger, LedgerConfig};
use telemetry::{Causes, Exposition, Telemetry};

/// Accepts entries, records them in the ledger and answers what the ledger knows.
#[derive(Debug, Parser)]
enum Command {
    /// Answer requests, until SIGTERM.
    Serve,
    /// Post the entries of the log to the ledger, until SIGTERM.
    Record,
    /// Post a part of the log again, yesterday's if no times are given; exit with 3 if anything of it was not in the ledger, else with
    /// 1 if it was not read to its end, because something failed or because the recorder is not that far.
    Sweep {
        /// The first time of the part, such as 2026-11-22T00:00:00Z.
        #[arg(long, requires = "to")]
        from: Option<Timestamp>,
        /// The time before which it ends.
        #[arg(long, requires = "from")]
        to: Option<Timestamp>,
    },
}

/// The exit status of a sweep that has found something.
const SWEPT: u8 = 3;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let command = Command::parse();
    let exposition = Exposition::default();
    let telemetry = Telemetry::start_exposed(&exposition);
    match command {
        Command::Serve => match serve::run(telemetry, &exposition).await? {
            Served::Everything => Ok(ExitCode::SUCCESS),
            Served::NotEverything => Ok(ExitCode::FAILURE),
        },
        Command::Record => {
            let (kafka, ledger, log) = stores().await?;
            begin_counting_moved(&exposition, Step::Record);
            let members = Members::of(record::consumptions().len());
            start_probes(Listen::from_env()?.internal, &Probes::new(&exposition, members.readiness())).await?;
            record::run(&kafka, &ledger, &log, &telemetry, &members, &shutdown()?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Sweep { from, to } => {
            let (kafka, ledger, log) = stores().await?;
            let part = from.zip(to).unwrap_or_else(|| day_before(Timestamp::now()));
            let mut swept = Swept::default();
            let ended = sweep(&kafka, &ledger, &log, &telemetry, part, &mut swept).await;
            if let Err(error) = &ended {
                tracing::error!(error = %Causes(error), "the sweep has failed");
            } else if !swept.is_whole {
                tracing::error!(from = %part.0, to = %part.1, "entries record has not handled this part to its end: sweep it again");
            }
            let is_whole = ended.is_ok() && swept.is_whole;
            Ok(match (swept.entries_posted, is_whole) {
                (0, true) => ExitCode::SUCCESS,
                (0, false) => ExitCode::FAILURE,
                _ => ExitCode::from(SWEPT),
            })
        }
    }
}

/// The day before that of this moment, in UTC: when it begins and ends.
fn day_before(now: Timestamp) -> (Timestamp, Timestamp) {
    const DAY_S: i64 = 24 * 60 * 60;
    let seconds = now.as_second();
    let today = Timestamp::from_second(seconds - seconds.rem_euclid(DAY_S)).unwrap_or(now);
    (today - SignedDuration::from_secs(DAY_S), today)
}

async fn stores() -> Result<(KafkaConfig, Ledger, EntryLog), Box<dyn Error>> {
    let kafka = KafkaConfig::from_env().await?;
    let ledger = Ledger::with_connections(LedgerConfig::from_env().await?, Ledger::connections_from_env()?);
    let log = EntryLog::new(&kafka).await?;
    Ok((kafka, ledger, log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_without_times_is_of_yesterday() {
        for now in ["2026-03-01T00:00:00Z", "2026-03-01T02:30:00.5Z", "2026-03-01T23:59:59Z"] {
            let part = day_before(now.parse().unwrap());
            assert_eq!(part, ("2026-02-28T00:00:00Z".parse().unwrap(), "2026-03-01T00:00:00Z".parse().unwrap()));
        }
    }
}
