//! The file below the CSV reader.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use crate::rows::ROW_BYTES_MAX;

/// The file below the CSV reader. It counts lines, which the reader does not do exactly where lines end with CRLF, and
/// hands out no more for one row than a row may have.
#[derive(Debug)]
pub(super) struct Source<R> {
    file: R,
    /// How many bytes of the row that is being read may still come.
    pub(super) allowance: usize,
    offset: u64,
    /// Where the line breaks are that lie ahead of the rows handed out so far.
    line_breaks: VecDeque<u64>,
    line: u64,
    /// The last two bytes that were read.
    last: [u8; 2],
}

impl<R> Source<R> {
    pub(super) fn new(file: R, line: u64) -> Source<R> {
        Source { file, allowance: ROW_BYTES_MAX, offset: 0, line_breaks: VecDeque::new(), line, last: [0; 2] }
    }

    /// The line that the byte before `end` lies in, which is its last one if that is a line break.
    pub(super) fn line_before(&mut self, end: u64) -> u64 {
        while self.line_breaks.front().is_some_and(|line_break| line_break + 1 < end) {
            self.line_breaks.pop_front();
            self.line += 1;
        }
        self.line
    }

    /// Whether everything was read up to here, and ends with a line break that has no quote before it.
    pub(super) fn ends_unquoted_at(&self, end: u64) -> bool {
        self.offset == end && self.last[0] != b'"' && self.last[1] == b'\n'
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowance == 0 {
            let detail = format!(
                "the row after line {} is longer than {ROW_BYTES_MAX} bytes: is a quote not closed?",
                self.line
            );
            return Err(io::Error::other(detail));
        }
        let wanted = buffer.len().min(self.allowance);
        let count = self.file.read(&mut buffer[..wanted])?;
        self.allowance -= count;
        for (index, byte) in (self.offset..).zip(&buffer[..count]) {
            if *byte == b'\n' {
                self.line_breaks.push_back(index);
            }
            self.last = [self.last[1], *byte];
        }
        self.offset += count as u64;
        Ok(count)
    }
}
