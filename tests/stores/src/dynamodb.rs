use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::aws_at;

/// The table of daily balances in a DynamoDB of its own, inside this process; it ends with the value.
pub struct DynamoDb {
    /// A client of it.
    pub client: Client,
    /// The name of its one table.
    pub table_name: String,
    /// Where it listens.
    pub url: String,
    server: JoinHandle<()>,
}

impl DynamoDb {
    /// Starts the engine and creates the table of balances with the keys that `template.yaml` gives it.
    pub async fn start() -> DynamoDb {
        DynamoDb::with_table("balances", false).await
    }

    /// Starts the engine and creates the table of webhooks with the keys and the index that `template.yaml` gives it.
    pub async fn start_webhooks() -> DynamoDb {
        DynamoDb::with_table("webhooks", true).await
    }

    async fn with_table(table_name: &str, has_index: bool) -> DynamoDb {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let engine = dynoxide::Database::memory().expect("a DynamoDB in memory");
        let server = tokio::spawn(dynoxide::server::serve_on(listener, engine));
        let url = format!("http://{address}");
        let client = Client::new(&aws_at(&url).await);
        let table_name = table_name.to_owned();
        create_table(&client, &table_name, has_index).await;
        DynamoDb { client, table_name, url, server }
    }

    /// Sets an attribute of an item, as somebody may do by hand.
    pub async fn overwrite(&self, pk: &str, sk: &str, attribute: &str, value: AttributeValue) {
        let update = self.client.update_item().table_name(&self.table_name);
        update
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()))
            .update_expression("SET #attribute = :value")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .expect("the item is overwritten");
    }
}

async fn create_table(client: &Client, table_name: &str, has_index: bool) {
    let mut request = client.create_table().table_name(table_name).billing_mode(BillingMode::PayPerRequest);
    for (name, key_type) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        request =
            request.attribute_definitions(attribute(name, ScalarAttributeType::S)).key_schema(key(name, key_type));
    }
    if has_index {
        let index = GlobalSecondaryIndex::builder()
            .index_name("Due")
            .key_schema(key("due", KeyType::Hash))
            .key_schema(key("due_at", KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
        request = request
            .attribute_definitions(attribute("due", ScalarAttributeType::S))
            .attribute_definitions(attribute("due_at", ScalarAttributeType::N))
            .global_secondary_indexes(index.build().expect("an index"));
    }
    request.send().await.expect("the table is created");
}

fn attribute(name: &str, attribute_type: ScalarAttributeType) -> AttributeDefinition {
    let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(attribute_type);
    attribute.build().expect("an attribute")
}

fn key(name: &str, key_type: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().expect("a key")
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.server.abort();
    }
}
