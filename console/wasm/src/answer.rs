//! Questions and answers.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};
use statement_file::{Judged, Keys, Reason, RefusedRow, Statement, Survey, Tally, Trust, prepare, refused_csv};

use crate::Options;

/// What the file seems to be: the JSON of [`statement_file::Inspection`].
pub fn inspect(file: &[u8]) -> String {
    serde_json::to_string(&statement_file::inspect(file)).unwrap_or_default()
}

/// All rows of a file: `rows` are sent as they are, under their keys; `refused` have reasons; `skipped` are no entries. Or an
/// `error`, with the `option` that it is about, if it is about one.
pub fn read(file: &[u8], options: &[u8]) -> String {
    let answer = match serde_json::from_slice::<Options>(options) {
        Ok(options) => rows(file, &options),
        Err(error) => Err(fault(None, &error.to_string())),
    };
    match answer {
        Ok(answer) => serde_json::to_string(&answer).unwrap_or_default(),
        Err(error) => error.to_string(),
    }
}

#[derive(Serialize)]
struct Answer {
    rows: Vec<Row>,
    refused: Vec<Refused>,
    skipped: Vec<Skipped>,
    notes: Vec<String>,
    totals: Tally,
    /// The refused rows as a CSV file in the encoding of the statement, in base64.
    refused_csv: String,
}

/// A row that can be sent.
#[derive(Serialize)]
struct Row {
    line: u64,
    key: String,
    /// The keys that it would have if the file were read in another way: rows under these are looked for first.
    other_keys: Vec<String>,
    /// The entry that it was exported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    exported_from: Option<String>,
    /// The entry as JSON, as it is sent to the last byte.
    entry: String,
}

#[derive(Serialize)]
struct Refused {
    line: u64,
    cells: Vec<String>,
    reasons: Vec<Fault>,
}

#[derive(Serialize)]
struct Fault {
    field: String,
    detail: String,
    /// The options that decide it, as far as it names some.
    options: Vec<&'static str>,
}

#[derive(Serialize)]
struct Skipped {
    line: u64,
    why: String,
}

fn fault(option: Option<&str>, detail: &str) -> Value {
    json!({ "error": { "option": option, "detail": detail, "options": statement_file::options_named_in(detail) } })
}

fn rows(file: &[u8], options: &Options) -> Result<Answer, Value> {
    let (reading, today) = options.reading().map_err(|(option, detail)| fault(Some(option), &detail))?;
    let failed = |error: statement_file::StatementError| fault(None, &error.to_string());
    let open = || Statement::open(file, &reading, options.account.as_deref(), today).map_err(failed);
    let survey = Survey::of(&mut open()?).map_err(failed)?;
    let mut statement = open()?;
    if reading.trust == Some(Trust::Type) {
        statement.assume_unsigned(survey.unsigned());
    }
    let mut keys = Keys::new(statement.may_have_ids());
    let mut answer = Answer {
        rows: Vec::new(),
        refused: Vec::new(),
        skipped: Vec::new(),
        notes: survey.notes().to_vec(),
        totals: Tally::default(),
        refused_csv: String::new(),
    };
    let mut refused = Vec::new();
    let mut number = 0;
    while let Some(row) = statement.next_row().map_err(failed)? {
        match prepare(number, row, &survey, &mut keys) {
            Judged::Send(prepared) => {
                answer.totals.add_movement(&prepared.movement);
                answer.rows.push(Row {
                    line: prepared.line,
                    key: prepared.key.as_str().to_owned(),
                    other_keys: prepared.other_keys.iter().map(|key| key.as_str().to_owned()).collect(),
                    exported_from: prepared.movement.entry_id.map(|id| id.to_string()),
                    entry: prepared.json,
                });
            }
            Judged::Refuse(row) => refused.push(row),
            Judged::Skip { line, why } => answer.skipped.push(Skipped { line, why }),
        }
        number += 1;
    }
    answer.totals.refused = refused.len() as u64;
    answer.totals.skipped = answer.skipped.len() as u64;
    let shape = statement.shape();
    if !refused.is_empty() {
        let file = refused_csv(&refused, &shape, true).map_err(|error| fault(None, &error.to_string()))?;
        answer.refused_csv = STANDARD.encode(file);
    }
    let texts = |row: &RefusedRow| row.cells.iter().map(|cell| shape.encoding.decode_lossy(cell)).collect();
    let reason = |reason: &Reason| Fault {
        field: reason.field.clone(),
        detail: reason.detail.clone(),
        options: statement_file::options_named_in(&reason.detail),
    };
    answer.refused.extend(refused.iter().map(|row| Refused {
        line: row.line,
        cells: texts(row),
        reasons: row.reasons.iter().map(reason).collect(),
    }));
    Ok(answer)
}
