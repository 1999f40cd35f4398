//! Who gives a subscriber its events: one at a time, for as long as a lease lasts.
//!
//! No wake is lost. One that meets a lease marks it as dirty, and a dirty lease is not given back before its holder has looked again.
//! If the holder is gone, so is what it would have done; therefore a subscriber that is leased is in the index of what is due, for
//! the moment when the lease ends, from the very write that takes it.

use std::time::Duration;

use aws_clients::AwsError;
use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use cashflow::MerchantId;
use jiff::Timestamp;
use telemetry::Store;
use uuid::Uuid;

use super::{
    Announcement, Endpoint, Item, Progress, StoreError, Waiting, WebhookTable,
    attributes::{Read, moment, text},
    endpoint::{DISABLED, ENABLED},
    expression::{Change, Condition, Written},
    progress::announcement,
};
use crate::{Subscriber, schedule::after};

/// How long a lease lasts: longer than `deliver-events` may run, so that two never work for one subscriber.
pub const LEASE: Duration = Duration::from_secs(90);

/// In how many partitions of the index subscribers are.
pub(crate) const DUE_PARTITIONS: u8 = 8;

/// How often a lease is asked for that changes hands meanwhile.
const ATTEMPTS: usize = 5;

/// The right to give a subscriber its events.
#[derive(Debug)]
pub struct Lease {
    merchant: MerchantId,
    subscriber: Subscriber,
    token: String,
}

/// What became of asking for a lease.
#[derive(Debug)]
pub enum Acquired {
    /// It is the caller's.
    Held {
        /// The right.
        lease: Lease,
        /// What there is to do.
        waiting: Box<Waiting>,
        /// The holder before has not given it back: what it did after its last step is not known.
        was_abandoned: bool,
    },
    /// Somebody else has it, and will look again.
    Busy,
    /// Nothing may be sent for a while; the index has it.
    Paused,
    /// The endpoint is switched off.
    Disabled(Option<(Endpoint, Announcement)>),
    /// There is no such endpoint.
    Missing,
}

/// What became of giving a lease back.
#[derive(Debug)]
pub enum Release {
    /// It is given back.
    Released,
    /// There was a wake meanwhile: the lease stays, and this is how things are now.
    Woken(Box<Waiting>),
    /// It was not held any more, or the endpoint is gone.
    Lost,
}

/// What became of a conditional update: done, or what the item was like instead.
enum Updated {
    Done(Option<Item>),
    Refused(Option<Item>),
}

impl WebhookTable {
    /// Asks for the lease of a subscriber. The bus begins with the first event of a merchant that is new to it.
    pub async fn acquire(
        &self,
        merchant: &MerchantId,
        subscriber: Subscriber,
        now: Timestamp,
    ) -> Result<Acquired, StoreError> {
        for _ in 0..ATTEMPTS {
            let token = Uuid::new_v4().to_string();
            let until = after(now, LEASE);
            let mut change = Change::default()
                .set("lease", text(&token))
                .set("lease_until", moment(until))
                .set("due", due_partition(merchant, subscriber))
                .set("due_at", moment(until))
                .remove("dirty")
                .when(Condition::Any(vec![Condition::Missing("lease"), Condition::AtMost("lease_until", moment(now))]))
                .when(Condition::Any(vec![
                    Condition::Missing("paused_until"),
                    Condition::AtMost("paused_until", moment(now)),
                ]));
            if let Subscriber::Endpoint(_) = subscriber {
                change = change.when(Condition::Equals("status", text(ENABLED)));
            }
            let before = match self.update(merchant, subscriber, change).await? {
                Updated::Done(before) => before.unwrap_or_default(),
                Updated::Refused(None) => return Ok(Acquired::Missing),
                Updated::Refused(Some(item)) => match self.refused(merchant, subscriber, &item, now).await? {
                    Some(refused) => return Ok(refused),
                    None => continue,
                },
            };
            let was_abandoned = before.contains_key("lease");
            let lease = Lease { merchant: merchant.clone(), subscriber, token };
            let waiting = Box::new(Waiting::read(merchant, &before)?);
            return Ok(Acquired::Held { lease, waiting, was_abandoned });
        }
        Err(StoreError::Contended(ATTEMPTS))
    }

    /// Why the lease was not given, once whoever has it knows that there was a wake; nothing if it has changed hands meanwhile.
    async fn refused(
        &self,
        merchant: &MerchantId,
        subscriber: Subscriber,
        item: &Item,
        now: Timestamp,
    ) -> Result<Option<Acquired>, StoreError> {
        if matches!(subscriber, Subscriber::Endpoint(_)) && item.text("status")? == Some(DISABLED) {
            let announcement = announcement(item)?;
            let pending = announcement.map(|it| Ok::<_, StoreError>((Endpoint::read(merchant, item)?, it)));
            return Ok(Some(Acquired::Disabled(pending.transpose()?)));
        }
        if let Some(token) = item.text("lease")?
            && item.required_moment("lease_until")? > now
        {
            let change = Change::default()
                .set("dirty", AttributeValue::Bool(true))
                .when(Condition::Equals("lease", text(token)));
            return Ok(match self.update(merchant, subscriber, change).await? {
                Updated::Done(_) => Some(Acquired::Busy),
                Updated::Refused(_) => None,
            });
        }
        Ok(item.moment("paused_until")?.filter(|until| *until > now).map(|_| Acquired::Paused))
    }

    /// Stores how far the subscriber has come. False if the lease is not held any more.
    pub async fn advance(&self, lease: &Lease, progress: &Progress) -> Result<bool, StoreError> {
        let change = progress.write(Change::default()).remove("dirty").when(lease.is_held());
        let updated = self.update(&lease.merchant, lease.subscriber, change).await?;
        Ok(matches!(updated, Updated::Done(_)))
    }

    /// Gives the lease back, with how far the subscriber has come, unless there was a wake meanwhile.
    pub async fn release(&self, lease: &Lease, progress: &Progress, now: Timestamp) -> Result<Release, StoreError> {
        let due = if progress.health.is_paused(now) { progress.health.paused_until } else { progress.next_due };
        let change = self.released(lease, progress, due).when(Condition::Missing("dirty"));
        match self.update(&lease.merchant, lease.subscriber, change).await? {
            Updated::Done(_) => Ok(Release::Released),
            Updated::Refused(Some(item)) if item.text("lease")? == Some(&lease.token) => {
                // From here on a wake is a new one: whoever is told of this one looks again.
                match self.advance(lease, progress).await? {
                    true => Ok(Release::Woken(Box::new(Waiting::read(&lease.merchant, &item)?))),
                    false => Ok(Release::Lost),
                }
            }
            Updated::Refused(_) => Ok(Release::Lost),
        }
    }

    /// Gives the lease back, though there is more to do, which is due at once.
    pub async fn hand_on(&self, lease: &Lease, progress: &Progress, now: Timestamp) -> Result<(), StoreError> {
        let due = progress.health.paused_until.filter(|until| *until > now).unwrap_or(now);
        let change = self.released(lease, progress, Some(due)).remove("dirty");
        self.update(&lease.merchant, lease.subscriber, change).await.map(drop)
    }

    fn released(&self, lease: &Lease, progress: &Progress, due: Option<Timestamp>) -> Change {
        progress
            .write(Change::default())
            .remove("lease")
            .remove("lease_until")
            .set_or_remove("due", due.map(|_| due_partition(&lease.merchant, lease.subscriber)))
            .set_or_remove("due_at", due.map(moment))
            .when(lease.is_held())
    }

    /// Switches an endpoint off, with how far it has come. What has to be put into the feed now is due until it is there. Nothing if
    /// the lease is not held any more.
    pub async fn disable(
        &self,
        lease: &Lease,
        progress: &Progress,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Announcement>, StoreError> {
        let announcement = Announcement { id: Uuid::new_v4(), reason: reason.to_owned() };
        let change = self
            .released(lease, progress, Some(now))
            .remove("dirty")
            .set("status", text(DISABLED))
            .set("disabled_for", text(reason))
            .set("disabled_at", text(now))
            .set("announce", text(announcement.id));
        let updated = self.update(&lease.merchant, lease.subscriber, change).await?;
        Ok(matches!(updated, Updated::Done(_)).then_some(announcement))
    }

    /// The announcement is in the feed.
    pub async fn announced(&self, endpoint: &Endpoint, announcement: &Announcement) -> Result<(), StoreError> {
        let subscriber = Subscriber::Endpoint(endpoint.id);
        let is_pending = || Condition::Equals("announce", text(announcement.id));
        // While it is switched off, nothing else is due for it.
        let change = Change::default().remove("announce").remove("due").remove("due_at").when(is_pending());
        let change = change.when(Condition::Equals("status", text(DISABLED)));
        if let Updated::Refused(Some(_)) = self.update(&endpoint.merchant, subscriber, change).await? {
            // It was switched on again meanwhile, or is announced already.
            let change = Change::default().remove("announce").when(is_pending());
            self.update(&endpoint.merchant, subscriber, change).await?;
        }
        Ok(())
    }

    /// An update whose condition may not hold, which is no failure. It answers what the item was before, or is.
    async fn update(
        &self,
        merchant: &MerchantId,
        subscriber: Subscriber,
        change: Change,
    ) -> Result<Updated, StoreError> {
        let Written { update, condition, names, values } = change.written();
        let request = self
            .client
            .update_item()
            .table_name(&self.table_name)
            .key("pk", merchant_key(merchant))
            .key("sk", subscriber_key(subscriber))
            .set_update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let updated = async {
            match request.send().await {
                Ok(output) => Ok(Updated::Done(output.attributes)),
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                        Ok(Updated::Refused(refused.item.clone()))
                    }
                    _ => Err(StoreError::Unavailable("UpdateItem", AwsError::new(&error))),
                },
            }
        };
        telemetry::call(Store::Webhooks("UpdateItem"), updated).await
    }
}

impl Lease {
    fn is_held(&self) -> Condition {
        Condition::Equals("lease", text(&self.token))
    }
}

pub(crate) fn merchant_key(merchant: &MerchantId) -> AttributeValue {
    text(format!("M#{merchant}"))
}

pub(crate) fn subscriber_key(subscriber: Subscriber) -> AttributeValue {
    match subscriber {
        Subscriber::Endpoint(id) => text(format!("E#{id}")),
        Subscriber::Bus => text("BUS"),
    }
}

/// In which partition of the index a subscriber is.
pub(crate) fn due_partition(merchant: &MerchantId, subscriber: Subscriber) -> AttributeValue {
    let number = match subscriber {
        Subscriber::Endpoint(id) => id.as_u128() % u128::from(DUE_PARTITIONS),
        Subscriber::Bus => {
            let sum = merchant.as_str().bytes().fold(0_u8, u8::wrapping_add);
            u128::from(sum % DUE_PARTITIONS)
        }
    };
    text(format!("DUE#{number}"))
}
