//! Refused rows as a CSV file: why each was refused, and the row as it is in the statement.

use std::io;

use csv::{ByteRecord, Terminator, Writer, WriterBuilder};

use crate::{judge::RefusedRow, line::one_line, rows::Shape};

/// The columns before those of the statement.
const COLUMNS: [&str; 2] = ["refused_line", "refused_reasons"];

/// Refused rows with the statement's own delimiter, encoding and columns; the header before them, if it is asked for.
pub fn refused_csv(rows: &[RefusedRow], shape: &Shape, with_header: bool) -> io::Result<Vec<u8>> {
    let mut writer = WriterBuilder::new()
        .delimiter(shape.delimiter)
        .terminator(Terminator::CRLF)
        // A row that has too few or too many cells is shown with just those.
        .flexible(true)
        .from_writer(Vec::new());
    if with_header {
        write_row(&mut writer, COLUMNS.map(str::as_bytes), &shape.header)?;
    }
    for row in rows {
        let reasons: Vec<String> = row.reasons.iter().map(|reason| one_line(&reason.to_string())).collect();
        let reasons = reasons.join("; ");
        let line = row.line.to_string();
        write_row(&mut writer, [line.as_bytes(), &shape.encoding.encode(&reasons)], &row.cells)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

fn write_row(writer: &mut Writer<Vec<u8>>, first: [&[u8]; 2], cells: &ByteRecord) -> io::Result<()> {
    writer.write_byte_record(&first.into_iter().chain(cells).collect()).map_err(io::Error::from)
}
