//! The Lambda function `list-events`.

use jiff::Timestamp;
use lambda_http::Error;
use ledger::{Ledger, LedgerConfig};
use list_events::ListEvents;
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = Ledger::new(LedgerConfig::from_env().await?);
    let waiting_max = ListEvents::waiting_of(settings::required_as("EVENTS_CONCURRENCY", "a number of calls")?);
    let list_events = &ListEvents::new(ledger, settings::business_time_zone()?, waiting_max);
    list_events.ledger.warm_up().await;
    http_api::run(telemetry, list_events, |list_events, request| {
        Box::pin(list_events.handle(request, Timestamp::now()))
    })
    .await
}
