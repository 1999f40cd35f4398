//! Values of attributes. Moments are numbers of milliseconds, but for those that an index or a person reads.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use jiff::Timestamp;

use super::{Item, StoreError};

pub(crate) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

pub(crate) fn moment(value: Timestamp) -> AttributeValue {
    number(value.as_millisecond())
}

/// How an item is read: what is missing is none, and what is there in another form is malformed.
pub(crate) trait Read {
    fn text(&self, name: &str) -> Result<Option<&str>, StoreError>;
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, StoreError>;
    fn moment(&self, name: &str) -> Result<Option<Timestamp>, StoreError>;
    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, StoreError>;

    fn required_text(&self, name: &str) -> Result<&str, StoreError> {
        self.text(name)?.ok_or(StoreError::Malformed)
    }

    fn required_moment(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.moment(name)?.ok_or(StoreError::Malformed)
    }
}

impl Read for Item {
    fn text(&self, name: &str) -> Result<Option<&str>, StoreError> {
        self.get(name).map(|value| value.as_s().map(String::as_str).map_err(|_| StoreError::Malformed)).transpose()
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_n().ok().and_then(|number| number.parse().ok());
        number.map(Some).ok_or(StoreError::Malformed)
    }

    fn moment(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let Some(milliseconds) = self.number(name)? else { return Ok(None) };
        Timestamp::from_millisecond(milliseconds).map(Some).map_err(|_| StoreError::Malformed)
    }

    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self.get(name).map(|value| value.as_b().map(|blob| blob.as_ref().to_vec()));
        bytes.transpose().map_err(|_| StoreError::Malformed)
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, StoreError> {
        self.get(name).map(|value| value.as_ss().cloned().map_err(|_| StoreError::Malformed)).transpose()
    }
}
