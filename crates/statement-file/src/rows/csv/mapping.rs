//! Which column of a CSV file holds what.

use std::fmt;

use serde::Serialize;

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Field {
    /// The business date.
    Date,
    /// The amount; its sign tells the direction, or the column [`Field::Type`] does.
    Amount,
    /// A word for credit or debit.
    Type,
    /// Amounts of credits.
    Credit,
    /// Amounts of debits.
    Debit,
    /// The ISO 4217 code.
    Currency,
    /// What the movement was for.
    Description,
    /// The merchant's own grouping.
    Category,
    /// The bank's own name for the row.
    Id,
}

impl Field {
    const ALL: [Field; 9] = [
        Field::Date,
        Field::Amount,
        Field::Type,
        Field::Credit,
        Field::Debit,
        Field::Currency,
        Field::Description,
        Field::Category,
        Field::Id,
    ];

    /// Its name in a mapping and in reasons.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Date => "date",
            Field::Amount => "amount",
            Field::Type => "type",
            Field::Credit => "credit",
            Field::Debit => "debit",
            Field::Currency => "currency",
            Field::Description => "description",
            Field::Category => "category",
            Field::Id => "id",
        }
    }

    fn parse(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which column holds what: all that is needed for an entry, and nothing twice but descriptions, which are put together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapping(Vec<(Field, String)>);

/// Why a text is not a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A part is not `FIELD=COLUMN`.
    #[error(
        "{0:?} is not FIELD=COLUMN, with FIELD one of date, amount, type, credit, debit, currency, description, category, id"
    )]
    NotAPair(String),
    /// A field has two columns.
    #[error("{0} is mapped more than once")]
    Twice(Field),
    /// There is no column for something that every entry has.
    #[error("{0}")]
    Missing(&'static str),
    /// The direction would be told twice.
    #[error("map either amount (with type, if a column tells the direction), or credit and debit")]
    TwoDirections,
}

impl MappingError {
    /// There is no mapping at all.
    pub fn none() -> MappingError {
        MappingError::Missing("map the date: --map date=COLUMN")
    }
}

impl Mapping {
    /// Reads texts such as `date=Data,amount=Valor`. A part that does not begin with a field belongs to the column before it,
    /// so that a column's name may have a comma.
    pub fn parse(texts: &[String]) -> Result<Mapping, MappingError> {
        let mut pairs: Vec<(Field, String)> = Vec::new();
        for text in texts {
            let mut is_first = true;
            for part in text.split(',') {
                let pair = part.split_once('=').and_then(|(name, column)| Some((Field::parse(name.trim())?, column)));
                match pair {
                    Some((field, _))
                        if field != Field::Description && pairs.iter().any(|(mapped, _)| *mapped == field) =>
                    {
                        return Err(MappingError::Twice(field));
                    }
                    Some((field, column)) => pairs.push((field, column.to_owned())),
                    None => match pairs.last_mut() {
                        Some((_, column)) if !is_first => {
                            column.push(',');
                            column.push_str(part);
                        }
                        _ => return Err(MappingError::NotAPair(part.to_owned())),
                    },
                }
                is_first = false;
            }
        }
        for (field, column) in &mut pairs {
            *column = column.trim().to_owned();
            if column.is_empty() {
                return Err(MappingError::NotAPair(format!("{field}=")));
            }
        }
        let mapping = Mapping(pairs);
        mapping.check()?;
        Ok(mapping)
    }

    fn check(&self) -> Result<(), MappingError> {
        let has = |field| self.column(field).is_some();
        if !has(Field::Date) {
            return Err(MappingError::none());
        }
        match (has(Field::Amount), has(Field::Type), has(Field::Credit), has(Field::Debit)) {
            (true, _, false, false) | (false, false, true, true) => Ok(()),
            (false, _, false, false) => {
                Err(MappingError::Missing("map amount, or credit and debit: --map amount=COLUMN"))
            }
            (false, false, _, _) => Err(MappingError::Missing("map both credit and debit")),
            _ => Err(MappingError::TwoDirections),
        }
    }

    pub(super) fn column(&self, field: Field) -> Option<&str> {
        self.columns_of(field).next()
    }

    pub(super) fn columns_of(&self, field: Field) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(mapped, _)| *mapped == field).map(|(_, column)| column.as_str())
    }

    /// The names of all its columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, column)| column.as_str())
    }

    /// Whether the bank's ids are mapped.
    pub fn has_id(&self) -> bool {
        self.column(Field::Id).is_some()
    }
}

#[cfg(test)]
mod tests;
