use aws_sdk_dynamodb::types::AttributeValue;

use crate::{BalanceTable, Consistency, ReadError, WriteError, read::Attributes, write};

/// Keys that no merchant's item has: theirs end in a currency.
const NOBODYS_KEY: &str = "probe";

/// The table does not answer, whatever it is asked.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It answers no query.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It takes no write.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl BalanceTable {
    /// Whether the table answers and takes writes at all: tells what is wrong with some items from what is wrong with all.
    /// Nothing is changed.
    pub async fn probe(&self) -> Result<(), ProbeError> {
        let nobody = || AttributeValue::S(NOBODYS_KEY.to_owned());
        let (from, to) = (NOBODYS_KEY.to_owned(), NOBODYS_KEY.to_owned());
        self.query_partition(nobody(), from, to, Attributes::All, Consistency::Strong).await?;
        self.probe_writes().await?;
        Ok(())
    }

    /// Whether the table takes writes at all. Nothing is changed.
    pub async fn probe_writes(&self) -> Result<(), WriteError> {
        let nobody = || AttributeValue::S(NOBODYS_KEY.to_owned());
        let update = self.client.update_item().table_name(&self.table_name).key("pk", nobody()).key("sk", nobody());
        write::send(update.condition_expression("attribute_exists(pk)")).await?;
        Ok(())
    }
}
