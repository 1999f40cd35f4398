//! What is to be done with a row: it can be sent, it is refused, or it is no entry.

use cashflow::{Category, Date, Description, IdempotencyKey};
use csv::ByteRecord;
use serde::Serialize;

use crate::{
    key::Keys,
    rows::{Movement, Reason, Row},
    survey::{Fate, Survey},
};

/// A row that can be sent.
#[derive(Debug)]
pub struct Prepared {
    /// Where it begins in the file.
    pub line: u64,
    /// Its cells as they are in the file.
    pub cells: ByteRecord,
    /// The entry as JSON, with its idempotency key.
    pub json: String,
    /// Its idempotency key.
    pub key: IdempotencyKey,
    /// The keys that it would have if the file were read in another way.
    pub other_keys: Vec<IdempotencyKey>,
    /// What it says.
    pub movement: Movement,
}

/// A row that is not posted, and why.
#[derive(Debug)]
pub struct RefusedRow {
    /// Where it begins in the file.
    pub line: u64,
    /// Its cells as they are in the file.
    pub cells: ByteRecord,
    /// Everything that is wrong with it.
    pub reasons: Vec<Reason>,
}

/// A row, and what is to be done with it.
#[derive(Debug)]
pub enum Judged {
    /// It can be sent.
    Send(Box<Prepared>),
    /// It is not posted, although it may be an entry.
    Refuse(RefusedRow),
    /// It is no entry.
    Skip {
        /// Where it begins in the file.
        line: u64,
        /// Why it is none.
        why: String,
    },
}

/// Judges the next row, the how many-th it is in the file, counted from 0, and gives it its key and its JSON.
pub fn prepare(number: u64, row: Row, survey: &Survey, keys: &mut Keys) -> Judged {
    #[derive(Serialize)]
    struct Entry<'a> {
        idempotency_key: &'a str,
        r#type: &'a str,
        amount: String,
        currency: &'a str,
        date: Date,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        category: Option<&'a str>,
    }
    let fate = survey.fate(number, &row);
    let Row { line, cells, content, .. } = row;
    if let Fate::Skip(why) = fate {
        return Judged::Skip { line, why };
    }
    let prepared = content.and_then(|movement| {
        // Rows that are refused count all the same among equal ones: how these are counted must not depend on an option.
        let row_keys = keys.next_keys(&movement).map_err(|reason| vec![reason])?;
        if let Fate::Refuse(reason) = fate {
            return Err(vec![reason]);
        }
        let request = &movement.request;
        let entry = Entry {
            idempotency_key: row_keys.key.as_str(),
            r#type: request.entry_type.as_str(),
            amount: request.amount.to_decimal(),
            currency: request.amount.currency().code(),
            date: movement.date,
            description: request.description.as_ref().map(Description::as_str),
            category: request.category.as_ref().map(Category::as_str),
        };
        let json = serde_json::to_string(&entry).map_err(|error| vec![Reason::new("row", error)])?;
        Ok((json, row_keys, movement))
    });
    match prepared {
        Ok((json, row_keys, movement)) => Judged::Send(Box::new(Prepared {
            line,
            cells,
            json,
            key: row_keys.key,
            other_keys: row_keys.others,
            movement,
        })),
        Err(reasons) => Judged::Refuse(RefusedRow { line, cells, reasons }),
    }
}
