//! The Lambda function `register-entry`.

use intake::Intake;
use jiff::Timestamp;
use lambda_http::{Error, Request, run, service_fn, tracing};
use register_entry::RegisterEntry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let register_entry =
        &RegisterEntry { intake: Intake::from_env().await?, business_time_zone: settings::business_time_zone()? };
    register_entry.intake.memory.warm_up().await;
    run(service_fn(async |request: Request| Ok::<_, Error>(register_entry.handle(&request, Timestamp::now()).await)))
        .await
}
