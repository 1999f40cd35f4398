//! The Lambda function `reverse-entry`.

use intake::Intake;
use jiff::Timestamp;
use lambda_http::{Error, Request, run, service_fn, tracing};
use ledger::{Ledger, LedgerConfig};
use reverse_entry::ReverseEntry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let reverse_entry = &ReverseEntry {
        ledger: Ledger::new(LedgerConfig::from_env().await?),
        intake: Intake::from_env().await?,
        business_time_zone: settings::business_time_zone()?,
    };
    futures::join!(reverse_entry.ledger.warm_up(), reverse_entry.intake.memory.warm_up());
    run(service_fn(async |request: Request| Ok::<_, Error>(reverse_entry.handle(&request, Timestamp::now()).await)))
        .await
}
