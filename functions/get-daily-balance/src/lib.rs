//! `GET /daily-balances/{date}`, `GET /daily-balances?from&to` and the same as CSV: exact balances from the read model, with
//! no database connection.

use std::time::Duration;

use aws_clients::AwsLimits;
use balances::{BalanceTable, Consistency, ReadError};
use cashflow::{BalanceLine, MerchantId};
use http_api::{
    BalanceQuery, Caller, GivenToken, Problem, TokenKey, balance_response, balances_csv_response, balances_response,
    parse_day_query, parse_range_query,
};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, Response};
use settings::SettingError;
use tokio::time::{Instant, sleep};

/// Three attempts and their pauses fit the function's timeout.
const DYNAMODB: AwsLimits =
    AwsLimits { attempt_timeout: Duration::from_millis(1_500), operation_timeout: Duration::from_secs(5), attempts: 3 };

/// How long the read model has to catch up with a token before the client is told to ask again.
const CATCH_UP: Duration = Duration::from_secs(3);

/// How long to wait between two looks at a read model that has not caught up.
const POLL: Duration = Duration::from_millis(100);

/// For how long after its posting an entry is waited for. Balances have it within moments; one that they do not have by then is
/// held up by a fault, and waiting for it would only occupy a function.
const WAITED_FOR: SignedDuration = SignedDuration::from_secs(10);

/// What the function works with, built once when it starts.
#[derive(Debug)]
pub struct GetDailyBalance {
    /// The read model.
    pub table: BalanceTable,
    /// What balance tokens are signed with.
    pub token_key: TokenKey,
    /// How long the read model has to catch up with a token, if its entry was posted a moment ago.
    pub catch_up: Duration,
}

impl GetDailyBalance {
    /// From `BALANCES_TABLE` and `BALANCE_TOKEN_KEY`.
    pub async fn from_env() -> Result<GetDailyBalance, SettingError> {
        let table_name = settings::required("BALANCES_TABLE")?;
        let token_key = settings::required_as("BALANCE_TOKEN_KEY", "a secret of at least 32 characters")?;
        let aws = DYNAMODB.load_config().await?;
        let table = BalanceTable::new(aws_sdk_dynamodb::Client::new(&aws), table_name);
        Ok(GetDailyBalance { table, token_key, catch_up: CATCH_UP })
    }

    /// Answers one request that came in at `now`.
    pub async fn handle(&self, request: &Request, now: Timestamp) -> Response<Body> {
        self.answer(request, now).await.unwrap_or_else(Problem::into_response)
    }

    async fn answer(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, Problem> {
        let caller = Caller::of(request)?;
        let merchant = caller.merchant();
        match request.uri().path() {
            "/daily-balances" => {
                let query = parse_range_query(request, merchant, &self.token_key)?;
                let balances = self.read(merchant, query, now).await?;
                Ok(balances_response(&balances, query.currency))
            }
            "/daily-balances.csv" => {
                let query = parse_range_query(request, merchant, &self.token_key)?;
                let balances = self.read(merchant, query, now).await?;
                Ok(balances_csv_response(&balances, &query))
            }
            _ => {
                let query = parse_day_query(request, merchant, &self.token_key)?;
                let balances = self.read(merchant, query, now).await?;
                let balance = balances.first().ok_or_else(Problem::internal_error)?;
                Ok(balance_response(balance, query.currency))
            }
        }
    }

    async fn read(
        &self,
        merchant: &MerchantId,
        query: BalanceQuery,
        now: Timestamp,
    ) -> Result<Vec<BalanceLine>, Problem> {
        let failed = |error: ReadError| Problem::of_store(merchant, &error, error.is_transient());
        let consistency = match &query.token {
            Some(given) => {
                self.wait_for(merchant, given, now).await?;
                Consistency::Strong
            }
            None => Consistency::Eventual,
        };
        self.table.daily_balances(merchant, query.currency, query.from, query.to, consistency).await.map_err(failed)
    }

    /// Waits until the read model contains the token's entry. Of an entry that was posted longer ago it looks once.
    async fn wait_for(&self, merchant: &MerchantId, given: &GivenToken, now: Timestamp) -> Result<(), Problem> {
        let failed = |error: ReadError| Problem::of_store(merchant, &error, error.is_transient());
        let is_fresh = now.duration_since(given.posted_at) < WAITED_FOR;
        let deadline = Instant::now() + if is_fresh { self.catch_up } else { Duration::ZERO };
        while !self.table.has_reached(merchant, &given.token).await.map_err(failed)? {
            if Instant::now() + POLL > deadline {
                return Err(Problem::not_yet_reflected());
            }
            sleep(POLL).await;
        }
        Ok(())
    }
}
