use aws_clients::AwsError;
use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Delete, Put, TransactWriteItem, Update},
};
use cashflow::MerchantId;
use jiff::Timestamp;
use telemetry::Store;

use super::{
    Creation, DeliveryId, ENDPOINTS_MAX, Endpoint, EndpointStatus, NewEndpoint, REDELIVERIES_PER_MINUTE_MAX,
    Redelivery, Rotation, SealedKeys, StoreError, WebhookTable,
    attributes::{bytes, moment, number, text},
    call,
    delivery::{delivery_key, endpoint_partition, pending_partition},
    endpoint::{ENABLED, ENDPOINT_PREFIX, PREVIOUS_MAX, ROTATION, previous_keys},
    expression::{Change, Condition, Written},
    lease::{due_partition, merchant_key, subscriber_key},
};
use crate::{EndpointId, Subscriber};

impl WebhookTable {
    /// Makes an endpoint, unless the merchant has too many. The number of a merchant's endpoints is an item, changed in the same
    /// transaction, so that requests at the same time do not make more.
    pub async fn create_endpoint(&self, new: &NewEndpoint, now: Timestamp) -> Result<Creation, StoreError> {
        // Before the endpoint is there, so that the sweep never counts too few. One too many only has it ask the ledger for nothing.
        self.count_all(1).await?;
        let created = self.try_create(new, now).await;
        if !matches!(created, Ok(Creation::Created)) {
            self.count_all(-1).await?;
        }
        created
    }

    async fn try_create(&self, new: &NewEndpoint, now: Timestamp) -> Result<Creation, StoreError> {
        let NewEndpoint { merchant, id, url, types, public_key, keys, cursor } = new;
        let put = Put::builder()
            .table_name(&self.table_name)
            .item("pk", merchant_key(merchant))
            .item("sk", subscriber_key(Subscriber::Endpoint(*id)))
            .item("url", text(url))
            .item("status", text(ENABLED))
            .item("created_at", text(now))
            .item("public_key", text(public_key))
            .item("keys", bytes(keys.0.clone()))
            .item("cursor", text(cursor))
            .condition_expression("attribute_not_exists(pk)");
        let put = match types {
            Some(types) => put.item("types", AttributeValue::Ss(types.clone())),
            None => put,
        };
        let below =
            Condition::Any(vec![Condition::Missing("endpoints"), Condition::Below("endpoints", number(ENDPOINTS_MAX))]);
        let writes = [
            TransactWriteItem::builder().put(put.build().map_err(|_| StoreError::Malformed)?).build(),
            TransactWriteItem::builder()
                .update(self.count(merchant, Change::default().add("endpoints", 1).when(below))?)
                .build(),
        ];
        match self.transact(writes).await? {
            Transacted::Done => Ok(Creation::Created),
            Transacted::Refused => Ok(Creation::TooMany),
        }
    }

    /// Removes an endpoint; false if there is none. Its deliveries go with the time.
    pub async fn delete_endpoint(&self, merchant: &MerchantId, id: EndpointId) -> Result<bool, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table_name)
            .key("pk", merchant_key(merchant))
            .key("sk", subscriber_key(Subscriber::Endpoint(id)))
            .condition_expression("attribute_exists(pk)");
        let writes = [
            TransactWriteItem::builder().delete(delete.build().map_err(|_| StoreError::Malformed)?).build(),
            TransactWriteItem::builder().update(self.count(merchant, Change::default().add("endpoints", -1))?).build(),
        ];
        let is_deleted = matches!(self.transact(writes).await?, Transacted::Done);
        if is_deleted {
            self.count_all(-1).await?;
        }
        Ok(is_deleted)
    }

    /// All endpoints of a merchant.
    pub async fn endpoints(&self, merchant: &MerchantId) -> Result<Vec<Endpoint>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table_name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", merchant_key(merchant))
            .expression_attribute_values(":prefix", text(ENDPOINT_PREFIX));
        let items = call("Query", query.send()).await?.items.unwrap_or_default();
        let mut endpoints = items.iter().map(|item| Endpoint::read(merchant, item)).collect::<Result<Vec<_>, _>>()?;
        endpoints.sort_by_key(|endpoint| endpoint.created_at);
        Ok(endpoints)
    }

    /// One endpoint of a merchant.
    pub async fn endpoint(&self, merchant: &MerchantId, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table_name)
            .consistent_read(true)
            .key("pk", merchant_key(merchant))
            .key("sk", subscriber_key(Subscriber::Endpoint(id)));
        let item = call("GetItem", get.send()).await?.item;
        item.map(|item| Endpoint::read(merchant, &item)).transpose()
    }

    /// Puts new keys into the place of those that sign now, which sign beside them for a day, as do those before them for the rest of
    /// theirs, unless there are [`PREVIOUS_MAX`] of these.
    pub async fn rotate_keys(
        &self,
        endpoint: &Endpoint,
        keys: &SealedKeys,
        public_key: &str,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let until = now.saturating_add(ROTATION).unwrap_or(Timestamp::MAX);
        let mut previous: Vec<_> = endpoint.previous_keys.iter().filter(|(_, until)| *until > now).cloned().collect();
        if let (true, Some((_, first_until))) = (previous.len() >= PREVIOUS_MAX, previous.first()) {
            return Ok(Rotation::TooMany { again_at: *first_until });
        }
        previous.push((endpoint.keys.clone(), until));
        let change = Change::default()
            .set("keys", bytes(keys.0.clone()))
            .set("public_key", text(public_key))
            .set("previous_keys", previous_keys(&previous))
            .when(Condition::Equals("keys", bytes(endpoint.keys.0.clone())));
        if !self.changed(&endpoint.merchant, endpoint.id, change).await? {
            return Ok(Rotation::Changed);
        }
        let endpoint = Endpoint {
            keys: keys.clone(),
            public_key: public_key.to_owned(),
            previous_keys: previous,
            ..endpoint.clone()
        };
        Ok(Rotation::Rotated { endpoint: Box::new(endpoint), previous_valid_until: until })
    }

    /// Switches an endpoint on, or has a paused one tried at once; false if there is none. It goes on where it stopped.
    pub async fn enable(&self, merchant: &MerchantId, id: EndpointId, now: Timestamp) -> Result<bool, StoreError> {
        let mut change = Change::default()
            .set("status", text(ENABLED))
            // Deliveries may be pending since before it was switched off.
            .set("next_due", moment(now))
            .set("due", due_partition(merchant, Subscriber::Endpoint(id)))
            .set("due_at", moment(now))
            .when(Condition::Exists("pk"));
        for name in ["disabled_at", "failures", "failing_since", "failed_at", "pauses", "paused_until"] {
            change = change.remove(name);
        }
        self.changed(merchant, id, change).await
    }

    /// Has a delivery tried again from the beginning, before all others, also while the endpoint is paused.
    pub async fn redeliver(
        &self,
        endpoint: &Endpoint,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<Redelivery, StoreError> {
        if endpoint.status == EndpointStatus::Disabled {
            return Ok(Redelivery::Disabled);
        }
        if !self.may_redeliver(endpoint, now).await? {
            return Ok(Redelivery::TooMany);
        }
        let change = Change::default()
            .set("status", text("pending"))
            .set("tries", number(0))
            .set("since", moment(now))
            .set("next_attempt_at", moment(now))
            .set("due", pending_partition(endpoint.id))
            .set("due_at", number(0))
            .when(Condition::Exists("pk"));
        if !self.changed_at(endpoint_partition(endpoint.id), delivery_key(delivery), change).await? {
            return Ok(Redelivery::NotFound);
        }
        let subscriber = Subscriber::Endpoint(endpoint.id);
        let change = Change::default()
            .set("next_due", moment(now))
            .set("pending_at", moment(now))
            .set("due", due_partition(&endpoint.merchant, subscriber))
            .set("due_at", moment(now))
            .remove("paused_until")
            .when(Condition::Equals("status", text(ENABLED)));
        let is_due = self.changed(&endpoint.merchant, endpoint.id, change).await?;
        Ok(if is_due { Redelivery::Accepted } else { Redelivery::Disabled })
    }

    /// Counts one more in this minute, if it may be.
    async fn may_redeliver(&self, endpoint: &Endpoint, now: Timestamp) -> Result<bool, StoreError> {
        let minute = || number(now.as_second() / 60);
        let one_more = Change::default()
            .add("redelivered", 1)
            .when(Condition::Equals("redelivery_minute", minute()))
            .when(Condition::Below("redelivered", number(REDELIVERIES_PER_MINUTE_MAX)));
        if self.changed(&endpoint.merchant, endpoint.id, one_more.clone()).await? {
            return Ok(true);
        }
        let first = Change::default()
            .set("redelivered", number(1))
            .set("redelivery_minute", minute())
            .when(Condition::Exists("pk"))
            .when(Condition::Any(vec![
                Condition::Missing("redelivery_minute"),
                Condition::Below("redelivery_minute", minute()),
            ]));
        if self.changed(&endpoint.merchant, endpoint.id, first).await? {
            return Ok(true);
        }
        // Another may have been the first of this minute a moment ago.
        self.changed(&endpoint.merchant, endpoint.id, one_more).await
    }

    async fn changed(&self, merchant: &MerchantId, id: EndpointId, change: Change) -> Result<bool, StoreError> {
        self.changed_at(merchant_key(merchant), subscriber_key(Subscriber::Endpoint(id)), change).await
    }

    /// The number of endpoints of a merchant, to be changed in a transaction.
    fn count(&self, merchant: &MerchantId, change: Change) -> Result<Update, StoreError> {
        let Written { update, condition, names, values } = change.written();
        Update::builder()
            .table_name(&self.table_name)
            .key("pk", merchant_key(merchant))
            .key("sk", text("COUNT"))
            .set_update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .build()
            .map_err(|_| StoreError::Malformed)
    }

    async fn transact(&self, writes: [TransactWriteItem; 2]) -> Result<Transacted, StoreError> {
        let request = self.client.transact_write_items().set_transact_items(Some(writes.to_vec()));
        let transacted = async {
            match request.send().await {
                Ok(_) => Ok(Transacted::Done),
                Err(error) => match error.as_service_error() {
                    Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                        if cancelled
                            .cancellation_reasons()
                            .iter()
                            .any(|reason| reason.code() == Some("ConditionalCheckFailed")) =>
                    {
                        Ok(Transacted::Refused)
                    }
                    _ => Err(StoreError::Unavailable("TransactWriteItems", AwsError::new(&error))),
                },
            }
        };
        telemetry::call(Store::Webhooks("TransactWriteItems"), transacted).await
    }
}

enum Transacted {
    Done,
    Refused,
}
