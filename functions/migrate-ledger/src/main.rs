//! The Lambda function `migrate-ledger`. Started outside of Lambda, it does the same work once and says what it did.

use std::{env, process::ExitCode};

use aws_clients::Roots;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use migrate_ledger::{Answers, MigrateLedger, Migrated, Settings, one_line};
use telemetry::{Invocation, Telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    if env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Ok(by_hand().await);
    }
    let telemetry = &Telemetry::start()?;
    // A wrong setting is answered too: a function that does not even start would leave CloudFormation waiting.
    let migrate_ledger =
        &MigrateLedger { settings: Settings::from_env().await, answers: Answers::new(&Roots::amazon()) };
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let (request, context) = event.into_parts();
        let invocation = Invocation::new(&context.request_id, context.xray_trace_id.as_deref());
        let answered = migrate_ledger.handle(request, context.deadline());
        telemetry.observe(invocation, answered).await.map_err(Error::from)
    }))
    .await?;
    Ok(ExitCode::SUCCESS)
}

async fn by_hand() -> ExitCode {
    let migrated = match Settings::from_env().await {
        Ok(settings) => settings.migrate().await,
        Err(error) => Err(error.into()),
    };
    match migrated {
        Ok(Migrated { later, .. }) if !later.is_empty() => {
            let later = later.join(", ");
            println!("The ledger is of a later release ({later}); its tables and functions were not changed.");
        }
        Ok(Migrated { applied, .. }) if applied.is_empty() => println!("The ledger is up to date."),
        Ok(Migrated { applied, .. }) => println!("Applied: {}.", applied.join(", ")),
        Err(error) => {
            eprintln!("migrate-ledger: {}", one_line(&error));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
