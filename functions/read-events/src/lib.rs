//! Answers the functions that give events out. They are outside of the VPC and cannot reach the ledger; nobody else may invoke this
//! one, which believes what it is told of the merchant.

use cashflow::{EndpointDisabled, EventType, FeedCursor, MerchantId};
use http_api::{ShownPage, parse_event_types, read_feed_cursor, write_feed_cursor};
use jiff::{Timestamp, tz::TimeZone};
use ledger::{ActiveMerchants, BusinessDay, FeedError, Ledger, LedgerError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most events of a page.
const LIMIT_MAX: u16 = 500;

/// The merchants of a page.
const MERCHANTS_MAX: u16 = 500;

/// What reads the events.
pub struct ReadEvents {
    /// Where they are.
    pub ledger: Ledger,
    /// Where a business day begins.
    pub business_time_zone: TimeZone,
}

/// What is asked. Each form has members that no other has.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Question {
    /// The events of a merchant.
    Page(PageQuestion),
    /// Where a merchant's feed ends.
    End(EndQuestion),
    /// To whom something happened.
    Active(ActiveQuestion),
    /// To note that an endpoint was switched off.
    Append(AppendQuestion),
}

/// The events of a merchant behind this one, of these types.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuestion {
    merchant_id: String,
    after: Option<String>,
    types: Option<Vec<String>>,
    limit: u16,
}

/// Where a merchant's feed ends at this moment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndQuestion {
    merchant_id: String,
    position: Position,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Position {
    Now,
}

/// The merchants to whom something happened since a moment, from the one after the last one of the page before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveQuestion {
    active_since: Timestamp,
    after: Option<String>,
}

/// To note that an endpoint of a merchant was switched off.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppendQuestion {
    merchant_id: String,
    append: Appended,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Appended {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    /// The ledger's event has its own.
    #[serde(rename = "subject")]
    _subject: String,
    data: DisabledData,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DisabledData {
    endpoint_id: String,
    url: String,
    reason: String,
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Events as `GET /events` gives them out.
    Page(ShownPage),
    /// The cursor behind the newest event.
    End {
        /// The cursor.
        next: String,
    },
    /// Merchants.
    Active {
        /// Who.
        merchants: Vec<String>,
        /// Up to which moment they were looked for.
        until: String,
        /// Where the list goes on.
        next: Option<String>,
    },
    /// It is noted.
    Noted {},
    /// The cursor holds no more: the ledger was set back, or it is of another merchant.
    Refused {
        /// Why.
        refused: &'static str,
    },
}

/// The question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The ledger gave no answer.
    #[error("the ledger gave no answer")]
    Ledger(#[from] LedgerError),
    /// It asks for what there is not.
    #[error("the question is not one that is answered here: {0}")]
    Invalid(&'static str),
}

impl ReadEvents {
    /// Answers one question.
    pub async fn handle(&self, question: Question, now: Timestamp) -> Result<Answer, ReadError> {
        let today = BusinessDay::at(now, &self.business_time_zone);
        match question {
            Question::Page(question) => self.page(question, &today).await,
            Question::End(EndQuestion { merchant_id, position: Position::Now }) => {
                let merchant = read_merchant(&merchant_id)?;
                let key = self.ledger.feed_key(&merchant).await?;
                let end = self.ledger.feed_end(&merchant).await?;
                Ok(Answer::End { next: write_feed_cursor(end, &merchant, &key) })
            }
            Question::Active(question) => self.active(question, &today).await,
            Question::Append(AppendQuestion { merchant_id, append }) => {
                let merchant = read_merchant(&merchant_id)?;
                if append.event_type != EventType::EndpointDisabled.as_str() {
                    return Err(ReadError::Invalid("only webhook_endpoint.disabled is noted"));
                }
                let about = read_uuid(&append.id)?;
                let DisabledData { endpoint_id, url, reason } = append.data;
                let event = EndpointDisabled { endpoint_id: read_uuid(&endpoint_id)?, url, reason };
                self.ledger.append_event(&merchant, about, &event).await?;
                Ok(Answer::Noted {})
            }
        }
    }

    async fn page(&self, question: PageQuestion, today: &BusinessDay) -> Result<Answer, ReadError> {
        let merchant = read_merchant(&question.merchant_id)?;
        if !(1..=LIMIT_MAX).contains(&question.limit) {
            return Err(ReadError::Invalid("limit"));
        }
        let types = question.types.as_deref().map(|types| parse_event_types(types.iter().map(String::as_str)));
        let types = types.transpose().map_err(|_| ReadError::Invalid("types"))?;
        let key = self.ledger.feed_key(&merchant).await?;
        let after = match &question.after {
            Some(text) => match read_feed_cursor(text, &merchant, &key) {
                Some(cursor) => cursor,
                None => return Ok(Answer::Refused { refused: "cursor" }),
            },
            None => FeedCursor::START,
        };
        let after = question.after.is_some().then_some(&after);
        match self.ledger.events(&merchant, today, after, types.as_deref(), question.limit).await {
            Ok(page) => Ok(Answer::Page(ShownPage::new(&page, &merchant, &key))),
            Err(FeedError::CursorAhead) => Ok(Answer::Refused { refused: "cursor" }),
            Err(FeedError::Ledger(error)) => Err(error.into()),
        }
    }

    async fn active(&self, question: ActiveQuestion, today: &BusinessDay) -> Result<Answer, ReadError> {
        let after = question.after.as_deref().map(read_merchant).transpose()?;
        let since = question.active_since;
        let active = self.ledger.merchants_with_events_since(since, today, after.as_ref(), MERCHANTS_MAX).await?;
        let ActiveMerchants { merchants, until, is_last } = active;
        let next = if is_last { None } else { merchants.last().map(MerchantId::to_string) };
        let merchants = merchants.iter().map(MerchantId::to_string).collect();
        Ok(Answer::Active { merchants, until: until.to_string(), next })
    }
}

fn read_merchant(text: &str) -> Result<MerchantId, ReadError> {
    MerchantId::parse(text).map_err(|_| ReadError::Invalid("merchant_id"))
}

fn read_uuid(text: &str) -> Result<Uuid, ReadError> {
    Uuid::try_parse(text).map_err(|_| ReadError::Invalid("an id"))
}
