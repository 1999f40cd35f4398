//! The routes that accept entries or ask the ledger, with the handlers of the functions.

use std::{error::Error, sync::Arc, time::Duration};

use balance_alerts::BalanceAlerts;
use entry_log::{EntryLog, KafkaConfig};
use get_entry::GetEntry;
use http_server::{HttpConfig, Part, Route, Served};
use idempotency_cache::IdempotencyCache;
use intake::Intake;
use jiff::Timestamp;
use ledger::{Ledger, LedgerConfig};
use list_events::ListEvents;
use register_entry::RegisterEntry;
use reverse_entry::ReverseEntry;
use sealing::Sealer;
use telemetry::{Exposition, Metrics, Telemetry};

use crate::LogRecorder;

/// How long a request that needs the ledger waits for one of its connections; then the client is told to ask again.
const LEDGER_PATIENCE: Duration = Duration::from_secs(2);

/// How many requests may wait for events at once, of all processes together: each process has a bound of its own, which is lower.
const WAITING_MAX: u16 = 1_000;

/// What the routes work with.
pub struct Serve {
    register_entry: RegisterEntry<LogRecorder>,
    reverse_entry: ReverseEntry<LogRecorder>,
    get_entry: GetEntry,
    sealer: Sealer,
    list_events: ListEvents,
    balance_alerts: BalanceAlerts,
    ledger: Ledger,
}

/// Every route of the service.
pub static ROUTES: &[Route<Serve>] = &[
    Route {
        name: "POST /entries",
        part: Part::Most,
        handle: |serve, request| Box::pin(serve.register_entry.handle(request, Timestamp::now())),
    },
    Route {
        name: "POST /entries/batch",
        part: Part::Most,
        handle: |serve, request| Box::pin(serve.register_entry.handle(request, Timestamp::now())),
    },
    Route {
        name: "POST /entries/{id}/reversal",
        part: Part::Both,
        handle: |serve, request| Box::pin(serve.reverse_entry.handle(request, Timestamp::now())),
    },
    Route {
        name: "GET /entries/{id}",
        part: Part::Half,
        handle: |serve, request| Box::pin(serve.get_entry.handle(request)),
    },
    Route {
        name: "GET /entries",
        part: Part::Half,
        handle: |serve, request| Box::pin(list_entries::handle(&serve.ledger, request)),
    },
    Route {
        name: "GET /entries.csv",
        part: Part::Few,
        handle: |serve, request| Box::pin(export_entries::handle(&serve.ledger, request)),
    },
    Route {
        name: "GET /daily-balances/{date}/as-of/{instant}",
        part: Part::Half,
        handle: |serve, request| Box::pin(get_balance_as_of::handle(&serve.ledger, request)),
    },
    Route {
        name: "POST /days/{date}/seal",
        part: Part::Half,
        handle: |serve, request| Box::pin(seal_day::handle(&serve.sealer, request)),
    },
    Route {
        name: "GET /days/{date}/seals",
        part: Part::Half,
        handle: |serve, request| Box::pin(list_seals::handle(&serve.ledger, request)),
    },
    Route {
        name: "GET /events",
        part: Part::Half,
        handle: |serve, request| Box::pin(serve.list_events.handle(request, Timestamp::now())),
    },
    Route {
        name: "PUT /balance-alerts",
        part: Part::Half,
        handle: |serve, request| Box::pin(serve.balance_alerts.handle(request, Timestamp::now())),
    },
    Route {
        name: "GET /balance-alerts",
        part: Part::Half,
        handle: |serve, request| Box::pin(serve.balance_alerts.handle(request, Timestamp::now())),
    },
    Route {
        name: "DELETE /balance-alerts/{id}",
        part: Part::Half,
        handle: |serve, request| Box::pin(serve.balance_alerts.handle(request, Timestamp::now())),
    },
];

impl Serve {
    /// From `KAFKA_…`, `LEDGER_…`, `REDIS_…`, `BALANCES_TABLE`, `BALANCE_TOKEN_KEY` and `BUSINESS_TIME_ZONE`. There are
    /// `LEDGER_CONNECTIONS` connections for what is looked up before a request is accepted, and as many for everything else, so
    /// that neither waits for the other.
    pub async fn from_env(metrics: Metrics) -> Result<Serve, Box<dyn Error>> {
        let recorder = LogRecorder::new(EntryLog::new(&KafkaConfig::from_env().await?).await?);
        let lookups = Ledger::with_connections(LedgerConfig::from_env().await?, Ledger::connections_from_env()?);
        let ledger = lookups.with_patience(LEDGER_PATIENCE);
        let business_time_zone = settings::business_time_zone()?;
        let intake = || {
            let intake = Intake::from_env_with(recorder.clone(), Arc::new(lookups.clone()), metrics.clone());
            intake.map(Intake::shared)
        };
        let register_entry = RegisterEntry { intake: intake()?, business_time_zone: business_time_zone.clone() };
        let serve = Serve {
            reverse_entry: ReverseEntry {
                ledger: Arc::new(ledger.clone()),
                // Both ask the ledger together.
                intake: Intake { lookup: register_entry.intake.lookup.clone(), ..intake()? },
                business_time_zone: business_time_zone.clone(),
            },
            register_entry,
            get_entry: GetEntry {
                ledger: ledger.clone(),
                cache: IdempotencyCache::from_env()?.shared(),
                token_key: settings::required_as("BALANCE_TOKEN_KEY", "a secret of at least 32 characters")?,
            },
            sealer: Sealer::from_env_with(ledger.clone()).await?,
            list_events: ListEvents::new(ledger.clone(), business_time_zone.clone(), WAITING_MAX),
            balance_alerts: BalanceAlerts { ledger: ledger.clone(), business_time_zone },
            ledger,
        };
        futures::join!(
            lookups.warm_up(),
            serve.ledger.warm_up(),
            serve.register_entry.intake.cache.warm_up(),
            serve.reverse_entry.intake.cache.warm_up(),
            serve.get_entry.cache.warm_up(),
        );
        Ok(serve)
    }
}

/// Answers requests until the process is told to end.
pub async fn run(telemetry: Telemetry, exposition: &Exposition) -> Result<Served, Box<dyn Error>> {
    let config = HttpConfig::from_env()?;
    let serve = Serve::from_env(telemetry.metrics.clone()).await?;
    Ok(http_server::run(&config, ROUTES, serve, telemetry, exposition).await?)
}
