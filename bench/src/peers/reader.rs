//! Bare readers: the two queries that `get-daily-balance` makes, and nothing else.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join;
use serde_json::json;
use tokio::net::TcpStream;

use crate::{
    data::{FIRST_MERCHANT, TODAY},
    http::Connection,
};

const FIRST_YEAR: &str = "year#1900";

/// What the function reads of days. Of years it reads all that there is.
const OF_DAYS: &str = "sk, credits, debits, entry_count, updated_at, seal_number, seal_entry_count";

/// What is asked for, of which merchants.
#[derive(Clone)]
pub struct Question {
    /// The table.
    pub table: String,
    /// How many merchants have balances.
    pub merchants: u32,
}

impl Question {
    fn partition(&self, number: u64) -> String {
        format!("{}#BRL", u64::from(FIRST_MERCHANT) + number % u64::from(self.merchants))
    }

    /// The years that hold the months before today's, and the days of its month.
    fn ranges() -> [Range; 2] {
        let day_before = TODAY.first_of_month().yesterday().expect("a day before");
        let first_day = TODAY.first_of_month();
        [
            Range { from: FIRST_YEAR.to_owned(), to: format!("year#{}", day_before.year()), attributes: None },
            Range { from: format!("day#{first_day}"), to: format!("day#{TODAY}"), attributes: Some(OF_DAYS) },
        ]
    }
}

/// What one query asks for.
struct Range {
    /// The first sort key.
    from: String,
    /// The last one.
    to: String,
    /// Of each item; all of them if none are named.
    attributes: Option<&'static str>,
}

/// A client with plain HTTP: what the store can do.
pub struct PlainReader {
    question: Question,
    connections: [Connection; 2],
}

impl PlainReader {
    /// Opens a connection for each of the two queries.
    pub async fn connect(address: SocketAddr, question: Question) -> Result<PlainReader> {
        let (years, days) = try_join(TcpStream::connect(address), TcpStream::connect(address)).await?;
        Ok(PlainReader { question, connections: [Connection::new(years)?, Connection::new(days)?] })
    }

    /// Makes both queries at once and reads the answers to their ends.
    pub async fn read(&mut self, number: u64) -> Result<()> {
        let partition = self.question.partition(number);
        let bodies = Question::ranges().map(|range| self.body(&partition, &range));
        let [years, days] = &mut self.connections;
        try_join(query(years, &bodies[0]), query(days, &bodies[1])).await?;
        Ok(())
    }

    fn body(&self, partition: &str, range: &Range) -> Vec<u8> {
        let values = json!({":pk": {"S": partition}, ":from": {"S": range.from}, ":to": {"S": range.to}});
        let mut query = json!({
            "TableName": self.question.table,
            "ConsistentRead": false,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :from AND :to",
            "ExpressionAttributeValues": values,
        });
        if let Some(attributes) = range.attributes {
            query["ProjectionExpression"] = attributes.into();
        }
        query.to_string().into_bytes()
    }
}

async fn query(connection: &mut Connection, body: &[u8]) -> Result<()> {
    // Nobody checks the signature here, but a request without one is refused.
    let head = "POST / HTTP/1.1\r\n\
                host: 127.0.0.1\r\n\
                content-type: application/x-amz-json-1.0\r\n\
                x-amz-target: DynamoDB_20120810.Query\r\n\
                x-amz-date: 20261122T120000Z\r\n\
                authorization: AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/dynamodb/aws4_request, \
                SignedHeaders=host;x-amz-date;x-amz-target, Signature=0123456789abcdef\r\n";
    connection.write(head, body).await?;
    let (status, answer) = connection.read_response().await?;
    ensure!(status == 200, "DynamoDB answered {status}: {}", String::from_utf8_lossy(&answer));
    Ok(())
}

/// A client with the AWS SDK: what any program in Rust has to pay for the same two queries.
pub struct SdkReader {
    question: Question,
    client: aws_sdk_dynamodb::Client,
}

impl SdkReader {
    /// Uses a client.
    pub fn new(client: aws_sdk_dynamodb::Client, question: Question) -> SdkReader {
        SdkReader { question, client }
    }

    /// Makes both queries at once.
    pub async fn read(&mut self, number: u64) -> Result<()> {
        let partition = self.question.partition(number);
        let [years, days] = Question::ranges();
        try_join(self.query(&partition, years), self.query(&partition, days)).await?;
        Ok(())
    }

    async fn query(&self, partition: &str, range: Range) -> Result<()> {
        let query = self
            .client
            .query()
            .table_name(&self.question.table)
            .consistent_read(false)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .expression_attribute_values(":from", AttributeValue::S(range.from))
            .expression_attribute_values(":to", AttributeValue::S(range.to))
            .set_projection_expression(range.attributes.map(str::to_owned));
        let answer = query.send().await?;
        ensure!(answer.count() > 0, "a query found nothing");
        Ok(())
    }
}
