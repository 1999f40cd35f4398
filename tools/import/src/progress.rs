//! Says on standard error how far an import is: a bar on a terminal, else a line now and then.

use std::{
    cell::Cell,
    io::{self, IsTerminal, Write},
};

use indicatif::{ProgressBar, ProgressStyle};
use statement_file::one_line;

use crate::report::rows;

/// Without a terminal, a line is written whenever so many more hundredths of the file are done.
const STEP_PERCENT: u64 = 10;

/// The progress of one import.
pub enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// Into a file or a pipe.
    Lines {
        /// How long the statement is.
        bytes: u64,
        /// When to write next.
        next_percent: Cell<u64>,
    },
}

impl Progress {
    /// Begins; the statement has so many bytes.
    pub fn begin(bytes: u64) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress::Lines { bytes, next_percent: Cell::new(STEP_PERCENT) };
        }
        let bar = ProgressBar::new(bytes);
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}  {elapsed}") {
            bar.set_style(style);
        }
        Progress::Bar(bar)
    }

    /// Shows how many bytes of the statement are done, and how many rows are accepted.
    pub fn advance(&self, offset: u64, accepted: u64) {
        let accepted = format!("{} accepted", rows(accepted));
        match self {
            Progress::Bar(bar) => {
                bar.set_position(offset);
                bar.set_message(accepted);
            }
            Progress::Lines { bytes, next_percent } => {
                let percent = offset.saturating_mul(100).checked_div(*bytes).unwrap_or(100);
                if percent >= next_percent.get() {
                    note(&format!("{percent} % of the file, {accepted}"));
                    next_percent.set(percent - percent % STEP_PERCENT + STEP_PERCENT);
                }
            }
        }
    }

    /// Says something in between.
    pub fn say(&self, text: &str) {
        match self {
            Progress::Bar(bar) => bar.suspend(|| note(text)),
            Progress::Lines { .. } => note(text),
        }
    }

    /// Ends; a bar leaves the screen.
    pub fn end(&self) {
        match self {
            Progress::Bar(bar) => bar.finish_and_clear(),
            Progress::Lines { .. } => {}
        }
    }
}

/// One line on standard error. Where nobody reads it, nothing is lost.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "import: {}", one_line(text));
}
