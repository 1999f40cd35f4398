use refinery::Migration;

/// Why the migrations that a database has are not those of this program, nor those and later ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DivergenceError {
    /// One of them is another than this program's of the same version.
    #[error("migration {applied} was applied with another content than {known} of this release")]
    Differs {
        /// The one of the database.
        applied: String,
        /// The one of this program.
        known: String,
    },
    /// This program lacks one that is older than its own newest.
    #[error("migration {0} was applied, but this release lacks it and has later ones")]
    Unknown(String),
    /// The database lacks one that is older than its own newest.
    #[error("migration {0} was not applied, but later ones were")]
    Skipped(String),
}

/// The migrations that a database has and this program does not know, because they are of a later release: all of this program's
/// come before them. None, if the database is up to date or behind.
///
/// # Errors
/// The two have different histories. Neither can be made of the other by applying what is missing.
pub(crate) fn later_migrations(known: &[Migration], applied: &[Migration]) -> Result<Vec<String>, DivergenceError> {
    let newest_known = known.iter().map(Migration::version).max();
    let newest_applied = applied.iter().map(Migration::version).max();
    let mut later = Vec::new();
    for applied in applied {
        match known.iter().find(|known| known.version() == applied.version()) {
            Some(known) if known == applied => {}
            Some(known) => {
                return Err(DivergenceError::Differs { applied: applied.to_string(), known: known.to_string() });
            }
            None if Some(applied.version()) > newest_known => later.push(applied.to_string()),
            None => return Err(DivergenceError::Unknown(applied.to_string())),
        }
    }
    let skipped = |known: &&Migration| {
        Some(known.version()) < newest_applied && applied.iter().all(|applied| applied.version() != known.version())
    };
    match known.iter().find(skipped) {
        Some(skipped) => Err(DivergenceError::Skipped(skipped.to_string())),
        None => Ok(later),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;
    use crate::migrate::embedded;

    /// The migrations of this release.
    fn all() -> Vec<Migration> {
        let mut all = embedded::migrations::runner().get_migrations().clone();
        all.sort();
        all
    }

    fn check(known: &[Migration], applied: &[Migration], expected: Result<&[&str], DivergenceError>) {
        let expected = expected.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(later_migrations(known, applied), expected);
    }

    #[test]
    fn a_ledger_that_is_empty_or_behind_or_up_to_date_has_no_later_ones() {
        let all = all();
        for applied in 0..=all.len() {
            check(&all, &all[..applied], Ok(&[]));
        }
    }

    #[test]
    fn the_release_before_knows_the_newest_migration_as_a_later_one() {
        let all = all();
        let newest = all.last().unwrap().to_string();
        check(&all[..all.len() - 1], &all, Ok(&[newest.as_str()]));
    }

    #[test]
    fn every_earlier_release_knows_the_rest_as_later_ones() {
        let all = all();
        for known in 1..all.len() {
            let later: Vec<String> = all[known..].iter().map(ToString::to_string).collect();
            assert_eq!(later_migrations(&all[..known], &all).unwrap(), later);
        }
    }

    /// Whether later ones follow or not.
    #[test]
    fn a_migration_with_another_content_is_of_no_earlier_release() {
        let all = all();
        let mut changed = all.clone();
        changed[1] = Migration::unapplied(&all[1].to_string(), "SELECT 1").unwrap();
        let name = all[1].to_string();
        for known in [&all[..], &all[..2]] {
            let expected = DivergenceError::Differs { applied: name.clone(), known: name.clone() };
            check(known, &changed, Err(expected));
        }
    }

    #[test]
    fn histories_that_branched_are_no_earlier_release() {
        let all = all();
        // Two releases made a different seventh migration each; or one of them has no seventh.
        let other = Migration::unapplied("V7__other", "SELECT 1").unwrap();
        let mut branched = all[..6].to_vec();
        branched.push(other);
        let differs = DivergenceError::Differs { applied: "V7__other".to_owned(), known: all[6].to_string() };
        check(&all, &branched, Err(differs));

        let mut gap = all.clone();
        gap.remove(4);
        check(&gap, &all, Err(DivergenceError::Unknown(all[4].to_string())));
        check(&all, &gap, Err(DivergenceError::Skipped(all[4].to_string())));
        let mut later_with_gap = gap.clone();
        later_with_gap.push(Migration::unapplied("V1000__later", "SELECT 1").unwrap());
        check(&all, &later_with_gap, Err(DivergenceError::Skipped(all[4].to_string())));
    }
}
