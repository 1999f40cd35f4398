use aws_sdk_dynamodb::types::AttributeValue;

use crate::{BalanceTable, Consistency, ReadError, WriteError, read::Attributes, write};

/// Keys that no merchant's item has: theirs end in a currency.
const PROBE_KEY: &str = "probe";

/// The table fails every read or every write.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Every read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Every write.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl BalanceTable {
    /// Whether reads and writes of the table succeed at all: tells a fault of some items from a fault of the whole table. Changes
    /// nothing.
    pub async fn probe(&self) -> Result<(), ProbeError> {
        let key = || AttributeValue::S(PROBE_KEY.to_owned());
        let (from, to) = (PROBE_KEY.to_owned(), PROBE_KEY.to_owned());
        self.query_partition(key(), from, to, Attributes::All, Consistency::Strong).await?;
        self.probe_writes().await?;
        Ok(())
    }

    /// Whether writes to the table succeed at all. Changes nothing.
    pub async fn probe_writes(&self) -> Result<(), WriteError> {
        let key = || AttributeValue::S(PROBE_KEY.to_owned());
        let update = self.client.update_item().table_name(&self.table_name).key("pk", key()).key("sk", key());
        write::send(update.condition_expression("attribute_exists(pk)")).await?;
        Ok(())
    }
}
