//! The Lambda function `reverse-entry`.

use std::sync::Arc;

use intake::Intake;
use jiff::Timestamp;
use lambda_http::Error;
use ledger::{Ledger, LedgerConfig};
use reverse_entry::ReverseEntry;
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = Arc::new(Ledger::new(LedgerConfig::from_env().await?));
    let reverse_entry = &ReverseEntry {
        ledger: Arc::clone(&ledger),
        intake: Intake::from_env(ledger, telemetry.metrics.clone()).await?,
        business_time_zone: settings::business_time_zone()?,
    };
    futures::join!(reverse_entry.ledger.warm_up(), reverse_entry.intake.cache.warm_up());
    http_api::run(telemetry, reverse_entry, |reverse_entry, request| {
        Box::pin(reverse_entry.handle(request, Timestamp::now()))
    })
    .await
}
