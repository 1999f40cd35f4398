//! The Lambda function `register-entry`.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use lambda_http::{Error, Request, run, service_fn, tracing};
use register_entry::{RegisterEntry, StateMachine};
use request_memory::RequestMemory;
use settings::{AwsLimits, SettingError};

/// Starting an execution is safe to repeat: its name stands for the payload. All attempts fit the function's timeout.
const STEP_FUNCTIONS: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_secs(3), operation_timeout: Duration::from_secs(8), attempts: 3 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let aws = STEP_FUNCTIONS.load_config().await;
    let register_entry = &RegisterEntry {
        memory: RequestMemory::new(&settings::required("REDIS_URL")?)
            .map_err(|_| SettingError::Invalid { name: "REDIS_URL", expected: "a Redis URL" })?,
        state_machine: StateMachine::new(aws_sdk_sfn::Client::new(&aws), settings::required("STATE_MACHINE_ARN")?),
        business_time_zone: business_time_zone()?,
    };
    run(service_fn(async |request: Request| Ok::<_, Error>(register_entry.handle(&request, Timestamp::now()).await)))
        .await
}

fn business_time_zone() -> Result<TimeZone, SettingError> {
    let name = "BUSINESS_TIME_ZONE";
    TimeZone::get(&settings::required(name)?)
        .map_err(|_| SettingError::Invalid { name, expected: "a name of the IANA time zone database" })
}
