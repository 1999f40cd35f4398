//! The Lambda function `read-events`.

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use ledger::{Ledger, LedgerConfig};
use read_events::{Question, ReadEvents};
use telemetry::{Causes, Invocation, Telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = Ledger::new(LedgerConfig::from_env().await?);
    let read_events = &ReadEvents { ledger, business_time_zone: settings::business_time_zone()? };
    read_events.ledger.warm_up().await;
    run(service_fn(async |event: LambdaEvent<Question>| {
        let (question, context) = event.into_parts();
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        let answered = async {
            // On the heap, as in `Telemetry::observe`.
            let answer = Box::pin(read_events.handle(question, Timestamp::now())).await;
            if let Err(error) = &answer {
                tracing::error!(error = %Causes(error), "events not read");
            }
            answer.map_err(Error::from)
        };
        telemetry.observe(invocation, answered).await
    }))
    .await
}
