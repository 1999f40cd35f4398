//! The Lambda function `relay-events`.

use std::time::Duration;

use aws_clients::AwsLimits;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use relay_events::{Notice, RelayEvents};
use telemetry::{Causes, Invocation, Telemetry};
use webhooks::{Feed, Wakes, WebhookTable};

/// Three attempts and their pauses.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(2), operation_timeout: Duration::from_secs(5), attempts: 3 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let table_name = settings::required("WEBHOOKS_TABLE")?;
    let relay_events = &RelayEvents {
        table: WebhookTable::new(Client::new(&DYNAMODB.load_config().await?), table_name),
        feed: Feed::from_env().await?,
        wakes: Wakes::from_env().await?,
        has_bus: settings::optional("EVENT_BUS_NAME").is_some(),
        metrics: telemetry.metrics.clone(),
    };
    run(service_fn(async |event: LambdaEvent<Notice>| {
        let context = event.context;
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        // On the heap: the compiler gives up on futures that are nested as deeply as all of this.
        let handled = Box::pin(relay_events.handle(&event.payload, Timestamp::now()));
        let handled = telemetry.observe(invocation, handled).await;
        handled.map_err(|error| Error::from(Causes(&error).to_string()))
    }))
    .await
}
