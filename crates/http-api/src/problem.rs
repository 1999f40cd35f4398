use std::error::Error;

use cashflow::MerchantId;
use lambda_http::{
    Body, Response,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
};
use serde::Serialize;
use telemetry::Causes;

use crate::{fault::Fault, response::respond};

/// The most faults that are listed: more than a batch with every field of every entry wrong, few enough to bound the answer.
pub(crate) const FAULTS_MAX: usize = 5_000;

/// The stable, machine-readable name of everything that can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON.
    MalformedJson,
    /// The body is JSON, but not what the endpoint takes.
    ValidationFailed,
    /// A part of the path or the query is not what the endpoint takes.
    ParameterInvalid,
    /// The `Idempotency-Key` header is missing.
    IdempotencyKeyMissing,
    /// The `Idempotency-Key` header has a value that is no key.
    IdempotencyKeyInvalid,
    /// The token is not an ID token of the user pool.
    IdTokenRequired,
    /// The token names no merchant.
    MerchantMissing,
    /// The user is not in the group that may write.
    ClerkRequired,
    /// There is nothing at this path.
    NotFound,
    /// The body is too long.
    BodyTooLarge,
    /// The batch would not fit the workflow's state.
    BatchTooLarge,
    /// The body is not declared to be JSON.
    UnsupportedMediaType,
    /// Another payload was sent under the same key.
    IdempotencyKeyReused,
    /// The entry to reverse is accepted, but not yet in the ledger.
    NotYetPosted,
    /// Another reversal has undone the entry.
    AlreadyReversed,
    /// The entry to reverse is a reversal itself.
    ReversalOfReversal,
    /// What was known at the moment asked for can still change.
    NotSettled,
    /// The balance does not contain the token's entry yet.
    NotYetReflected,
    /// Another day of the merchant, or the same one, is being sealed.
    SealInProgress,
    /// The day has more entries than can be sealed.
    DayTooLarge,
    /// The merchant has as many balance alerts as it may.
    TooManyBalanceAlerts,
    /// The merchant has as many webhook endpoints as it may.
    TooManyWebhookEndpoints,
    /// Nothing is sent to the webhook endpoint, because it is switched off.
    WebhookEndpointDisabled,
    /// Deliveries of a webhook endpoint were asked for again too often.
    TooManyRedeliveries,
    /// As many earlier secrets of a webhook endpoint sign as may.
    TooManyRotations,
    /// A defect on this side.
    InternalError,
    /// A part that is needed for the answer is down.
    TemporarilyUnavailable,
}

impl Code {
    /// Every code, for the checks that compare them with the documents.
    pub const ALL: [Code; 27] = [
        Code::MalformedJson,
        Code::ValidationFailed,
        Code::ParameterInvalid,
        Code::IdempotencyKeyMissing,
        Code::IdempotencyKeyInvalid,
        Code::IdTokenRequired,
        Code::MerchantMissing,
        Code::ClerkRequired,
        Code::NotFound,
        Code::BodyTooLarge,
        Code::BatchTooLarge,
        Code::UnsupportedMediaType,
        Code::IdempotencyKeyReused,
        Code::NotYetPosted,
        Code::AlreadyReversed,
        Code::ReversalOfReversal,
        Code::NotSettled,
        Code::NotYetReflected,
        Code::SealInProgress,
        Code::DayTooLarge,
        Code::TooManyBalanceAlerts,
        Code::TooManyWebhookEndpoints,
        Code::WebhookEndpointDisabled,
        Code::TooManyRedeliveries,
        Code::TooManyRotations,
        Code::InternalError,
        Code::TemporarilyUnavailable,
    ];

    /// The code as it stands in an answer.
    pub fn as_str(self) -> &'static str {
        self.describe().1
    }

    /// The HTTP status. This is the only place that maps errors to statuses.
    pub fn status(self) -> StatusCode {
        self.describe().0
    }

    fn title(self) -> &'static str {
        self.describe().2
    }

    fn describe(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Code::MalformedJson => (StatusCode::BAD_REQUEST, "malformed_json", "The body is not valid JSON"),
            Code::ValidationFailed => (StatusCode::BAD_REQUEST, "validation_failed", "The request is not valid"),
            Code::ParameterInvalid => (StatusCode::BAD_REQUEST, "parameter_invalid", "A parameter is not valid"),
            Code::IdempotencyKeyMissing => {
                (StatusCode::BAD_REQUEST, "idempotency_key_missing", "The Idempotency-Key header is missing")
            }
            Code::IdempotencyKeyInvalid => {
                (StatusCode::BAD_REQUEST, "idempotency_key_invalid", "The Idempotency-Key header is not valid")
            }
            Code::IdTokenRequired => (StatusCode::FORBIDDEN, "id_token_required", "An ID token is required"),
            Code::MerchantMissing => (StatusCode::FORBIDDEN, "merchant_missing", "The token names no merchant"),
            Code::ClerkRequired => (StatusCode::FORBIDDEN, "clerk_required", "Only clerks may write"),
            Code::NotFound => (StatusCode::NOT_FOUND, "not_found", "There is nothing here"),
            Code::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too long"),
            Code::BatchTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", "The batch is too large"),
            Code::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body must be JSON")
            }
            Code::IdempotencyKeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "The idempotency key was used with another payload",
            ),
            Code::NotYetPosted => (StatusCode::CONFLICT, "not_yet_posted", "The entry is not posted yet"),
            Code::AlreadyReversed => (StatusCode::CONFLICT, "already_reversed", "The entry is reversed already"),
            Code::ReversalOfReversal => (StatusCode::CONFLICT, "reversal_of_reversal", "A reversal cannot be reversed"),
            Code::NotSettled => (StatusCode::CONFLICT, "not_settled", "What was known then can still change"),
            Code::NotYetReflected => {
                (StatusCode::CONFLICT, "not_yet_reflected", "The balance does not contain the entry yet")
            }
            Code::SealInProgress => (StatusCode::CONFLICT, "seal_in_progress", "Another seal is being made"),
            Code::DayTooLarge => (StatusCode::UNPROCESSABLE_ENTITY, "day_too_large", "The day has too many entries"),
            Code::TooManyBalanceAlerts => {
                (StatusCode::CONFLICT, "too_many_balance_alerts", "The merchant has as many alerts as it may")
            }
            Code::TooManyWebhookEndpoints => (
                StatusCode::CONFLICT,
                "too_many_webhook_endpoints",
                "The merchant has as many webhook endpoints as it may",
            ),
            Code::WebhookEndpointDisabled => {
                (StatusCode::CONFLICT, "webhook_endpoint_disabled", "The webhook endpoint is switched off")
            }
            Code::TooManyRedeliveries => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_redeliveries", "Too many deliveries were asked for again")
            }
            Code::TooManyRotations => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_rotations", "The secret was replaced too often")
            }
            Code::InternalError => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Something is wrong on our side")
            }
            Code::TemporarilyUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "Try again shortly")
            }
        }
    }
}

/// Why a request is refused or cannot be answered: the body of every error answer (RFC 9457, problem details).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem.
    pub code: Code,
    /// What happened this time, for people.
    pub detail: String,
    /// Every single fault, if there can be several.
    pub errors: Vec<Fault>,
    /// After how many seconds it is worth trying again, if it is.
    pub retry_after_s: Option<u64>,
    /// The store that failed, if one did: for the log, and not for the client.
    pub(crate) store_failure: Option<Box<StoreFailure>>,
}

/// What the log is to say of a store that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreFailure {
    pub(crate) merchant: MerchantId,
    /// The error with its causes.
    pub(crate) error: String,
}

/// For what is usually over when the client has read the answer.
const SHORTLY_S: u64 = 2;

impl Problem {
    /// A problem without single faults.
    pub fn new(code: Code, detail: impl ToString) -> Problem {
        Problem { code, detail: detail.to_string(), errors: Vec::new(), retry_after_s: None, store_failure: None }
    }

    /// A problem that lists its faults; its detail counts them.
    pub fn with_faults(code: Code, errors: Vec<Fault>) -> Problem {
        let detail = match errors.len() {
            1 => "The request has a fault; `errors` names it.".to_owned(),
            count if count < FAULTS_MAX => format!("The request has {count} faults; `errors` lists them."),
            count => format!("The request has {count} faults or more; `errors` lists the first {count}."),
        };
        Problem { errors, ..Problem::new(code, detail) }
    }

    /// Something that the answer needs is down; the client may try again.
    pub fn temporarily_unavailable() -> Problem {
        Problem::worth_repeating(
            Code::TemporarilyUnavailable,
            "A part of the system is not answering. Repeat the request; under the same idempotency key nothing is done twice.",
        )
    }

    /// The entry to reverse is on its way to the ledger.
    pub fn not_yet_posted() -> Problem {
        Problem::worth_repeating(
            Code::NotYetPosted,
            "The entry is accepted, but not in the ledger yet. Try again shortly.",
        )
    }

    /// The read model has not caught up with the token within the time that a request may take.
    pub fn not_yet_reflected() -> Problem {
        Problem::worth_repeating(
            Code::NotYetReflected,
            "The balances do not contain the entry of the token yet. Try again, or leave the token out to see them as they are.",
        )
    }

    /// A merchant's seals are made one after the other.
    pub fn seal_in_progress() -> Problem {
        Problem::worth_repeating(
            Code::SealInProgress,
            "Another seal of this merchant is being made, and they are made one at a time. Try again shortly.",
        )
    }

    /// A day with so many entries cannot be sealed.
    pub fn day_too_large(entry_count: u64, entries_max: u64) -> Problem {
        let detail =
            format!("The day has {entry_count} entries, and a seal can cover {entries_max}. Nothing was sealed.");
        Problem::new(Code::DayTooLarge, detail)
    }

    /// What was known at the instant is not settled for so many seconds.
    pub fn not_settled(retry_after_s: u64) -> Problem {
        let detail =
            "Entries that will count for this instant can still come. Ask for an instant that is 10 s ago or more.";
        Problem { retry_after_s: Some(retry_after_s), ..Problem::new(Code::NotSettled, detail) }
    }

    /// Deliveries of a webhook endpoint were asked for again as often as they may be in a minute, which is over after so many seconds.
    pub fn too_many_redeliveries(redeliveries_max: u32, retry_after_s: u64) -> Problem {
        let detail = format!(
            "{redeliveries_max} deliveries of the endpoint were asked for again within a minute. Try again shortly."
        );
        Problem { retry_after_s: Some(retry_after_s), ..Problem::new(Code::TooManyRedeliveries, detail) }
    }

    /// As many earlier secrets of a webhook endpoint sign as may, the first of them for so many seconds.
    pub fn too_many_rotations(previous_max: usize, retry_after_s: u64) -> Problem {
        let detail = format!(
            "{previous_max} earlier secrets of the endpoint are valid still. Try again when the first of them is not."
        );
        Problem { retry_after_s: Some(retry_after_s), ..Problem::new(Code::TooManyRotations, detail) }
    }

    fn worth_repeating(code: Code, detail: &str) -> Problem {
        Problem { retry_after_s: Some(SHORTLY_S), ..Problem::new(code, detail) }
    }

    /// The answer needs a store that failed. The client is told whether trying again is worth it; the particulars go along to
    /// where the answer is given and logged ([`serve`](crate::serve())).
    pub fn of_store(merchant: &MerchantId, error: &(dyn Error + 'static), is_transient: bool) -> Problem {
        let problem = if is_transient { Problem::temporarily_unavailable() } else { Problem::internal_error() };
        let failure = StoreFailure { merchant: merchant.clone(), error: Causes(error).to_string() };
        Problem { store_failure: Some(Box::new(failure)), ..problem }
    }

    /// A defect on this side; its particulars are in the log and not for the client.
    pub fn internal_error() -> Problem {
        Problem::new(Code::InternalError, "The request could not be answered.")
    }

    /// The answer.
    pub fn into_response(self) -> Response<Body> {
        #[derive(Serialize)]
        struct Details<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            code: &'a str,
            #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
            errors: &'a [Fault],
        }
        let details = Details {
            r#type: format!("urn:fluxo:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            errors: &self.errors,
        };
        let mut response = respond(self.code.status(), "application/problem+json", &details);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For whoever counts refusals and logs failures; they are no part of what is sent.
        response.extensions_mut().insert(self.code);
        if let Some(failure) = self.store_failure {
            response.extensions_mut().insert(*failure);
        }
        response
    }
}
