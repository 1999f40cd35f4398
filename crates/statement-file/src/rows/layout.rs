//! Where the rows of a CSV file begin, and what separates its cells.

use ::csv::{ByteRecord, ReaderBuilder};

use super::{CsvOptions, Encoding, Mapping, MappingError, StatementError, csv::find_column, export};

/// How much of the beginning of a file is looked at, in bytes.
pub const HEAD_BYTES: usize = 128 * 1024;

/// In so many records a header is looked for.
const RECORDS_MAX: usize = 100;

/// What separates cells where neither the user nor the file says it.
pub(crate) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Where the rows begin, and what is in them.
#[derive(Debug)]
pub struct Layout {
    /// What separates cells.
    pub delimiter: u8,
    /// The names of the columns; their numbers where there is no header.
    pub header: ByteRecord,
    /// With how few cells a row is whole: columns without a name at the end may be absent.
    pub cells_min: usize,
    /// How many bytes come before the first record.
    pub start: usize,
    /// The line of the first record, counted from 1.
    pub line: u64,
    /// How many records come before the first row.
    pub records_before: usize,
    /// Which column holds what.
    pub mapping: Mapping,
    /// Whether the file is an export of Fluxo.
    pub is_export: bool,
    /// What is passed over, in words.
    pub notes: Vec<String>,
}

impl Layout {
    /// Finds it in the beginning of a file.
    pub fn find(head: &[u8], options: &CsvOptions, encoding: Encoding) -> Result<Layout, StatementError> {
        let mut start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let named = separator_line(&head[start..]);
        if let Some((_, bytes)) = named {
            start += bytes;
        }
        let delimiters = match (options.delimiter, named) {
            (Some(given), Some((named, _))) if given != named => {
                return Err(StatementError::OtherDelimiter(char::from(named)));
            }
            (Some(delimiter), _) | (None, Some((delimiter, _))) => vec![delimiter],
            (None, None) => DELIMITERS.to_vec(),
        };
        for _ in 0..options.skip_lines.unwrap_or(0) {
            let end = head[start..].iter().position(|byte| *byte == b'\n').ok_or(StatementError::Empty)?;
            start += end + 1;
        }
        let search = Search { head, start, options, encoding };
        if options.no_header { search.without_header(&delimiters) } else { search.header(&delimiters) }
    }
}

/// The delimiter that a first line such as `sep=;` names, as spreadsheets write and read it, and how long that line is.
pub(crate) fn separator_line(head: &[u8]) -> Option<(u8, usize)> {
    let end = head.iter().position(|byte| *byte == b'\n')?;
    let line = head[..end].trim_ascii();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (name, delimiter) = line.split_at_checked(4)?;
    match delimiter {
        [delimiter] if name.eq_ignore_ascii_case(b"sep=") => Some((*delimiter, end + 1)),
        // A tab at the end of the line looks like white space.
        [] if name.eq_ignore_ascii_case(b"sep=") && head[..end].contains(&b'\t') => Some((b'\t', end + 1)),
        _ => None,
    }
}

struct Search<'a> {
    head: &'a [u8],
    start: usize,
    options: &'a CsvOptions,
    encoding: Encoding,
}

impl Search<'_> {
    /// Columns have numbers. The first delimiter counts with which the first record has all that are mapped.
    fn without_header(&self, delimiters: &[u8]) -> Result<Layout, StatementError> {
        let mapping = self.options.mapping.clone().ok_or_else(MappingError::none)?;
        let mut first_error = None;
        for delimiter in delimiters {
            let (first, _) = self.records(*delimiter, 1).pop().ok_or(StatementError::Empty)?;
            let header: ByteRecord = (1..=first.len()).map(|number| number.to_string().into_bytes()).collect();
            match self.find_all(&mapping, &header) {
                Ok(()) => {
                    return Ok(self.layout(*delimiter, header, named_cells(&first), 0, mapping, false, Vec::new()));
                }
                Err((_, error)) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or(StatementError::Empty))
    }

    /// The first record in which every mapped column is named once.
    fn header(&self, delimiters: &[u8]) -> Result<Layout, StatementError> {
        let records_max = if self.options.skip_lines.is_some() { 1 } else { RECORDS_MAX };
        let mut best: Option<(usize, StatementError)> = None;
        for delimiter in delimiters {
            for (index, (record, at)) in self.records(*delimiter, records_max).into_iter().enumerate() {
                let is_export = record.iter().eq(export::COLUMNS.iter().map(|name| name.as_bytes()));
                let mapping = match &self.options.mapping {
                    Some(mapping) => mapping.clone(),
                    None if is_export => Mapping::parse(&[export::MAPPING.to_owned()])?,
                    None => continue,
                };
                match self.find_all(&mapping, &record) {
                    Ok(()) => {
                        let notes = self.note_of_lines_before(at).into_iter().collect();
                        let cells_min = named_cells(&record);
                        return Ok(self.layout(*delimiter, record, cells_min, index + 1, mapping, is_export, notes));
                    }
                    Err((found, error)) if best.as_ref().is_none_or(|(most, _)| found > *most) => {
                        best = Some((found, error));
                    }
                    Err(_) => {}
                }
            }
        }
        match best {
            Some((_, error)) => Err(error),
            None if self.options.mapping.is_none() => Err(MappingError::none().into()),
            None => Err(StatementError::Empty),
        }
    }

    /// Whether a record names every mapped column once; if not, how many it does, and what is wrong.
    fn find_all(&self, mapping: &Mapping, record: &ByteRecord) -> Result<(), (usize, StatementError)> {
        let mut found = 0;
        let mut first_error = None;
        for name in mapping.columns() {
            match find_column(record, self.encoding, name) {
                Ok(_) => found += 1,
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(()), |error| Err((found, error)))
    }

    /// The first records, and where each begins.
    fn records(&self, delimiter: u8, records_max: usize) -> Vec<(ByteRecord, usize)> {
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(&self.head[self.start..]);
        let mut records = Vec::new();
        while records.len() < records_max {
            let mut record = ByteRecord::new();
            if !reader.read_byte_record(&mut record).unwrap_or(false) {
                break;
            }
            let at = self.start + record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(0));
            records.push((record, at));
        }
        records
    }

    fn note_of_lines_before(&self, at: usize) -> Option<String> {
        let blank = self.head[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.head[self.start..at + blank];
        let lines = lines_in(passed);
        let first = 1 + lines_in(&self.head[..self.start]);
        let is_blank = passed.iter().all(u8::is_ascii_whitespace);
        (!is_blank).then(|| {
            if lines == 1 {
                return format!("the header is in line {}; line {first} before it is not read", first + lines);
            }
            format!(
                "the header is in line {}; lines {first} to {} before it are not read",
                first + lines,
                first + lines - 1
            )
        })
    }

    #[allow(clippy::too_many_arguments, reason = "they are the fields of a layout, of which two places make one")]
    fn layout(
        &self,
        delimiter: u8,
        header: ByteRecord,
        cells_min: usize,
        records_before: usize,
        mapping: Mapping,
        is_export: bool,
        notes: Vec<String>,
    ) -> Layout {
        let line = 1 + lines_in(&self.head[..self.start]);
        Layout { delimiter, header, cells_min, start: self.start, line, records_before, mapping, is_export, notes }
    }
}

/// How many cells there are up to the last one that is not blank.
fn named_cells(record: &ByteRecord) -> usize {
    record.iter().rposition(|cell| !cell.trim_ascii().is_empty()).map_or(0, |last| last + 1)
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
