//! Rows that the server has already under another key, because the file was read in another way then: with or without its ids,
//! or in a wrong encoding; or because it was exported from there.

use std::{collections::HashSet, time::Duration};

use cashflow::{EntryId, MerchantId};
use statement_file::{Prepared, Probe, Survey};

use crate::batch::{FoundEntry, Lookup, SendError, Sender};

/// How long it is tried to find out whether there are such rows, where nothing says so. Posting must not depend on reading.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

/// Looks for rows under other keys.
#[derive(Debug)]
pub struct Elsewhere {
    merchant: Option<MerchantId>,
    /// Whether all rows are looked for, since some are there.
    looks_for_all: bool,
    /// Entries that a row of the file is already.
    taken: HashSet<EntryId>,
    /// Whether it was said that the server does not answer.
    has_noted: bool,
}

/// What is known of a row.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    No,
    /// It is this entry.
    Yes,
    /// Its id is that of an entry with other values.
    Changed(EntryId),
}

impl Elsewhere {
    /// Finds out whether rows with ids were imported without them, or are entries of this merchant already, by the first and
    /// the last row of each day.
    pub fn new(survey: &Survey, sender: &mut Sender<'_>, say: &dyn Fn(&str)) -> Result<Elsewhere, SendError> {
        let merchant = MerchantId::parse(sender.merchant()).ok();
        let mut elsewhere = Elsewhere { merchant, looks_for_all: false, taken: HashSet::new(), has_noted: false };
        for probe in survey.probes() {
            // The rows of an export are entries of somebody: to post them to him again would double them all.
            let is_exported = probe.entry_id.is_some();
            let patience = (!is_exported).then_some(PROBE_PATIENCE);
            match elsewhere.find(probe, sender, patience, say) {
                Ok(found) if found.is_empty() && elsewhere.has_noted && is_exported => {
                    let detail = "it has to be known whether the entries of this export are there already";
                    return Err(SendError::Failed(detail.to_owned()));
                }
                Ok(found) if found.is_empty() && elsewhere.has_noted => break,
                Ok(found) if found.is_empty() => {}
                Ok(_) => {
                    say("rows of this file were posted under other keys before: each row is looked for first");
                    elsewhere.looks_for_all = true;
                    break;
                }
                Err(SendError::GaveUp { last, .. }) if !is_exported => {
                    say(&format!(
                        "the server does not say whether rows were posted without their ids ({last}); if they were, they \
                         would be posted twice"
                    ));
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(elsewhere)
    }

    /// Looks for a row.
    pub fn look(
        &mut self,
        row: &Prepared,
        survey: &Survey,
        sender: &mut Sender<'_>,
        say: &dyn Fn(&str),
    ) -> Result<Known, SendError> {
        let movement = &row.movement;
        let is_doubtful = movement.ignored_id.is_some() || movement.misread.is_some() && movement.id.is_none();
        if !self.looks_for_all && !is_doubtful {
            return Ok(Known::No);
        }
        let probe = Probe { keys: row.other_keys.clone(), entry_id: movement.entry_id };
        for (id, entry) in self.find(&probe, sender, None, say)? {
            if entry.is_of(movement) {
                if self.taken.insert(id) {
                    return Ok(Known::Yes);
                }
            } else if movement.ignored_id.is_some() && !survey.is_shared(movement) {
                return Ok(Known::Changed(id));
            }
        }
        Ok(Known::No)
    }

    /// The entries that a row may be. One that was reversed is none any more, unless the row was exported from it.
    fn find(
        &mut self,
        probe: &Probe,
        sender: &mut Sender<'_>,
        patience: Option<Duration>,
        say: &dyn Fn(&str),
    ) -> Result<Vec<(EntryId, FoundEntry)>, SendError> {
        let Some(merchant) = &self.merchant else { return Ok(Vec::new()) };
        let mut entries = Vec::new();
        for id in probe.entry_ids(merchant) {
            match sender.find(id, patience)? {
                Lookup::Entry(entry) if entry.reversed_by.is_none() || probe.entry_id == Some(id) => {
                    entries.push((id, entry));
                }
                Lookup::Entry(_) | Lookup::Nothing => {}
                Lookup::NotAnswered(answer) => {
                    if !self.has_noted {
                        say(&format!("the server does not say which rows it has already ({answer})"));
                    }
                    self.has_noted = true;
                }
            }
        }
        Ok(entries)
    }
}
