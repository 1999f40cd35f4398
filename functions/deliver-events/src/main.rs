//! The Lambda function `deliver-events`.

use std::time::Duration;

use aws_clients::AwsLimits;
use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_dynamodb::Client;
use deliver_events::{Bus, DeliverEvents, WORKS_FOR};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use telemetry::{Invocation, Telemetry};
use webhooks::{Feed, Jitter, KeyService, Loopback, Sender, Wakes, WebhookTable};

/// Below what is left of the function's timeout when its last attempts have ended.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(2), operation_timeout: Duration::from_secs(5), attempts: 3 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let table_name = settings::required("WEBHOOKS_TABLE")?;
    let deliver_events = &DeliverEvents {
        table: WebhookTable::new(Client::new(&DYNAMODB.load_config().await?), table_name),
        feed: Feed::from_env().await?,
        keys: KeyService::from_env().await?,
        sender: Sender::new(Loopback::from_env()?),
        wakes: Wakes::from_env().await?,
        bus: Bus::from_env().await?,
        jitter: Jitter::random,
        works_for: WORKS_FOR,
        metrics: telemetry.metrics.clone(),
    };
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let context = event.context;
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        // On the heap, as in `relay-events`.
        let delivered = Box::pin(deliver_events.handle(event.payload, Timestamp::now()));
        Ok::<_, Error>(telemetry.observe(invocation, delivered).await)
    }))
    .await
}
