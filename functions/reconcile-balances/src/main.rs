//! The Lambda function `reconcile-balances`. Started outside of Lambda, it does one scheduled run and ends.

use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use aws_clients::AwsLimits;
use balances::BalanceTable;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use ledger::{Ledger, LedgerConfig};
use reconcile_balances::ReconcileBalances;
use telemetry::{Invocation, Telemetry};

/// A run that fails is resumed by the next one.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(2), operation_timeout: Duration::from_secs(5), attempts: 3 };

/// What is begun when the clock is looked at takes less than this: the months of a year, and setting aside those that fail.
const RESERVE: Duration = Duration::from_secs(45);

/// How long a run outside of Lambda may begin something new: a job of the second door comes every 15 minutes.
const RUN: Duration = Duration::from_secs(700);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    let telemetry = &Telemetry::start()?;
    let table_name = settings::required("BALANCES_TABLE")?;
    let aws = DYNAMODB.load_config().await?;
    let reconcile_balances = &ReconcileBalances {
        ledger: Ledger::new(LedgerConfig::from_env().await?),
        table: BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws), table_name),
        metrics: telemetry.metrics.clone(),
    };
    if env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        let begun = Instant::now();
        let reconciled = reconcile_balances.handle(serde_json::json!({}), || begun.elapsed() > RUN);
        let reconciled = telemetry.observe(Invocation::new("job", None), reconciled).await;
        return Ok(if reconciled.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let context = event.context;
        let deadline = context.deadline();
        let is_out_of_time = || deadline.duration_since(SystemTime::now()).unwrap_or_default() < RESERVE;
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        let reconciled = reconcile_balances.handle(event.payload, is_out_of_time);
        telemetry.observe(invocation, reconciled).await.map_err(Error::from)
    }))
    .await?;
    Ok(ExitCode::SUCCESS)
}
