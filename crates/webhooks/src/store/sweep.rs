//! Who is to be woken: by what a stream tells, by what is due, and by what the ledger says that no stream told.

use cashflow::MerchantId;
use jiff::Timestamp;

use super::{
    Item, StoreError, WebhookTable,
    attributes::{Read, text},
    call,
    endpoint::ENABLED,
    expression::{Change, Condition},
    lease::{DUE_PARTITIONS, merchant_key, subscriber_key},
};
use crate::{EndpointId, Subscriber, Wake};

/// How many subscribers of one partition of the index a sweep wakes.
const DUE_MAX: i32 = 500;

/// A subscriber of a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberState {
    /// Who it is.
    pub subscriber: Subscriber,
    /// Whether it need not be woken, because somebody will look for it later than now: who holds its lease and knows of a wake, or
    /// the sweep after its pause.
    pub is_covered: bool,
}

/// A subscriber that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSubscriber {
    /// Who it is.
    pub wake: Wake,
    /// Since when.
    pub due_at: Timestamp,
}

/// How far the sweep has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepState {
    /// Merchants with events since then have not been looked for.
    pub since: Option<String>,
    /// Where the list of them goes on, if it was not read to its end.
    pub after: Option<String>,
    /// How many endpoints there are, or a few more.
    pub endpoints: i64,
}

/// How far the bus has been told of the merchants that were there before it. Each of them begins with what comes next; those that are
/// new since then begin with their first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusBirth {
    /// It knows them all.
    Done,
    /// The list of them goes on there.
    At(Option<String>),
}

impl WebhookTable {
    /// The subscribers of a merchant that are in use. It sees every write that was answered before, so that who is covered is.
    pub async fn subscribers(&self, merchant: &MerchantId, now: Timestamp) -> Result<Vec<SubscriberState>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table_name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", merchant_key(merchant))
            .projection_expression("sk, #status, lease_until, dirty, paused_until")
            .expression_attribute_names("#status", "status");
        let items = call("Query", query.send()).await?.items.unwrap_or_default();
        let mut subscribers = Vec::with_capacity(items.len());
        for item in &items {
            let subscriber = match item.required_text("sk")? {
                "BUS" => Subscriber::Bus,
                key => match key.strip_prefix("E#").and_then(EndpointId::parse) {
                    Some(id) if item.text("status")? == Some(ENABLED) => Subscriber::Endpoint(id),
                    Some(_) | None => continue,
                },
            };
            subscribers.push(SubscriberState { subscriber, is_covered: is_covered(item, now)? });
        }
        Ok(subscribers)
    }

    /// Subscribers that were due at this moment, those of each partition that have waited for longest.
    pub async fn due_subscribers(&self, until: Timestamp) -> Result<Vec<DueSubscriber>, StoreError> {
        let mut due = Vec::new();
        for partition in 0..DUE_PARTITIONS {
            let query = self
                .client
                .query()
                .table_name(&self.table_name)
                .index_name("Due")
                .key_condition_expression("due = :due AND due_at <= :until")
                .expression_attribute_values(":due", text(format!("DUE#{partition}")))
                .expression_attribute_values(":until", super::attributes::moment(until))
                .limit(DUE_MAX);
            for item in call("Query", query.send()).await?.items.unwrap_or_default() {
                due.push(DueSubscriber { wake: wake(&item)?, due_at: item.required_moment("due_at")? });
            }
        }
        Ok(due)
    }

    /// How far the sweep has come.
    pub async fn sweep_state(&self) -> Result<SweepState, StoreError> {
        let Some(item) = self.sweep_item("SWEEP").await? else { return Ok(SweepState::default()) };
        Ok(SweepState {
            since: item.text("since")?.map(str::to_owned),
            after: item.text("after")?.map(str::to_owned),
            endpoints: item.number("endpoints")?.unwrap_or_default(),
        })
    }

    /// Stores how far the sweep has come.
    pub async fn set_sweep_state(&self, since: &str, after: Option<&str>) -> Result<(), StoreError> {
        let change = Change::default().set("since", text(since)).set_or_remove("after", after.map(text));
        self.changed_at(text("SWEEP"), text("SWEEP"), change).await.map(drop)
    }

    /// How far the bus has been told of the merchants that were there before it.
    pub async fn bus_birth(&self) -> Result<BusBirth, StoreError> {
        let Some(item) = self.sweep_item("BUS").await? else { return Ok(BusBirth::At(None)) };
        Ok(match item.text("after")? {
            Some(after) => BusBirth::At(Some(after.to_owned())),
            None => BusBirth::Done,
        })
    }

    /// Stores how far it has been told.
    pub async fn set_bus_birth(&self, birth: &BusBirth) -> Result<(), StoreError> {
        let after = match birth {
            BusBirth::Done => None,
            BusBirth::At(after) => after.as_deref(),
        };
        let change = Change::default().set("known", text("merchants")).set_or_remove("after", after.map(text));
        self.changed_at(text("SWEEP"), text("BUS"), change).await.map(drop)
    }

    /// Has the bus begin behind this event of a merchant, if it has not begun yet.
    pub async fn begin_bus(&self, merchant: &MerchantId, cursor: &str) -> Result<(), StoreError> {
        let change = Change::default().set("cursor", text(cursor)).when(Condition::Missing("pk"));
        self.changed_at(merchant_key(merchant), subscriber_key(Subscriber::Bus), change).await.map(drop)
    }

    /// Counts endpoints of all merchants.
    pub(crate) async fn count_all(&self, number: i64) -> Result<(), StoreError> {
        self.changed_at(text("SWEEP"), text("SWEEP"), Change::default().add("endpoints", number)).await.map(drop)
    }

    async fn sweep_item(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table_name)
            .consistent_read(true)
            .key("pk", text("SWEEP"))
            .key("sk", text(key));
        Ok(call("GetItem", get.send()).await?.item)
    }
}

fn is_covered(item: &Item, now: Timestamp) -> Result<bool, StoreError> {
    let is_later = |name| Ok::<_, StoreError>(item.moment(name)?.is_some_and(|until| until > now));
    let is_dirty = item.get("dirty").is_some_and(|value| value.as_bool() == Ok(&true));
    Ok((is_dirty && is_later("lease_until")?) || is_later("paused_until")?)
}

fn wake(item: &Item) -> Result<Wake, StoreError> {
    let merchant = item.required_text("pk")?.strip_prefix("M#").and_then(|merchant| MerchantId::parse(merchant).ok());
    let subscriber = match item.required_text("sk")? {
        "BUS" => Some(Subscriber::Bus),
        key => key.strip_prefix("E#").and_then(EndpointId::parse).map(Subscriber::Endpoint),
    };
    match (merchant, subscriber) {
        (Some(merchant), Some(subscriber)) => Ok(Wake { merchant, subscriber }),
        (None, _) | (_, None) => Err(StoreError::Malformed),
    }
}
