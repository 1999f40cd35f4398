//! The Lambda function `reverse-entry`.

use http_api::serve;
use intake::Intake;
use jiff::Timestamp;
use lambda_http::{Error, Request, run, service_fn};
use ledger::{Ledger, LedgerConfig};
use reverse_entry::ReverseEntry;
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = Ledger::new(LedgerConfig::from_env().await?);
    let intake = async {
        let intake = Intake::from_env(telemetry.metrics.clone()).await?;
        intake.memory.warm_up().await;
        Ok::<_, Error>(intake)
    };
    // The ledger's server works on the connection while the clients of the other services are made.
    let ((), intake) = futures::join!(ledger.warm_up(), intake);
    let reverse_entry = &ReverseEntry { ledger, intake: intake?, business_time_zone: settings::business_time_zone()? };
    run(service_fn(async |request: Request| {
        Ok::<_, Error>(serve(telemetry, &request, reverse_entry.handle(&request, Timestamp::now())).await)
    }))
    .await
}
