//! The Lambda function `register-entry`.

use std::sync::Arc;

use intake::Intake;
use jiff::Timestamp;
use lambda_http::Error;
use ledger::{Ledger, LedgerConfig};
use register_entry::RegisterEntry;
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = Arc::new(Ledger::new(LedgerConfig::from_env().await?));
    let register_entry = &RegisterEntry {
        intake: Intake::from_env(ledger, telemetry.metrics.clone()).await?,
        business_time_zone: settings::business_time_zone()?,
    };
    futures::join!(register_entry.intake.cache.warm_up(), register_entry.intake.lookup.warm_up());
    http_api::run(telemetry, register_entry, |register_entry, request| {
        Box::pin(register_entry.handle(request, Timestamp::now()))
    })
    .await
}
