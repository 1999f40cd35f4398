//! The Lambda function `apply-to-ledger`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use ledger::{Ledger, LedgerConfig};
use telemetry::{Invocation, Telemetry};
use workflow::Task;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let ledger = &Ledger::new(LedgerConfig::from_env().await?);
    ledger.warm_up().await;
    run(service_fn(async |event: LambdaEvent<Task>| {
        let (task, context) = event.into_parts();
        let execution = task.execution.clone();
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        let applied = apply_to_ledger::handle(ledger, &telemetry.metrics, task);
        telemetry.observe(invocation.of_execution(execution.as_deref()), applied).await
    }))
    .await
}
