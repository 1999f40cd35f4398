//! The first look at a statement, before anything is posted: the whole file is readable, which ids several rows share, and
//! which rows are balances.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::Read,
};

use cashflow::{Currency, Date, EntryId, IdempotencyKey, MerchantId};

use crate::{
    key::{Keys, Short, short_of_content, short_of_id},
    rows::{Convention, Holder, Movement, NumberError, Reason, Row, Statement, StatementError, Traits, Wording},
};

/// The most rows of which the server is asked whether they were posted in another way, before it is known that some were.
const PROBES_MAX: usize = 200;

/// What is known of a statement before its rows are sent.
#[derive(Debug, Default)]
pub struct Survey {
    ids: HashMap<Short, Id>,
    /// Rows that are known by their values: the first of equal ones, its statement and its line.
    contents: HashMap<Short, (u32, u64)>,
    /// The rows that look like balances, by their number in the file, and whether their amounts are balances.
    suspects: HashMap<u64, bool>,
    /// The statements of the file in which there are movements.
    with_movements: HashSet<u32>,
    /// Those in which movements have ids.
    with_ids: HashSet<u32>,
    /// Those in which there is a negative amount.
    with_signs: HashSet<u32>,
    /// Whether a comma separates the fraction of an amount.
    has_decimal_comma: bool,
    probes: Vec<Probe>,
    notes: Vec<String>,
    id_column: String,
}

/// An id of the bank, for one account.
#[derive(Debug)]
struct Id {
    line: u64,
    statement: u32,
    content: Short,
    holder: Holder,
    /// The line of another row that has it.
    other_line: Option<u64>,
}

/// What may be known of a row under another key than the one that it would be sent under.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Other keys.
    pub keys: Vec<IdempotencyKey>,
    /// The entry that it was exported from.
    pub entry_id: Option<EntryId>,
}

impl Probe {
    /// The entries that it may be already.
    pub fn entry_ids(&self, merchant: &MerchantId) -> impl Iterator<Item = EntryId> {
        self.keys.iter().map(|key| EntryId::derive(merchant, key)).chain(self.entry_id)
    }
}

/// What becomes of a row.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is read as it stands.
    Read,
    /// It is no entry, and why.
    Skip(String),
    /// It may be none, and only the user knows.
    Refuse(Reason),
}

/// A row that looks like a balance.
struct Suspect {
    row: u64,
    statement: u32,
    wording: Wording,
    words: String,
    amount: Option<(Currency, i128)>,
    /// The sum of the movements before it.
    before: i128,
}

impl Survey {
    /// Reads a statement to its end.
    pub fn of(statement: &mut Statement<impl Read>) -> Result<Survey, StatementError> {
        let mut survey = Survey {
            ids: HashMap::new(),
            contents: HashMap::new(),
            suspects: HashMap::new(),
            with_movements: HashSet::new(),
            with_ids: HashSet::new(),
            with_signs: HashSet::new(),
            has_decimal_comma: false,
            probes: Vec::new(),
            notes: Vec::new(),
            id_column: statement.id_column(),
        };
        let mut keys = Keys::new(statement.may_have_ids());
        let mut suspects = Vec::new();
        let mut sums: HashMap<(u32, Currency), i128> = HashMap::new();
        let mut probes: BTreeMap<(u32, Date), (Probe, Option<Probe>)> = BTreeMap::new();
        let mut row_number = 0;
        while let Some(row) = statement.next_row()? {
            let number = row_number;
            row_number += 1;
            survey.has_decimal_comma |= row.traits.convention == Convention::Comma;
            if row.traits.skip.is_some() {
                continue;
            }
            let Traits { statement, signed, .. } = row.traits;
            if row.traits.wording != Wording::Ordinary && !row.traits.keep {
                let before = signed.and_then(|(currency, _)| sums.get(&(statement, currency))).copied().unwrap_or(0);
                let Traits { wording, words, .. } = row.traits;
                suspects.push(Suspect { row: number, statement, wording, words, amount: signed, before });
                continue;
            }
            survey.with_movements.insert(statement);
            if let Some((currency, minor)) = signed {
                *sums.entry((statement, currency)).or_default() += minor;
            }
            if row.traits.has_minus {
                survey.with_signs.insert(statement);
            }
            if row.traits.has_id == Some(true) {
                survey.with_ids.insert(statement);
            }
            if let Ok(movement) = &row.content {
                survey.note_id(movement, &row);
                note_probe(&mut probes, movement, &mut keys, statement);
            }
        }
        let sums = |statement, currency| sums.get(&(statement, currency)).copied().unwrap_or(0);
        survey.suspects = confirmed(&suspects, statement.balances(), &sums);
        let probes: Vec<Probe> = probes.into_values().flat_map(|(first, last)| [Some(first), last]).flatten().collect();
        let step = probes.len().div_ceil(PROBES_MAX).max(1);
        survey.probes = probes.into_iter().step_by(step).collect();
        survey.notes = statement.notes();
        Ok(survey)
    }

    fn note_id(&mut self, movement: &Movement, row: &Row) {
        let content = short_of_content(movement);
        let (line, statement) = (row.line, row.traits.statement);
        if movement.id.is_none() && statement > 0 {
            self.contents.entry(content).or_insert((statement, line));
        }
        let Some(id) = movement.id.as_ref().or(movement.ignored_id.as_ref()) else { return };
        let holder = row.traits.holder.clone();
        match self.ids.entry(short_of_id(movement.account.as_deref(), id)) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(Id { line, statement, content, holder, other_line: None });
            }
            std::collections::hash_map::Entry::Occupied(mut occupied) => {
                let first = occupied.get_mut();
                // Statements that overlap in one file repeat their rows, if they are of one account.
                let is_repeated =
                    first.statement != statement && first.content == content && !first.holder.contradicts(&holder);
                if !is_repeated {
                    first.other_line.get_or_insert(line);
                }
            }
        }
    }

    /// What becomes of a row, the how many-th it is in the file, counted from 0.
    pub fn fate(&self, number: u64, row: &Row) -> Fate {
        let Traits { skip, keep, .. } = &row.traits;
        match (skip, keep) {
            (Some(_), true) => return Fate::Refuse(Reason::new("row", "is named by both --skip and --keep")),
            (Some(why), false) => return Fate::Skip(why.clone()),
            (None, _) => {}
        }
        if let Some(is_balance) = self.suspects.get(&number) {
            match self.fate_of_suspect(row, *is_balance) {
                Fate::Read => {}
                fate => return fate,
            }
        }
        let Ok(movement) = &row.content else { return Fate::Read };
        if row.traits.convention == Convention::Standard && self.has_decimal_comma {
            return Fate::Refuse(Reason::new("amount", NumberError::Ambiguous));
        }
        if let Some(name) = &row.traits.usual_debit
            && !self.with_signs.contains(&row.traits.statement)
        {
            let detail = format!(
                "is {name}, but the amount is positive, as all of the statement are: say which of them is right with \
                 --trust type or --trust sign"
            );
            return Fate::Refuse(Reason::new("TRNTYPE", detail));
        }
        if movement.id.is_none() { self.fate_of_content(movement, row) } else { self.fate_of_id(movement, row.line) }
    }

    fn fate_of_suspect(&self, row: &Row, is_balance: bool) -> Fate {
        let Traits { wording, words, has_id, statement, .. } = &row.traits;
        let has_others = self.with_ids.contains(statement) || !self.with_movements.contains(statement);
        let lacks_id = *has_id == Some(false) && has_others;
        let has_own_id = *has_id == Some(true);
        match wording {
            Wording::Balance if is_balance || lacks_id || row.content.is_err() => {
                Fate::Skip(format!("{words:?} is a balance"))
            }
            Wording::LikeBalance if !has_own_id && is_balance => Fate::Skip(format!("{words:?} is a balance")),
            Wording::LikeBalance if has_own_id && !is_balance || row.content.is_err() => Fate::Read,
            Wording::Balance | Wording::LikeBalance => Fate::Refuse(Reason::new(
                "row",
                format!("{words:?} may be a balance or a total: say with --skip or --keep whether it is an entry"),
            )),
            Wording::Ordinary => Fate::Read,
        }
    }

    /// Of rows without ids, nobody can tell whether the second statement of a file repeats the first.
    fn fate_of_content(&self, movement: &Movement, row: &Row) -> Fate {
        match self.contents.get(&short_of_content(movement)) {
            Some((statement, line)) if *statement != row.traits.statement => {
                let detail = format!(
                    "is equal to that in line {line}, in another statement of the file: if the statements overlap, put each into \
                     a file of its own; rows that are there already are then known"
                );
                Fate::Refuse(Reason::new("row", detail))
            }
            Some(_) | None => Fate::Read,
        }
    }

    fn fate_of_id(&self, movement: &Movement, line: u64) -> Fate {
        let Some(text) = &movement.id else { return Fate::Read };
        let Some(id) = self.ids.get(&short_of_id(movement.account.as_deref(), text)) else { return Fate::Read };
        match id.other_line {
            Some(other) => {
                let other = if line == id.line { other } else { id.line };
                let detail = format!(
                    "is also that of the row in line {other}, so no row with it is posted: \
                     if they are different rows, say --ignore-ids"
                );
                Fate::Refuse(Reason::new("id", detail))
            }
            None if line != id.line => Fate::Skip(format!("it is the row in line {} again", id.line)),
            None => Fate::Read,
        }
    }

    /// Whether several rows of the file have the id of this one.
    pub fn is_shared(&self, movement: &Movement) -> bool {
        let id = movement.id.as_ref().or(movement.ignored_id.as_ref());
        let id = id.and_then(|id| self.ids.get(&short_of_id(movement.account.as_deref(), id)));
        id.is_some_and(|id| id.other_line.is_some())
    }

    /// Rows of every day that tell whether the file was imported in another way: the first and the last of each.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// The statements in which no amount has a minus.
    pub fn unsigned(&self) -> HashSet<u32> {
        self.with_movements.difference(&self.with_signs).copied().collect()
    }

    /// What the file has besides rows.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where the bank's ids are, as `--skip` names it.
    pub fn id_column(&self) -> &str {
        &self.id_column
    }
}

/// Rows with an id that counts could have been posted without it, and rows of an export are entries already.
fn note_probe(
    probes: &mut BTreeMap<(u32, Date), (Probe, Option<Probe>)>,
    movement: &Movement,
    keys: &mut Keys,
    statement: u32,
) {
    let Ok(keys) = keys.next_keys(movement) else { return };
    if movement.id.is_none() {
        return;
    }
    let probe = Probe { keys: keys.others, entry_id: movement.entry_id };
    match probes.entry((statement, movement.date)) {
        std::collections::btree_map::Entry::Vacant(vacant) => {
            vacant.insert((probe, None));
        }
        std::collections::btree_map::Entry::Occupied(mut occupied) => occupied.get_mut().1 = Some(probe),
    }
}

/// Which suspects have amounts that are balances: those that agree with another one about the movements between, whichever way
/// the days run, and those that are what the statement says its balance is.
fn confirmed(suspects: &[Suspect], named: &[(u32, i128)], sums: &dyn Fn(u32, Currency) -> i128) -> HashMap<u64, bool> {
    /// What all balances of one order of days have in common, and which of them there are.
    type Agreeing<'a> = HashMap<(u32, Currency, bool, i128), Vec<(i128, &'a str)>>;
    let starts = |suspect: &Suspect| {
        let (currency, minor) = suspect.amount?;
        Some([false, true].map(|is_reversed| {
            let start = if is_reversed { minor + suspect.before } else { minor - suspect.before };
            (suspect.statement, currency, is_reversed, start)
        }))
    };
    let mut agreeing: Agreeing<'_> = HashMap::new();
    // What is like a balance may be a sum of entries, which proves nothing.
    for suspect in suspects.iter().filter(|suspect| suspect.wording == Wording::Balance) {
        for start in starts(suspect).into_iter().flatten() {
            agreeing.entry(start).or_default().push((suspect.before, &suspect.words));
        }
    }
    let is_named = |suspect: &Suspect| {
        suspect.amount.is_some_and(|(currency, minor)| {
            named.iter().any(|(statement, balance)| {
                let at_end = sums(suspect.statement, currency) - suspect.before;
                *statement == suspect.statement && (*balance == minor || *balance == minor + at_end)
            })
        })
    };
    let agrees = |suspect: &Suspect| {
        starts(suspect).into_iter().flatten().any(|start| {
            // Two equal rows side by side agree about nothing.
            let differs = |(before, words): &(i128, &str)| *before != suspect.before || *words != suspect.words;
            agreeing.get(&start).is_some_and(|others| others.iter().any(differs))
        })
    };
    suspects.iter().map(|suspect| (suspect.row, agrees(suspect) || is_named(suspect))).collect()
}

#[cfg(test)]
mod tests;
