use std::collections::{BTreeSet, HashMap};

use cashflow::{Category, Description, Entry, EntryId};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

/// The entries of a batch as one array for each column, the form that `unnest` takes.
#[derive(Debug, Default)]
pub(crate) struct Columns<'a> {
    ids: Vec<Uuid>,
    fingerprints: Vec<&'a [u8]>,
    types: Vec<&'static str>,
    amounts_minor: Vec<i64>,
    currencies: Vec<&'static str>,
    dates: Vec<String>,
    descriptions: Vec<Option<&'a str>>,
    categories: Vec<Option<&'a str>>,
    originals: Vec<Option<Uuid>>,
}

/// A parameter of a statement with its type.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl<'a> Columns<'a> {
    pub(crate) fn new(entries: impl IntoIterator<Item = &'a Entry>) -> Columns<'a> {
        let mut columns = Columns::default();
        for entry in entries {
            // Without `..`, so that a field without a column does not compile.
            let Entry { id, fingerprint, entry_type, amount, date, description, category, reverses } = entry;
            columns.ids.push(*id.as_uuid());
            columns.fingerprints.push(fingerprint.as_bytes());
            columns.types.push(entry_type.as_str());
            columns.amounts_minor.push(amount.minor());
            columns.currencies.push(amount.currency().code());
            columns.dates.push(date.to_string());
            columns.descriptions.push(description.as_ref().map(Description::as_str));
            columns.categories.push(category.as_ref().map(Category::as_str));
            columns.originals.push(reverses.as_ref().map(EntryId::as_uuid).copied());
        }
        columns
    }

    /// The one list of columns: the parameters of the database's functions that take whole entries, by their names there.
    fn named(&self) -> [(&'static str, Parameter<'_>); 9] {
        // Without `..`, so that a column without a parameter does not compile.
        let Columns { ids, fingerprints, types, amounts_minor, currencies, dates, descriptions, categories, originals } =
            self;
        [
            ("ids", (ids, Type::UUID_ARRAY)),
            ("fingerprints", (fingerprints, Type::BYTEA_ARRAY)),
            ("types", (types, Type::TEXT_ARRAY)),
            ("amounts_minor", (amounts_minor, Type::INT8_ARRAY)),
            ("currencies", (currencies, Type::TEXT_ARRAY)),
            ("dates", (dates, Type::TEXT_ARRAY)),
            ("descriptions", (descriptions, Type::TEXT_ARRAY)),
            ("categories", (categories, Type::TEXT_ARRAY)),
            ("originals", (originals, Type::UUID_ARRAY)),
        ]
    }

    /// A call of a function of the database that takes the merchant, these entries and `others`, by name. What `others` refer to
    /// comes after [`Columns::parameters`].
    pub(crate) fn call(&self, function: &str, others: &[&str]) -> String {
        let of_columns =
            self.named().into_iter().enumerate().map(|(index, (name, _))| format!("{name} => ${}", index + 2));
        let mut arguments = vec!["merchant_id => $1".to_owned()];
        arguments.extend(of_columns);
        arguments.extend(others.iter().map(|other| (*other).to_owned()));
        format!("SELECT * FROM {function}({})", arguments.join(", "))
    }

    /// Calls of a function of the database, one for each merchant, that take their parts of these entries and `others`, by name: one
    /// statement, whose rows begin with the number of the merchant, from 1 on. [`Parts::parameters`] come first.
    pub(crate) fn call_each(&self, function: &str, others: &[&str]) -> String {
        let after = Parts::PARAMETERS + 1;
        let of_columns = self.named().into_iter().enumerate();
        let of_columns = of_columns.map(|(index, (name, _))| format!("{name} => {}", Parts::slice(index + after)));
        let others = others.iter().map(|other| (*other).to_owned());
        Parts::call_each(function, &of_columns.chain(others).collect::<Vec<_>>())
    }

    /// What [`Columns::call_each`] refers to.
    pub(crate) fn parameters_of<'p>(&'p self, parts: &'p Parts<'_>) -> Vec<Parameter<'p>> {
        let mut parameters = parts.parameters().to_vec();
        parameters.extend(self.named().map(|(_, parameter)| parameter));
        parameters
    }

    /// What [`Columns::call`] refers to.
    pub(crate) fn parameters<'p>(&'p self, merchant_id: &'p &str) -> Vec<Parameter<'p>> {
        let mut parameters: Vec<Parameter<'p>> = vec![(merchant_id, Type::TEXT)];
        parameters.extend(self.named().map(|(_, parameter)| parameter));
        parameters
    }

    pub(crate) fn ids(&self) -> &Vec<Uuid> {
        &self.ids
    }

    /// The entries that some of these undo.
    pub(crate) fn originals(&self) -> Vec<Uuid> {
        self.originals.iter().flatten().copied().collect()
    }

    /// The currency and date of each day that has entries, each once.
    pub(crate) fn days(&self) -> (Vec<&'static str>, Vec<&str>) {
        let days: BTreeSet<(&'static str, &str)> =
            self.currencies.iter().copied().zip(self.dates.iter().map(String::as_str)).collect();
        days.into_iter().unzip()
    }
}

/// Which part of some arrays is whose: merchants, and where the part of each begins and ends, both counted from 1.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    merchant_ids: Vec<&'a str>,
    firsts: Vec<i32>,
    lasts: Vec<i32>,
}

impl<'a> Parts<'a> {
    /// How many parameters they are.
    pub(crate) const PARAMETERS: usize = 3;

    /// The next part, of so many elements.
    pub(crate) fn push(&mut self, merchant_id: &'a str, length: usize) {
        let before = self.lasts.last().copied().unwrap_or_default();
        self.merchant_ids.push(merchant_id);
        self.firsts.push(before + 1);
        // Some hundreds at most: whoever posts more at once is refused for it before.
        self.lasts.push(before.saturating_add(i32::try_from(length).unwrap_or(i32::MAX)));
    }

    pub(crate) fn parameters(&self) -> [Parameter<'_>; Parts::PARAMETERS] {
        let Parts { merchant_ids, firsts, lasts } = self;
        [(merchant_ids, Type::TEXT_ARRAY), (firsts, Type::INT4_ARRAY), (lasts, Type::INT4_ARRAY)]
    }

    /// A merchant's part of a parameter.
    pub(crate) fn slice(parameter: usize) -> String {
        format!("(${parameter})[part.first:part.last]")
    }

    /// One call for each merchant, in their order. The database's functions answer for one merchant each (ADR 10).
    pub(crate) fn call_each(function: &str, arguments: &[String]) -> String {
        format!(
            "SELECT part.number, answer.* \
             FROM unnest($1, $2, $3) WITH ORDINALITY AS part (merchant_id, first, last, number) \
             CROSS JOIN LATERAL {function}(merchant_id => part.merchant_id, {}) AS answer",
            arguments.join(", ")
        )
    }
}

/// The rows that [`Parts::call_each`] answers for each merchant, by its number.
pub(crate) fn by_number(rows: Vec<Row>) -> HashMap<i64, Vec<Row>> {
    let mut by_number: HashMap<i64, Vec<Row>> = HashMap::new();
    for row in rows {
        by_number.entry(row.get("number")).or_default().push(row);
    }
    by_number
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use cashflow::{
        Amount, Currency, EntryRequest, EntryType, IdempotencyKey, MerchantId, ReversalRequest, parse_date,
    };

    use super::*;

    fn id(key: &str) -> EntryId {
        EntryId::derive(&MerchantId::parse("acme").unwrap(), &IdempotencyKey::parse(key).unwrap())
    }

    fn sale(key: &str, currency: &str, date: &str) -> Entry {
        let amount = Amount::from_minor(100, Currency::parse(currency).unwrap()).unwrap();
        let entry_type = EntryType::Credit;
        EntryRequest { entry_type, amount, date: None, description: None, category: None }
            .into_entry(id(key), parse_date(date).unwrap())
    }

    #[test]
    fn a_call_names_each_column_and_numbers_it_as_its_parameter() {
        let columns = Columns::default();
        let expected = "SELECT * FROM ledger.post(merchant_id => $1, ids => $2, fingerprints => $3, types => $4, \
             amounts_minor => $5, currencies => $6, dates => $7, descriptions => $8, categories => $9, originals => $10, \
             reasons => $11)";
        assert_eq!(columns.call("ledger.post", &["reasons => $11"]), expected);
        let types: Vec<Type> = columns.parameters(&"acme").into_iter().map(|(_, parameter)| parameter).collect();
        let (text, texts, ids) = (Type::TEXT, Type::TEXT_ARRAY, Type::UUID_ARRAY);
        let of_columns =
            [&text, &ids, &Type::BYTEA_ARRAY, &texts, &Type::INT8_ARRAY, &texts, &texts, &texts, &texts, &ids];
        assert_eq!(types.iter().collect::<Vec<_>>(), of_columns);
    }

    #[test]
    fn calls_for_several_merchants_name_each_column_and_take_each_ones_part() {
        let columns = Columns::default();
        let expected = "SELECT part.number, answer.* \
             FROM unnest($1, $2, $3) WITH ORDINALITY AS part (merchant_id, first, last, number) \
             CROSS JOIN LATERAL ledger.post(merchant_id => part.merchant_id, ids => ($4)[part.first:part.last], ";
        let call = columns.call_each("ledger.post", &["total_slot => NULL"]);
        assert!(call.starts_with(expected), "{call}");
        assert!(call.ends_with("originals => ($12)[part.first:part.last], total_slot => NULL) AS answer"), "{call}");
        let mut parts = Parts::default();
        parts.push("acme", 2);
        parts.push("emca", 1);
        assert_eq!((&*parts.firsts, &*parts.lasts), (&[1, 3][..], &[2, 3][..]));
        assert_eq!(columns.parameters_of(&parts).len(), 12);
    }

    #[test]
    fn a_day_is_listed_once_and_an_original_for_each_reversal() {
        let sales = [
            sale("1", "USD", "2026-11-22"),
            sale("2", "BRL", "2026-11-23"),
            sale("3", "BRL", "2026-11-22"),
            sale("4", "BRL", "2026-11-23"),
        ];
        let request = ReversalRequest { original: sales[0].id, date: None, description: None };
        let reversal = request.into_entry(id("5"), &sales[0], parse_date("2026-11-22").unwrap());
        let entries: Vec<&Entry> = sales.iter().chain([&reversal]).collect();
        let columns = Columns::new(entries.iter().copied());
        assert_eq!(columns.days(), (vec!["BRL", "BRL", "USD"], vec!["2026-11-22", "2026-11-23", "2026-11-22"]));
        assert_eq!(columns.originals(), [*sales[0].id.as_uuid()]);
        assert_eq!(*columns.ids(), entries.iter().map(|entry| *entry.id.as_uuid()).collect::<Vec<_>>());
    }
}
