//! The Lambda function `get-entry`.

use get_entry::GetEntry;
use idempotency_cache::IdempotencyCache;
use lambda_http::Error;
use ledger::{Ledger, LedgerConfig};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let telemetry = &Telemetry::start()?;
    let get_entry = &GetEntry {
        ledger: Ledger::new(LedgerConfig::from_env().await?),
        cache: IdempotencyCache::from_env()?,
        token_key: settings::required_as("BALANCE_TOKEN_KEY", "a secret of at least 32 characters")?,
    };
    futures::join!(get_entry.ledger.warm_up(), get_entry.cache.warm_up());
    http_api::run(telemetry, get_entry, |get_entry, request| Box::pin(get_entry.handle(request))).await
}
