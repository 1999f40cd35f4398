use std::collections::HashMap;

use aws_clients::AwsError;
use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, KeysAndAttributes},
};
use jiff::Timestamp;
use telemetry::Store;

use super::{
    Delivery, DeliveryId, DeliveryStatus, Item, StoreError, WebhookTable,
    attributes::{Read, moment, text},
    call,
    delivery::{delivery_id, delivery_key, endpoint_partition, pending_partition},
    expression::{Change, Condition, Written},
};
use crate::EndpointId;

/// How many deliveries are looked at for one page that shows only some of them, in so many queries.
const LOOKED_AT_ONCE: i32 = 250;
const QUERIES_MAX: usize = 4;

/// How many keys DynamoDB takes in one request.
pub const KEYS_MAX: usize = 100;

/// How often it is asked again for those that it left out.
const BATCHES_MAX: usize = 5;

/// Which deliveries are shown.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryFilter {
    /// Only those with this status.
    pub status: Option<DeliveryStatus>,
    /// At most so many.
    pub limit: u16,
    /// Only those of events before this one's.
    pub before: Option<DeliveryId>,
}

/// Some deliveries, those of the newest events first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOfDeliveries {
    /// The deliveries, without what is sent.
    pub deliveries: Vec<Delivery>,
    /// Where the next page begins, if there is one. A page may be short and have a next one.
    pub next: Option<DeliveryId>,
}

impl WebhookTable {
    /// Stores a delivery, over what is stored of it, unless somebody has asked for it again meanwhile.
    pub async fn put_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let unchanged =
            Condition::Any(vec![Condition::Missing("since"), Condition::AtMost("since", moment(delivery.since))]);
        let Written { condition, names, values, .. } = Change::default().when(unchanged).written();
        let request = self
            .client
            .put_item()
            .table_name(&self.table_name)
            .set_item(Some(delivery.write()))
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        let put = async {
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error)
                    if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) =>
                {
                    Ok(())
                }
                Err(error) => Err(StoreError::Unavailable("PutItem", AwsError::new(&error))),
            }
        };
        telemetry::call(Store::Webhooks("PutItem"), put).await
    }

    /// Those of these deliveries that are stored, in no order.
    pub async fn stored_deliveries(
        &self,
        endpoint: EndpointId,
        ids: &[DeliveryId],
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut deliveries = Vec::with_capacity(ids.len());
        for ids in ids.chunks(KEYS_MAX) {
            let key = |id| {
                HashMap::from([("pk".to_owned(), endpoint_partition(endpoint)), ("sk".to_owned(), delivery_key(id))])
            };
            let mut keys: Vec<Item> = ids.iter().copied().map(key).collect();
            for _ in 0..BATCHES_MAX {
                let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                let asked = asked.map_err(|_| StoreError::Malformed)?;
                let output =
                    call("BatchGetItem", self.client.batch_get_item().request_items(&self.table_name, asked).send())
                        .await?;
                for item in output.responses.unwrap_or_default().into_values().flatten() {
                    deliveries.push(Delivery::read(&item)?);
                }
                let left_out = output.unprocessed_keys.unwrap_or_default().into_values().next();
                keys = left_out.map(|left_out| left_out.keys).unwrap_or_default();
                if keys.is_empty() {
                    break;
                }
            }
            if !keys.is_empty() {
                return Err(StoreError::Contended(BATCHES_MAX));
            }
        }
        Ok(deliveries)
    }

    /// Pending deliveries of an endpoint whose time has come, at most [`KEYS_MAX`]: first those that somebody asked for again, then
    /// those that have waited for longest.
    pub async fn due_deliveries(
        &self,
        endpoint: EndpointId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let ids = self.pending(endpoint, Some(now), limit.min(KEYS_MAX)).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<DeliveryId> = ids.into_iter().map(|(id, _)| id).collect();
        let mut deliveries = self.stored_deliveries(endpoint, &ids).await?;
        // The index may be behind.
        deliveries.retain(|delivery| {
            delivery.status == DeliveryStatus::Pending && delivery.next_attempt_at.is_some_and(|at| at <= now)
        });
        deliveries.sort_by_key(|delivery| ids.iter().position(|id| *id == delivery.id));
        Ok(deliveries)
    }

    /// When the first pending delivery of an endpoint is due, as far as the index knows.
    pub async fn first_due(&self, endpoint: EndpointId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.pending(endpoint, None, 1).await?.first().map(|(_, at)| *at))
    }

    async fn pending(
        &self,
        endpoint: EndpointId,
        until: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<(DeliveryId, Timestamp)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table_name)
            .index_name("Due")
            .key_condition_expression("due = :due AND due_at <= :until")
            .expression_attribute_values(":due", pending_partition(endpoint))
            .expression_attribute_values(":until", moment(until.unwrap_or(Timestamp::MAX)))
            .limit(limit.try_into().unwrap_or(i32::MAX));
        let items = call("Query", query.send()).await?.items.unwrap_or_default();
        let read = |item: &Item| Ok((delivery_id(item).ok_or(StoreError::Malformed)?, item.required_moment("due_at")?));
        items.iter().map(read).collect()
    }

    /// A page of an endpoint's deliveries. The work for it is bounded: what is rare may need several pages to be found.
    pub async fn deliveries(
        &self,
        endpoint: EndpointId,
        filter: DeliveryFilter,
    ) -> Result<PageOfDeliveries, StoreError> {
        let limit = usize::from(filter.limit);
        let mut deliveries = Vec::new();
        let mut before = filter.before;
        for _ in 0..QUERIES_MAX {
            let looked_at = if filter.status.is_some() { LOOKED_AT_ONCE } else { i32::from(filter.limit) };
            let (page, next) = self.page(endpoint, before, looked_at).await?;
            for delivery in page {
                if filter.status.is_none_or(|status| status == delivery.status) {
                    deliveries.push(delivery);
                    if deliveries.len() > limit {
                        // One more than are shown, which says that there is a next page.
                        deliveries.pop();
                        let next = deliveries.last().map(|delivery| delivery.id);
                        return Ok(PageOfDeliveries { deliveries, next });
                    }
                }
            }
            before = next;
            if before.is_none() || deliveries.len() == limit {
                break;
            }
        }
        Ok(PageOfDeliveries { deliveries, next: before })
    }

    async fn page(
        &self,
        endpoint: EndpointId,
        before: Option<DeliveryId>,
        limit: i32,
    ) -> Result<(Vec<Delivery>, Option<DeliveryId>), StoreError> {
        let last = before.map_or_else(|| text("E"), delivery_key);
        // All keys begin with `D#`; the bound is not included.
        let query = self
            .client
            .query()
            .table_name(&self.table_name)
            .key_condition_expression("pk = :pk AND sk < :last")
            .expression_attribute_values(":pk", endpoint_partition(endpoint))
            .expression_attribute_values(":last", last)
            .projection_expression(SHOWN)
            .expression_attribute_names("#status", "status")
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(limit);
        let output = call("Query", query.send()).await?;
        let deliveries = output.items.unwrap_or_default().iter().map(Delivery::read).collect::<Result<_, _>>()?;
        let next = output.last_evaluated_key.map(|key| delivery_id(&key).ok_or(StoreError::Malformed)).transpose()?;
        Ok((deliveries, next))
    }

    /// Changes an item if it is as it should be; false if it is not.
    pub(crate) async fn changed_at(
        &self,
        partition: AttributeValue,
        key: AttributeValue,
        change: Change,
    ) -> Result<bool, StoreError> {
        let Written { update, condition, names, values } = change.written();
        let request = self
            .client
            .update_item()
            .table_name(&self.table_name)
            .key("pk", partition)
            .key("sk", key)
            .set_update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        let changed = async {
            match request.send().await {
                Ok(_) => Ok(true),
                Err(error)
                    if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
                {
                    Ok(false)
                }
                Err(error) => Err(StoreError::Unavailable("UpdateItem", AwsError::new(&error))),
            }
        };
        telemetry::call(Store::Webhooks("UpdateItem"), changed).await
    }
}

/// What is shown of a delivery: everything but what is sent.
const SHOWN: &str = "pk, sk, merchant, event_type, #status, attempt_count, tries, since, last_at, last_status, last_error, \
                     last_duration_ms, next_attempt_at, created_at";
