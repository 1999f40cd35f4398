//! A Lambda function that does nothing: what the runtime itself costs, and the bench's server of the Runtime API.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: LambdaEvent<serde_json::Value>| Ok::<_, Error>(serde_json::Value::Null))).await
}
