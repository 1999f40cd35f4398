//! The Lambda function `webhook-endpoints`.

use std::time::Duration;

use aws_clients::AwsLimits;
use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use lambda_http::Error;
use telemetry::Telemetry;
use webhook_endpoints::WebhookEndpoints;
use webhooks::{Feed, KeyService, Loopback, Wakes, WebhookTable};

/// Two attempts and their pause.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_millis(1_500), operation_timeout: Duration::from_secs(3), attempts: 2 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let table_name = settings::required("WEBHOOKS_TABLE")?;
    let webhook_endpoints = &WebhookEndpoints {
        table: WebhookTable::new(Client::new(&DYNAMODB.load_config().await?), table_name),
        feed: Feed::from_env().await?,
        keys: KeyService::from_env().await?,
        wakes: Wakes::from_env().await?,
        loopback: Loopback::from_env()?,
    };
    http_api::run(telemetry, webhook_endpoints, |webhook_endpoints, request| {
        Box::pin(webhook_endpoints.handle(request, Timestamp::now()))
    })
    .await
}
