use std::time::Duration;

use aws_clients::Roots;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};
use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::{MigrateLedgerError, Migrated, one_line};

/// The name under which CloudFormation knows the ledger. Always the same: with another one, an update would make CloudFormation
/// delete what it knew before.
const PHYSICAL_RESOURCE_ID: &str = "fluxo-ledger";

/// How often the answer is sent before Lambda calls again.
const ATTEMPTS: u32 = 3;

/// The most that one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(2);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// CloudFormation takes answers of at most 4,096 bytes; the other fields are below half of it.
const TEXT_BYTES_MAX: usize = 1_500;

/// A request of CloudFormation, as far as it can be read. What cannot be read is answered all the same, if the address can.
#[derive(Debug)]
pub(crate) struct Request {
    kind: String,
    address: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: String,
}

/// Why CloudFormation was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The event is no request of CloudFormation: it has no `ResponseURL`.
    #[error("the event has no ResponseURL, so it cannot be answered")]
    NoAddress,
    /// The answer was not taken.
    #[error("sending the answer to CloudFormation failed: {0}")]
    NotTaken(String),
    /// The answer was not taken in time.
    #[error("sending the answer to CloudFormation took too long")]
    OutOfTime,
}

/// What CloudFormation is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    data: Data<'a>,
}

/// What the template can read with `GetAtt`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data<'a> {
    /// The migrations that this run applied.
    applied: String,
    /// The migrations of a later release that the ledger has; if there are any, this run changed neither tables nor functions.
    later: String,
    /// Which ledger it is, and of which epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<&'a str>,
}

/// Sends answers.
#[derive(Debug, Clone)]
pub struct Answers(Agent);

impl Request {
    /// `None` if there is nobody to answer.
    pub(crate) fn read(event: &Value) -> Option<Request> {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let or_first = |id: String| if id.is_empty() { PHYSICAL_RESOURCE_ID.to_owned() } else { id };
        Some(Request {
            kind: text("RequestType"),
            address: Some(text("ResponseURL")).filter(|address| !address.is_empty())?,
            stack_id: text("StackId"),
            request_id: text("RequestId"),
            logical_resource_id: text("LogicalResourceId"),
            physical_resource_id: or_first(text("PhysicalResourceId")),
        })
    }

    /// `Create`, `Update` or `Delete`, if it is a request of CloudFormation.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }
}

impl Answers {
    /// Sends answers to servers of these authorities.
    pub fn new(roots: &Roots) -> Answers {
        // The second time in one process there is a provider already, which is this one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let roots: Vec<_> =
            roots.certificates().map(|certificate| Certificate::from_der(&certificate).to_owned()).collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
        let config = Agent::config_builder().timeout_global(Some(ATTEMPT)).tls_config(tls).proxy(None).build();
        Answers(config.into())
    }

    /// Answers a request within a limit of time.
    pub(crate) async fn send(
        &self,
        request: &Request,
        done: &Result<Option<Migrated>, MigrateLedgerError>,
        limit: Duration,
    ) -> Result<(), AnswerError> {
        let answer = serde_json::json!(Answer::new(request, done)).to_string();
        timeout(limit, self.send_patiently(&request.address, &answer)).await.unwrap_or(Err(AnswerError::OutOfTime))
    }

    async fn send_patiently(&self, address: &str, answer: &str) -> Result<(), AnswerError> {
        let mut attempt = 1;
        loop {
            match self.put(address, answer).await {
                Ok(()) => return Ok(()),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(error) => {
                    tracing::warn!(attempt, %error, "sending the answer to CloudFormation failed; sending it again");
                }
            }
            attempt += 1;
            sleep(PAUSE).await;
        }
    }

    /// The address is a signed one: who has it can answer in our place, so it is in no error and no log.
    async fn put(&self, address: &str, answer: &str) -> Result<(), AnswerError> {
        let (agent, address, answer) = (self.0.clone(), address.to_owned(), answer.to_owned());
        // No content type, because none is among what was signed.
        let put = move || agent.put(address).header("content-type", "").send(answer);
        match spawn_blocking(put).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(ureq::Error::BadUri(_))) => Err(AnswerError::NotTaken("the address is none".to_owned())),
            Ok(Err(error)) => Err(AnswerError::NotTaken(error.to_string())),
            Err(_) => Err(AnswerError::NotTaken("sending it was given up".to_owned())),
        }
    }
}

impl<'a> Answer<'a> {
    fn new(request: &'a Request, done: &'a Result<Option<Migrated>, MigrateLedgerError>) -> Answer<'a> {
        let migrated = done.as_ref().ok().and_then(Option::as_ref);
        Answer {
            status: if done.is_ok() { "SUCCESS" } else { "FAILED" },
            reason: done.as_ref().err().map(|error| cut(one_line(error))),
            physical_resource_id: &request.physical_resource_id,
            stack_id: &request.stack_id,
            request_id: &request.request_id,
            logical_resource_id: &request.logical_resource_id,
            data: Data {
                applied: cut(migrated.map_or_else(String::new, |migrated| migrated.applied.join(", "))),
                later: cut(migrated.map_or_else(String::new, |migrated| migrated.later.join(", "))),
                generation: migrated.map(|migrated| migrated.generation.as_str()),
            },
        }
    }
}

/// The beginning of a text, of a length that fits.
fn cut(text: String) -> String {
    match text.char_indices().find(|(index, character)| index + character.len_utf8() > TEXT_BYTES_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
