use std::cell::Cell;

use crate::Report;

/// A run ends when it has set this many months aside: the fault is not one of single months then. The next run goes on after them.
const FAILED_MAX: u64 = 1_000;

/// What a run knows of itself.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) report: Report,
    /// Whether the ledger has set months aside: what is compared is looked for among them.
    pub(crate) finds_months_set_aside: bool,
}

impl Run {
    /// Whether so many months could not be compared that this run ends.
    pub(crate) fn has_failed_too_often(&self) -> bool {
        self.report.failed >= FAILED_MAX
    }
}

/// Says whether there is time for one more month. For the first one there always is, so that each run makes progress.
#[derive(Clone, Copy)]
pub(crate) struct Clock<'a>(Option<(&'a dyn Fn() -> bool, &'a Cell<bool>)>);

impl<'a> Clock<'a> {
    pub(crate) fn new(is_out_of_time: &'a dyn Fn() -> bool, has_begun: &'a Cell<bool>) -> Clock<'a> {
        Clock(Some((is_out_of_time, has_begun)))
    }

    /// Without a limit, for work of bounded size.
    pub(crate) fn unlimited() -> Clock<'a> {
        Clock(None)
    }

    pub(crate) fn has_time(self) -> bool {
        self.0.is_none_or(|(is_out_of_time, has_begun)| !has_begun.replace(true) || !is_out_of_time())
    }
}
