//! CSV files, whose columns a mapping names by their headings or numbers.

use std::{
    borrow::Cow,
    collections::VecDeque,
    fmt,
    io::{self, Chain, Cursor, Read},
};

use ::csv::{ByteRecord, ReaderBuilder};
use cashflow::{Category, Currency, Date, Description, EntryId, EntryRequest, EntryType, parse_date};
use jiff::fmt::strtime::BrokenDownTime;
use serde::Serialize;

use super::{
    Condition, Content, Encoding, Movement, ROW_BYTES_MAX, Reading, Reasons, Row, Shape, Signed, StatementError,
    Traits, Trust, WORDS_MAX, Wording,
    balance::wording,
    export,
    layout::{HEAD_BYTES, Layout},
    number::Number,
    text::joined_lines,
};

/// What a CSV file means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CsvOptions {
    /// Which column holds what. A file that Fluxo has exported needs none.
    pub mapping: Option<Mapping>,
    /// What separates cells, if that is known.
    pub delimiter: Option<u8>,
    /// How many lines come before the header, if that is known.
    pub skip_lines: Option<u64>,
    /// Whether there is no header, and columns have numbers.
    pub no_header: bool,
    /// How dates are written (strftime); `YYYY-MM-DD` if absent.
    pub date_format: Option<String>,
    /// The words of the type column for a credit, in lower case.
    pub credit_words: Vec<String>,
    /// The words of the type column for a debit, in lower case.
    pub debit_words: Vec<String>,
    /// Whether debits carry a minus although a column says that they are debits.
    pub negative_debits: bool,
}

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

    fn column(&self, field: Field) -> Option<&str> {
        self.columns_of(field).next()
    }

    fn columns_of(&self, field: Field) -> impl Iterator<Item = &str> {
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

const SWALLOWS: &str = "has other rows in a quoted cell, which are not read: a quote before them is not closed";

/// Whether dates of this format can be read: such a format must give back the date that it is written with.
pub fn is_date_format(format: &str) -> bool {
    let sample = jiff::civil::date(2026, 11, 22).at(15, 4, 5, 0);
    let written = sample.in_tz("UTC").ok().and_then(|sample| BrokenDownTime::from(&sample).to_string(format).ok());
    written.and_then(|text| Date::strptime(format, text).ok()) == Some(sample.date())
}

/// Where the amount and its direction stand.
#[derive(Debug)]
enum AmountColumns {
    Signed(usize),
    Typed { amount: usize, entry_type: usize },
    Separate { credit: usize, debit: usize },
}

/// The rows of a CSV file.
#[derive(Debug)]
pub struct CsvRows<R> {
    reader: ::csv::Reader<Source<Chain<Cursor<Vec<u8>>, R>>>,
    layout: Layout,
    options: CsvOptions,
    reading: Reading,
    encoding: Encoding,
    default_currency: String,
    account: Option<String>,
    today: Date,
    only: Vec<(usize, String)>,
    skip: Vec<(usize, Condition)>,
    keep: Vec<(usize, Condition)>,
    date: usize,
    amount: AmountColumns,
    currency: Option<usize>,
    descriptions: Vec<usize>,
    category: Option<usize>,
    id: Option<usize>,
    /// The columns that no field is mapped to.
    unmapped: Vec<usize>,
    /// How many rows beyond ASCII are UTF-8, and how many are not, where the user says Windows-1252.
    utf8_rows: (u64, u64),
}

impl<R: Read> CsvRows<R> {
    /// Finds header and columns.
    pub fn new(
        mut file: R,
        options: &CsvOptions,
        reading: &Reading,
        account: Option<&str>,
        today: Date,
    ) -> Result<CsvRows<R>, StatementError> {
        let encoding = reading.encoding.unwrap_or(Encoding::Utf8);
        let mut head = Vec::new();
        (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        if head.is_empty() {
            return Err(StatementError::Empty);
        }
        let layout = Layout::find(&head, options, encoding)?;
        let (mapping, header) = (&layout.mapping, &layout.header);
        let find = |name: &str| find_column(header, encoding, name);
        let mapped = |field| mapping.column(field).map(find).transpose();
        let required = |field| mapped(field)?.ok_or(StatementError::Empty);
        let amount = match (mapped(Field::Amount)?, mapped(Field::Type)?) {
            (Some(amount), Some(entry_type)) => AmountColumns::Typed { amount, entry_type },
            (Some(amount), None) => AmountColumns::Signed(amount),
            (None, _) => AmountColumns::Separate { credit: required(Field::Credit)?, debit: required(Field::Debit)? },
        };
        let only = reading.only.iter().map(|(column, value)| Ok((find(column)?, value.clone())));
        let conditions = |conditions: &[Condition]| -> Result<Vec<_>, StatementError> {
            conditions.iter().map(|condition| Ok((find(&condition.column)?, condition.clone()))).collect()
        };
        let taken: Vec<usize> = mapping.columns().map(find).collect::<Result<_, _>>()?;
        let (only, skip, keep) =
            (only.collect::<Result<_, StatementError>>()?, conditions(&reading.skip)?, conditions(&reading.keep)?);
        let (date, currency, category, id) =
            (required(Field::Date)?, mapped(Field::Currency)?, mapped(Field::Category)?, mapped(Field::Id)?);
        let descriptions = mapping.columns_of(Field::Description).map(find).collect::<Result<_, _>>()?;
        let unmapped = (0..header.len()).filter(|column| !taken.contains(column)).collect();
        let mut rest = Cursor::new(head);
        rest.set_position(layout.start as u64);
        let mut reader = ReaderBuilder::new()
            .delimiter(layout.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(Source::new(rest.chain(file), layout.line));
        let mut before = ByteRecord::new();
        for _ in 0..layout.records_before {
            reader.read_byte_record(&mut before).map_err(io::Error::from)?;
        }
        Ok(CsvRows {
            reader,
            layout,
            options: options.clone(),
            reading: reading.clone(),
            encoding,
            default_currency: reading.currency.clone().unwrap_or_else(|| Currency::BRL.code().to_owned()),
            account: account.map(str::to_owned),
            today,
            only,
            skip,
            keep,
            date,
            amount,
            currency,
            descriptions,
            category,
            id,
            unmapped,
            utf8_rows: (0, 0),
        })
    }

    /// The next row that is picked; a row of nothing but empty cells is none.
    pub fn next_row(&mut self) -> Result<Option<Row>, StatementError> {
        loop {
            let mut cells = ByteRecord::new();
            self.reader.get_mut().allowance = ROW_BYTES_MAX;
            if !self.reader.read_byte_record(&mut cells).map_err(io::Error::from)? {
                return Ok(None);
            }
            let end = self.reader.position().byte();
            let mut line_breaks_inside = cells.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            let source = self.reader.get_mut();
            // A quote that is never closed takes in the line break that ends the file, which is a part of its line.
            line_breaks_inside -= u64::from(cells.as_slice().ends_with(b"\n") && source.ends_unquoted_at(end));
            let line = source.line_before(end) - line_breaks_inside;
            let is_blank = cells.as_slice().iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0);
            if self.encoding == Encoding::Windows1252 && !cells.as_slice().is_ascii() {
                let is_utf8 = str::from_utf8(cells.as_slice()).is_ok();
                self.utf8_rows.0 += u64::from(is_utf8);
                self.utf8_rows.1 += u64::from(!is_utf8);
            }
            if self.as_header(&cells) == Some(false) {
                return Err(StatementError::SecondHeader(line));
            }
            if !is_blank && self.is_picked(&cells) {
                let (content, signed) = self.read(&cells);
                let traits = self.traits(&cells, signed);
                return Ok(Some(Row { line, cells, content, traits }));
            }
        }
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> u64 {
        self.layout.start as u64 + self.reader.position().byte()
    }

    /// How refused rows are to be written.
    pub fn shape(&self) -> Shape {
        Shape { header: self.layout.header.clone(), delimiter: self.layout.delimiter, encoding: self.encoding }
    }

    /// Whether the rows have ids.
    pub fn may_have_ids(&self) -> bool {
        self.id.is_some()
    }

    /// The name of the column that has them.
    pub fn id_column(&self) -> String {
        let name = self.id.and_then(|column| self.layout.header.get(column));
        name.map(|name| self.encoding.decode_lossy(name)).unwrap_or_default()
    }

    /// What has been passed over.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.layout.notes.clone();
        if self.utf8_rows.0 > 0 && self.utf8_rows.1 == 0 {
            notes.push(
                "all texts beyond ASCII look like UTF-8, but --encoding says Windows-1252: is it right?".to_owned(),
            );
        }
        notes
    }

    fn is_picked(&self, cells: &ByteRecord) -> bool {
        let holds = |(column, value): &(usize, String)| {
            // A row without this cell is not passed over in silence.
            cells.get(*column).is_none_or(|cell| self.encoding.decode(cell).is_ok_and(|text| text == value.as_str()))
        };
        self.only.iter().all(holds)
    }

    /// Whether a record is a header, and if so, whether its columns are where those of the first one are.
    fn as_header(&self, cells: &ByteRecord) -> Option<bool> {
        let header = &self.layout.header;
        let name = header.get(self.date)?;
        if self.options.no_header || cells.iter().all(|cell| cell != name) {
            return None;
        }
        let found =
            |record| self.layout.mapping.columns().map(move |name| find_column(record, self.encoding, name).ok());
        found(cells).all(|column| column.is_some()).then(|| found(cells).eq(found(header)))
    }

    /// Whether a quoted cell has a line that is a row by itself: then a quote before it was not closed.
    fn swallows_rows(&self, cells: &ByteRecord) -> bool {
        let is_row = |line: &[u8]| {
            let cell = line.split(|byte| *byte == self.layout.delimiter).nth(self.date);
            let text = cell.map(|cell| self.encoding.decode_lossy(cell)).unwrap_or_default();
            let text = text.trim_matches('"').trim();
            match &self.options.date_format {
                None => parse_date(text).is_ok(),
                Some(format) => Date::strptime(format, text).is_ok(),
            }
        };
        cells.iter().any(|cell| {
            // A date alone on its line is a part of a text.
            let mut lines = cell.split(|byte| *byte == b'\n').skip(1);
            lines.any(|line| line.contains(&self.layout.delimiter) && is_row(line))
        })
    }

    fn traits(&self, cells: &ByteRecord, signed: Option<Signed>) -> Traits {
        let text = |column: usize| cells.get(column).map(|cell| self.encoding.decode_lossy(cell)).unwrap_or_default();
        let named = |(column, condition): &&(usize, Condition)| condition.holds(&text(*column));
        let skip = self.skip.iter().find(named);
        let mut traits = Traits {
            skip: skip.map(|(_, condition)| format!("--skip {}={}", condition.column, condition.pattern)),
            keep: self.keep.iter().any(|condition| named(&condition)),
            has_id: self.id.map(|column| !text(column).is_empty()),
            signed,
            ..Traits::default()
        };
        if traits.skip.is_none() && self.as_header(cells) == Some(true) {
            // Files that were put together repeat it.
            traits.skip = Some("it is the header again".to_owned());
        }
        // What Fluxo has exported are entries, whatever they are called.
        if self.layout.is_export {
            return traits;
        }
        let mut texts: Vec<String> = self.descriptions.iter().map(|column| text(*column)).collect();
        texts.retain(|text| !text.is_empty());
        if texts.is_empty() {
            // Only a row without a description of its own is judged by its other cells.
            let others = self.unmapped.iter().map(|column| text(*column));
            texts = others.filter(|text| wording(text) == Wording::Balance).collect();
        }
        if let Some(words) = texts.into_iter().max_by_key(|text| wording(text)) {
            traits.wording = wording(&words);
            traits.words = words.chars().take(WORDS_MAX).collect();
        }
        traits
    }

    fn read(&self, cells: &ByteRecord) -> (Content, Option<Signed>) {
        let mut reasons = Reasons::default();
        let expected = self.layout.header.len();
        let more_is_blank = cells.iter().skip(expected).all(|cell| cell.trim_ascii().is_empty());
        if cells.len() < self.layout.cells_min || !more_is_blank {
            reasons.add("row", format!("has {} cells, the header has {expected}", cells.len()));
            if self.swallows_rows(cells) {
                reasons.add("row", SWALLOWS);
            }
            return (Err(reasons.0), None);
        }
        if self.swallows_rows(cells) {
            reasons.add("row", SWALLOWS);
        }
        if let Some((place, text)) = self.nameless_value(cells) {
            let detail = format!(
                "has {text:?} in column {place}, which has no name in the header and may belong to the amount: name the column there, \
                 or put quotes around amounts that have the delimiter inside"
            );
            reasons.add("row", detail);
        }
        let date = self.read_date(cells, &mut reasons);
        let (currency, is_named) = self.read_currency(cells, &mut reasons);
        let direction = self.read_direction(cells, &mut reasons);
        let signed = direction.as_ref().zip(currency).and_then(|((entry_type, number, _), currency)| {
            let minor = number.signed_minor(currency)?.abs();
            Some((currency, if *entry_type == Some(EntryType::Debit) { -minor } else { minor }))
        });
        let amount = direction.as_ref().and_then(|(_, number, field)| {
            reasons.currency_sign(field.as_str(), number, currency, is_named);
            reasons.amount(field.as_str(), number, currency)
        });
        let description = self.read_description(cells, &mut reasons);
        let category = self.free_text(cells, self.category, Field::Category, &mut reasons);
        let category = category.and_then(|text| match text.as_str() {
            "" => Some(None),
            text => reasons.check("category", Category::parse(text)).map(Some),
        });
        let id = self.text(cells, self.id, Field::Id, &mut reasons);
        if self.id.is_some() && id.as_deref() == Some("") {
            reasons.add("id", "is empty");
        }
        let movement = || {
            let request = EntryRequest {
                entry_type: direction.and_then(|(entry_type, ..)| entry_type)?,
                amount: amount?,
                date,
                description: description?,
                category: category?,
            };
            let id = id.filter(|_| self.id.is_some());
            let entry_id = id.as_deref().filter(|_| self.layout.is_export).and_then(EntryId::parse);
            let (id, ignored_id) = if self.reading.ignore_ids { (None, id) } else { (id, None) };
            let account = self.account.clone();
            Some(Movement { request, date: date?, account, id, ignored_id, entry_id, misread: None })
        };
        let content = match movement() {
            Some(movement) if reasons.0.is_empty() => Ok(movement),
            _ => Err(reasons.0),
        };
        (content, signed)
    }

    /// What stands in a column without a name and may be the rest of an amount, or say whether it is a debit; and in which column,
    /// counted from 1.
    fn nameless_value(&self, cells: &ByteRecord) -> Option<(usize, String)> {
        if self.options.no_header {
            return None;
        }
        let nameless = self.unmapped.iter().filter(|column| self.layout.header[**column].trim_ascii().is_empty());
        let mut texts =
            nameless.filter_map(|column| Some((column + 1, self.encoding.decode_lossy(cells.get(*column)?))));
        texts.find(|(_, text)| {
            let is_direction =
                ["C", "D", "CR", "DR", "DB", "+", "-"].iter().any(|mark| text.eq_ignore_ascii_case(mark));
            is_direction || Number::parse(text, self.reading.decimal).is_ok()
        })
    }

    /// The text of a cell; the empty text for a column that is not mapped; nothing if it is no text.
    fn text(&self, cells: &ByteRecord, column: Option<usize>, field: Field, reasons: &mut Reasons) -> Option<String> {
        let Some(cell) = column.and_then(|column| cells.get(column)) else { return Some(String::new()) };
        reasons.check(field.as_str(), self.encoding.decode(cell)).map(Cow::into_owned)
    }

    /// A text in the user's words, on one line.
    fn free_text(
        &self,
        cells: &ByteRecord,
        column: Option<usize>,
        field: Field,
        reasons: &mut Reasons,
    ) -> Option<String> {
        let text = self.text(cells, column, field, reasons)?;
        let text = if self.layout.is_export { export::without_guards(&text) } else { text };
        Some(joined_lines(&text).into_owned())
    }

    /// All descriptions, each one once.
    fn read_description(&self, cells: &ByteRecord, reasons: &mut Reasons) -> Option<Option<Description>> {
        let mut texts: Vec<String> = Vec::new();
        for column in &self.descriptions {
            let text = self.free_text(cells, Some(*column), Field::Description, reasons)?;
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        }
        if texts.is_empty() {
            return Some(None);
        }
        reasons.check("description", Description::parse(&texts.join(" - "))).map(Some)
    }

    /// The currency, and whether the user or the file has named it.
    fn read_currency(&self, cells: &ByteRecord, reasons: &mut Reasons) -> (Option<Currency>, bool) {
        match self.text(cells, self.currency, Field::Currency, reasons) {
            Some(text) if text.is_empty() || is_dash(&text) => {
                (reasons.currency(&self.default_currency), self.reading.currency.is_some())
            }
            Some(text) => (reasons.currency(&text), true),
            None => (None, false),
        }
    }

    fn read_date(&self, cells: &ByteRecord, reasons: &mut Reasons) -> Option<Date> {
        let text = self.text(cells, Some(self.date), Field::Date, reasons)?;
        let date = match &self.options.date_format {
            None => reasons.check("date", parse_date(&text)),
            Some(format) => {
                let date =
                    Date::strptime(format, &text).map_err(|_| format!("must be a date of the calendar as {format}"));
                reasons.check("date", date)
            }
        };
        reasons.entry_date(date, self.today)
    }

    /// The direction, if it can be told, the number, and the field that it stands in.
    fn read_direction(&self, cells: &ByteRecord, reasons: &mut Reasons) -> Option<(Option<EntryType>, Number, Field)> {
        match self.amount {
            AmountColumns::Signed(column) => {
                let number = self.number(cells, column, Field::Amount, reasons)?;
                // The mark of a credit or debit says what it is on every statement.
                let is_debit = number.negative != (self.reading.invert_signs && number.mark.is_none());
                let entry_type = if is_debit { EntryType::Debit } else { EntryType::Credit };
                Some((Some(entry_type), number, Field::Amount))
            }
            AmountColumns::Typed { amount, entry_type } => {
                let entry_type = self.read_type(cells, entry_type, reasons);
                let number = self.number(cells, amount, Field::Amount, reasons)?;
                let entry_type = entry_type.and_then(|said| self.direction(&number, said, Field::Amount, reasons));
                Some((entry_type, number, Field::Amount))
            }
            AmountColumns::Separate { credit, debit } => {
                let credit = self.one_side(cells, credit, Field::Credit, reasons);
                let debit = self.one_side(cells, debit, Field::Debit, reasons);
                let (number, said, field) = match (credit?, debit?) {
                    (Some(number), None) => (number, EntryType::Credit, Field::Credit),
                    (None, Some(number)) => (number, EntryType::Debit, Field::Debit),
                    (None, None) => {
                        reasons.add("credit", "there is no amount, neither here nor in debit");
                        return None;
                    }
                    (Some(_), Some(_)) => {
                        reasons.add("credit", "there is an amount in both credit and debit");
                        return None;
                    }
                };
                Some((self.direction(&number, said, field, reasons), number, field))
            }
        }
    }

    /// The amount in one of two columns, if there is one: an empty cell, a dash and a zero are none. Nothing at all if the cell
    /// cannot be read.
    fn one_side(
        &self,
        cells: &ByteRecord,
        column: usize,
        field: Field,
        reasons: &mut Reasons,
    ) -> Option<Option<Number>> {
        let text = self.text(cells, Some(column), field, reasons)?;
        if text.is_empty() || is_dash(&text) {
            return Some(None);
        }
        Some(Some(self.number(cells, column, field, reasons)?).filter(|number| !number.is_zero()))
    }

    fn number(&self, cells: &ByteRecord, column: usize, field: Field, reasons: &mut Reasons) -> Option<Number> {
        let text = self.text(cells, Some(column), field, reasons)?;
        reasons.check(field.as_str(), Number::parse(&text, self.reading.decimal))
    }

    /// When a column tells the direction, a minus could mean the same or its opposite: a reversal. Only the user knows.
    fn direction(&self, number: &Number, said: EntryType, field: Field, reasons: &mut Reasons) -> Option<EntryType> {
        let by_sign = if number.negative { EntryType::Debit } else { EntryType::Credit };
        let negative_debits = said == EntryType::Debit && self.options.negative_debits;
        let agrees = match number.mark {
            Some(mark) => mark == said,
            None => number.negative == negative_debits,
        };
        match (agrees, self.reading.trust) {
            (true, _) | (false, Some(Trust::Type)) => return Some(said),
            (false, Some(Trust::Sign)) => return Some(by_sign),
            (false, Some(Trust::Reversal)) => return Some(said.mirrored()),
            (false, None) => {}
        }
        let detail = match (said, number.negative, number.mark) {
            (_, _, Some(_)) => "is marked as the opposite of what its column says (see --trust)",
            (EntryType::Credit, ..) => "a credit must not be negative (see --trust)",
            (EntryType::Debit, true, _) => "a debit must not be negative (see --negative-debits and --trust)",
            (EntryType::Debit, false, _) => "a debit must be negative, as --negative-debits says",
        };
        reasons.add(field.as_str(), detail);
        None
    }

    fn read_type(&self, cells: &ByteRecord, column: usize, reasons: &mut Reasons) -> Option<EntryType> {
        let word = self.text(cells, Some(column), Field::Type, reasons)?.to_lowercase();
        if self.options.credit_words.contains(&word) {
            Some(EntryType::Credit)
        } else if self.options.debit_words.contains(&word) {
            Some(EntryType::Debit)
        } else {
            reasons.add("type", "is none of the words for credit and debit (see --credit-word and --debit-word)");
            None
        }
    }
}

/// Whether a cell says that it is empty.
fn is_dash(text: &str) -> bool {
    matches!(text, "-" | "--" | "\u{2013}" | "\u{2014}" | "\u{2212}")
}

pub(super) fn find_column(header: &ByteRecord, encoding: Encoding, name: &str) -> Result<usize, StatementError> {
    let names: Vec<String> = header.iter().map(|cell| encoding.decode_lossy(cell)).collect();
    let mut found = names.iter().enumerate().filter(|(_, column)| *column == name).map(|(index, _)| index);
    match (found.next(), found.next()) {
        (Some(index), None) => Ok(index),
        (Some(_), Some(_)) => Err(StatementError::SameColumns(name.to_owned())),
        (None, _) => Err(StatementError::NoColumn { name: name.to_owned(), columns: listed(&names) }),
    }
}

/// The names for a message, which stays short whatever the file is.
pub(super) fn listed(names: &[impl AsRef<str>]) -> String {
    const NAMES_MAX: usize = 30;
    const CHARACTERS_MAX: usize = 40;
    let short = names.iter().take(NAMES_MAX).map(|name| name.as_ref().chars().take(CHARACTERS_MAX).collect::<String>());
    let more = if names.len() > NAMES_MAX { ", …" } else { "" };
    format!("{}{more}", short.map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", "))
}

/// The file below the CSV reader. It counts lines, which the reader does not do exactly where lines end with CRLF, and
/// hands out no more for one row than a row may have.
#[derive(Debug)]
struct Source<R> {
    file: R,
    /// How many bytes of the row that is being read may still come.
    allowance: usize,
    offset: u64,
    /// Where the line breaks are that lie ahead of the rows handed out so far.
    line_breaks: VecDeque<u64>,
    line: u64,
    /// The last two bytes that were read.
    last: [u8; 2],
}

impl<R> Source<R> {
    fn new(file: R, line: u64) -> Source<R> {
        Source { file, allowance: ROW_BYTES_MAX, offset: 0, line_breaks: VecDeque::new(), line, last: [0; 2] }
    }

    /// The line that the byte before `end` lies in, which is its last one if that is a line break.
    fn line_before(&mut self, end: u64) -> u64 {
        while self.line_breaks.front().is_some_and(|line_break| line_break + 1 < end) {
            self.line_breaks.pop_front();
            self.line += 1;
        }
        self.line
    }

    /// Whether everything was read up to here, and ends with a line break that has no quote before it.
    fn ends_unquoted_at(&self, end: u64) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rows::{Decimal, Format};

    const TODAY: Date = jiff::civil::date(2026, 11, 22);

    fn options(mapping: &str) -> CsvOptions {
        CsvOptions {
            mapping: Some(Mapping::parse(&[mapping.to_owned()]).unwrap()),
            delimiter: None,
            skip_lines: None,
            no_header: false,
            date_format: None,
            credit_words: vec!["credit".to_owned(), "c".to_owned()],
            debit_words: vec!["debit".to_owned(), "d".to_owned()],
            negative_debits: false,
        }
    }

    fn reading(options: &CsvOptions) -> Reading {
        Reading {
            format: Format::Csv(options.clone()),
            encoding: None,
            decimal: None,
            currency: None,
            only: Vec::new(),
            skip: Vec::new(),
            keep: Vec::new(),
            invert_signs: false,
            trust: None,
            ignore_ids: false,
        }
    }

    fn open<'a>(file: &'a [u8], options: &CsvOptions, reading: &Reading) -> Result<CsvRows<&'a [u8]>, StatementError> {
        CsvRows::new(file, options, reading, None, TODAY)
    }

    fn all(mut rows: CsvRows<&[u8]>) -> Vec<Row> {
        std::iter::from_fn(|| rows.next_row().unwrap()).collect()
    }

    /// Rows as text: line, type, amount, currency, date, description, category, id; or line and reasons.
    fn shown(row: &Row) -> String {
        match &row.content {
            Ok(movement) => {
                let request = &movement.request;
                format!(
                    "{} {} {} {} {} {}/{}/{}",
                    row.line,
                    request.entry_type,
                    request.amount.to_decimal(),
                    request.amount.currency(),
                    movement.date,
                    request.description.as_ref().map_or("-", Description::as_str),
                    request.category.as_ref().map_or("-", Category::as_str),
                    movement.id.as_deref().unwrap_or("-"),
                )
            }
            Err(reasons) => {
                format!("{} {}", row.line, reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
        }
    }

    fn check(file: &str, options: &CsvOptions, expected: &[&str]) {
        let rows = all(open(file.as_bytes(), options, &reading(options)).unwrap());
        assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), expected, "{file}");
    }

    #[test]
    fn the_sign_of_an_amount_tells_its_direction() {
        check(
            "Data,Valor,Historico\n2026-11-20,150.75,Venda\n2026-11-21,-30.00, Tarifa \n2026-11-22,\"1,000.00\",\n",
            &options("date=Data,amount=Valor,description=Historico"),
            &[
                "2 credit 150.75 BRL 2026-11-20 Venda/-/-",
                "3 debit 30.00 BRL 2026-11-21 Tarifa/-/-",
                "4 credit 1000.00 BRL 2026-11-22 -/-/-",
            ],
        );
    }

    #[test]
    fn a_type_column_tells_the_direction_and_the_sign_does_not() {
        check(
            "date,amount,kind,group,ref,cur\n2026-11-20,1.00,Credit,g,r1,USD\n2026-11-20,2.00,D,,r2,\n2026-11-20,-3.00,d,,r3,\n2026-11-20,-4.00,c,,r4,\n2026-11-20,5.00,x,,,\n",
            &options("date=date,amount=amount,type=kind,category=group,id=ref,currency=cur"),
            &[
                "2 credit 1.00 USD 2026-11-20 -/g/r1",
                "3 debit 2.00 BRL 2026-11-20 -/-/r2",
                "4 amount: a debit must not be negative (see --negative-debits and --trust)",
                "5 amount: a credit must not be negative (see --trust)",
                "6 type: is none of the words for credit and debit (see --credit-word and --debit-word); id: is empty",
            ],
        );
        check(
            "date,amount,kind\n2026-11-20,1.00,c\n2026-11-20,-2.00,d\n2026-11-20,2.00,d\n",
            &CsvOptions { negative_debits: true, ..options("date=date,amount=amount,type=kind") },
            &[
                "2 credit 1.00 BRL 2026-11-20 -/-/-",
                "3 debit 2.00 BRL 2026-11-20 -/-/-",
                "4 amount: a debit must be negative, as --negative-debits says",
            ],
        );
    }

    #[test]
    fn of_a_credit_and_a_debit_column_exactly_one_holds_the_amount() {
        check(
            "d,c,v\n2026-11-20,1.00,\n2026-11-20,0.00,2.00\n2026-11-20,,\n2026-11-20,1.00,2.00\n2026-11-20,x,\n2026-11-20,,-2.00\n",
            &options("date=d,credit=c,debit=v"),
            &[
                "2 credit 1.00 BRL 2026-11-20 -/-/-",
                "3 debit 2.00 BRL 2026-11-20 -/-/-",
                "4 credit: there is no amount, neither here nor in debit",
                "5 credit: there is an amount in both credit and debit",
                "6 credit: is not an amount such as 1234.56 or 1,234.56 (for 1.234,56 say --decimal comma)",
                "7 debit: a debit must not be negative (see --negative-debits and --trust)",
            ],
        );
    }

    #[test]
    fn everything_that_is_wrong_with_a_row_is_said_at_once() {
        let long = "x".repeat(256);
        check(
            &format!("d,a,c,t,g\n2026-02-30,0,brl,{long},a\tb\n2028-01-01,1.234,BRL,,\n2026-11-20,1.00\n"),
            &options("date=d,amount=a,currency=c,description=t,category=g"),
            &[
                "2 date: must be a date of the calendar as YYYY-MM-DD; \
                 currency: must be an ISO 4217 currency code in upper case, such as BRL; \
                 amount: must be greater than zero; description: must be at most 255 characters, has 256; \
                 category: must not contain control characters, has U+0009",
                "3 date: must not be after 2027-11-22, one year ahead; amount: has more than the 2 fraction digits of BRL",
                "4 row: has 2 cells, the header has 5",
            ],
        );
    }

    #[test]
    fn brazilian_statements_are_read_with_their_conventions() {
        let options = CsvOptions {
            delimiter: Some(b';'),
            date_format: Some("%d/%m/%Y".to_owned()),
            ..options("date=Data,amount=Valor,description=Histórico")
        };
        let file = b"Data;Hist\xf3rico;Valor;\r\n22/11/2026;Pagamento S\xe3o Jo\xe3o;-1.234,56;\r\n31/11/2026;x;1,00;\r\n22/11/26;x;1,00;\r\n";
        let reading =
            Reading { encoding: Some(Encoding::Windows1252), decimal: Some(Decimal::Comma), ..reading(&options) };
        let rows = all(open(file, &options, &reading).unwrap());
        assert_eq!(
            rows.iter().map(shown).collect::<Vec<_>>(),
            [
                "2 debit 1234.56 BRL 2026-11-22 Pagamento São João/-/-",
                "3 date: must be a date of the calendar as %d/%m/%Y",
                "4 date: must not be before 1900-01-01",
            ]
        );
    }

    #[test]
    fn a_cell_that_is_no_text_refuses_its_row_only_if_it_is_used() {
        let rows = all(open(
            b"d,a,t,u\n2026-11-20,1.00,S\xe3o,x\n2026-11-20,1.00,y,S\xe3o\n",
            &options("date=d,amount=a,description=t"),
            &reading(&options("date=d,amount=a")),
        )
        .unwrap());
        assert_eq!(
            rows.iter().map(shown).collect::<Vec<_>>(),
            ["2 description: is not UTF-8 text: see --encoding", "3 credit 1.00 BRL 2026-11-20 y/-/-"]
        );
    }

    #[test]
    fn lines_are_counted_in_any_file() {
        let expected = |lines: [u64; 3]| lines.map(|line| format!("{line} credit 1.00 BRL 2026-11-20 -/-/-"));
        let cases = [
            ("d,a,x\n2026-11-20,1,\n2026-11-20,1,\n2026-11-20,1,", [2, 3, 4]),
            ("d,a,x\r\n2026-11-20,1,\r\n2026-11-20,1,\r\n2026-11-20,1,\r\n", [2, 3, 4]),
            ("\u{feff}d,a,x\n\n\n2026-11-20,1,\n,,\n2026-11-20,1,\n2026-11-20,1,\n\n", [4, 6, 7]),
            ("\"d\",a,\"x\r\ny\"\r\n2026-11-20,1,\r\n\r\n2026-11-20,1,\"a\r\nb\"\r\n2026-11-20,1,x", [3, 5, 7]),
        ];
        for (file, lines) in cases {
            check(file, &options("date=d,amount=a"), &expected(lines).each_ref().map(String::as_str));
        }
    }

    #[test]
    fn only_rows_with_the_values_asked_for_are_read() {
        let options = options("date=d,amount=a");
        let reading = Reading {
            only: vec![("acc".to_owned(), "1".to_owned()), ("cur".to_owned(), "BRL".to_owned())],
            ..reading(&options)
        };
        let file = "acc,cur,d,a\n1,BRL,2026-11-20,1.00\n2,BRL,2026-11-20,2.00\n1,USD,2026-11-20,3.00\n 1 ,BRL,2026-11-20,4.00\n1\n2\n";
        let rows = all(open(file.as_bytes(), &options, &reading).unwrap());
        assert_eq!(
            rows.iter().map(shown).collect::<Vec<_>>(),
            [
                "2 credit 1.00 BRL 2026-11-20 -/-/-",
                "5 credit 4.00 BRL 2026-11-20 -/-/-",
                "6 row: has 1 cells, the header has 4"
            ]
        );
    }

    #[test]
    fn what_is_right_where_sign_and_column_contradict_each_other_is_for_the_user_to_say() {
        let options = options("date=d,amount=a,type=k");
        let rows = [("-3.00", "c"), ("-4.00", "d"), ("5.00 D", "c"), ("6.00 CR", "c"), ("7.00", "d"), ("8.00 DB", "d")];
        let file: String = rows.iter().map(|(amount, kind)| format!("2026-11-20,{amount},{kind}\n")).collect();
        let file = format!("d,a,k\n{file}");
        let read = |trust| {
            let reading = Reading { trust, ..reading(&options) };
            let rows = all(open(file.as_bytes(), &options, &reading).unwrap());
            let short = |row: &Row| match &row.content {
                Ok(movement) => format!("{} {}", movement.request.entry_type, movement.request.amount.to_decimal()),
                Err(reasons) => reasons[0].detail.clone(),
            };
            rows.iter().map(short).collect::<Vec<_>>()
        };
        let rest = ["credit 6.00", "debit 7.00", "debit 8.00"];
        let cases = [
            (
                None,
                [
                    "a credit must not be negative (see --trust)",
                    "a debit must not be negative (see --negative-debits and --trust)",
                    "is marked as the opposite of what its column says (see --trust)",
                ],
            ),
            (Some(Trust::Type), ["credit 3.00", "debit 4.00", "credit 5.00"]),
            (Some(Trust::Sign), ["debit 3.00", "debit 4.00", "debit 5.00"]),
            (Some(Trust::Reversal), ["debit 3.00", "credit 4.00", "debit 5.00"]),
        ];
        for (trust, first) in cases {
            assert_eq!(read(trust), [first, rest].concat(), "{trust:?}");
        }
    }

    #[test]
    fn on_a_card_statement_positive_amounts_are_debits_unless_they_are_marked() {
        let options = options("date=d,amount=a");
        let reading = Reading { invert_signs: true, ..reading(&options) };
        let file = "d,a\n2026-11-20,120.50\n2026-11-20,-300.00\n2026-11-20,(5.00)\n2026-11-20,7.00 CR\n";
        let rows = all(open(file.as_bytes(), &options, &reading).unwrap());
        let expected = ["2 debit 120.50", "3 credit 300.00", "4 credit 5.00", "5 credit 7.00"];
        assert_eq!(
            rows.iter().map(shown).collect::<Vec<_>>(),
            expected.map(|row| format!("{row} BRL 2026-11-20 -/-/-"))
        );
    }

    #[test]
    fn the_sign_of_a_currency_must_fit() {
        let options = options("date=d,amount=a,currency=c");
        let file = "d,a,c\n2026-11-20,R$ 1.00,BRL\n2026-11-20,R$ 1.00,USD\n2026-11-20,$ 1.00,USD\n2026-11-20,$ 1.00,BRL\n2026-11-20,$ 1.00,\n2026-11-20,1.00 EUR,BRL\n2026-11-20,1.00,-\n";
        check(
            file,
            &options,
            &[
                "2 credit 1.00 BRL 2026-11-20 -/-/-",
                "3 amount: has the sign R$, which is not one of USD: say the right currency with --currency",
                "4 credit 1.00 USD 2026-11-20 -/-/-",
                "5 credit 1.00 BRL 2026-11-20 -/-/-",
                "6 amount: has the sign $, which stands for several currencies: say which with --currency",
                "7 amount: has the sign EUR, which is not one of BRL: say the right currency with --currency",
                "8 credit 1.00 BRL 2026-11-20 -/-/-",
            ],
        );
    }

    #[test]
    fn a_dash_is_an_empty_cell_and_columns_without_a_name_may_be_absent() {
        check(
            "d,c,v,\n2026-11-20,-,2.00\n2026-11-20,1.00,\u{2013},\n2026-11-20,1.00,--,,,\n2026-11-20,1.00,-,x\n2026-11-20,1.00,-,,x\n2026-11-20,1.00\n",
            &options("date=d,credit=c,debit=v"),
            &[
                "2 debit 2.00 BRL 2026-11-20 -/-/-",
                "3 credit 1.00 BRL 2026-11-20 -/-/-",
                "4 credit 1.00 BRL 2026-11-20 -/-/-",
                "5 credit 1.00 BRL 2026-11-20 -/-/-",
                "6 row: has 5 cells, the header has 4",
                "7 row: has 2 cells, the header has 4",
            ],
        );
    }

    #[test]
    fn texts_of_several_columns_and_lines_make_one_description() {
        check(
            "d,a,t,u,g\n2026-11-20,1,Pix,\"Ana\r\n Lima\",\"a\nb\"\n2026-11-20,1,,Ana,\n2026-11-20,1,Pix,Pix,\n2026-11-20,1,,,\n",
            &options("date=d,amount=a,description=t,description=u,category=g"),
            &[
                "2 credit 1.00 BRL 2026-11-20 Pix - Ana Lima/a b/-",
                "5 credit 1.00 BRL 2026-11-20 Ana/-/-",
                "6 credit 1.00 BRL 2026-11-20 Pix/-/-",
                "7 credit 1.00 BRL 2026-11-20 -/-/-",
            ],
        );
    }

    #[test]
    fn a_quote_that_is_not_closed_swallows_no_row_in_silence() {
        check(
            "d,a,t,u\n2026-11-20,1,\"5 inch,x\n2026-11-20,2,y,z\n2026-11-20,3,\"v\",w\n2026-11-20,4,\"a\n2026-11-20\",\n",
            &options("date=d,amount=a"),
            &[
                "2 row: has other rows in a quoted cell, which are not read: a quote before them is not closed",
                "5 credit 4.00 BRL 2026-11-20 -/-/-",
            ],
        );
        let to_the_end =
            "3 row: has other rows in a quoted cell, which are not read: a quote before them is not closed";
        for end in ["", "\n", "\r\n", "\"\n", "\n\"\n", "\n\""] {
            let file = format!("d,a,t\n2026-11-20,1,x\n2026-11-20,2,\"5 inch\n2026-11-20,3,y{end}");
            check(&file, &options("date=d,amount=a"), &["2 credit 1.00 BRL 2026-11-20 -/-/-", to_the_end]);
        }
    }

    #[test]
    fn what_stands_in_a_column_without_a_name_and_may_belong_to_the_amount_is_not_left_out() {
        let advice = "which has no name in the header and may belong to the amount: name the column there, or put quotes around amounts \
                      that have the delimiter inside";
        let refused = |line: u32, text: &str| format!("{line} row: has {text:?} in column 4, {advice}");
        check(
            "d,t,a,\n2026-11-20,x,1,50\n2026-11-20,y,1,D\n2026-11-20,z,1,+\n2026-11-20,v,1,ok\n2026-11-20,w,1,\n",
            &options("date=d,amount=a,description=t"),
            &[
                &refused(2, "50"),
                &refused(3, "D"),
                &refused(4, "+"),
                "5 credit 1.00 BRL 2026-11-20 v/-/-",
                "6 credit 1.00 BRL 2026-11-20 w/-/-",
            ],
        );
    }

    #[test]
    fn a_second_table_with_other_columns_stops_the_import() {
        let options = options("date=d,amount=a");
        let file = "d,a,t\n2026-11-20,1,x\nd,a,t\n2026-11-20,2,y\na,d,t\n3,2026-11-20,z\n";
        let mut rows = open(file.as_bytes(), &options, &reading(&options)).unwrap();
        let mut lines = Vec::new();
        let error = loop {
            match rows.next_row() {
                Ok(Some(row)) => lines.push((row.line, row.traits.skip)),
                Ok(None) => panic!("{lines:?}"),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(lines, [(2, None), (3, Some("it is the header again".to_owned())), (4, None)]);
        assert_eq!(error, "line 5: there is a second header, in another order: put each table into a file of its own");
    }

    #[test]
    fn the_header_is_where_all_mapped_columns_are_named() {
        let options = options("date=d,amount=a");
        check("Saldo:;9\n\nd\nd;a\n2026-11-20;1\n", &options, &["5 credit 1.00 BRL 2026-11-20 -/-/-"]);
        let numbered = CsvOptions { no_header: true, ..super::tests::options("date=2,amount=1") };
        check(
            "1;2026-11-20\n2;2026-11-20\n",
            &numbered,
            &["1 credit 1.00 BRL 2026-11-20 -/-/-", "2 credit 2.00 BRL 2026-11-20 -/-/-"],
        );
        let none = CsvOptions { mapping: None, ..options.clone() };
        let error = open(b"d,a\n", &none, &reading(&none)).unwrap_err().to_string();
        assert_eq!(error, "--map: map the date: --map date=COLUMN");
        // Of several lines that are no header, the one that comes nearest is shown.
        let error = open(b"x\nd;b\n", &options, &reading(&options)).unwrap_err().to_string();
        assert_eq!(error, "the file has no column \"a\"; its columns are \"d\", \"b\"");
    }

    #[test]
    fn columns_that_are_missing_or_double_stop_the_import() {
        let check = |file: &str, expected: &str| {
            let options = options("date=d,amount=a");
            let error = open(file.as_bytes(), &options, &reading(&options)).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("d,b\n", "the file has no column \"a\"; its columns are \"d\", \"b\"");
        check("d,a,a\n", "the file has more than one column \"a\"");
        check("", "the file is empty");
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_take_in_the_whole_file() {
        let options = options("date=d,amount=a");
        let file = format!("d,a\n\"2026-11-20,1.00\n{}", "2026-11-20,1.00\n".repeat(100_000));
        let mut rows = open(file.as_bytes(), &options, &reading(&options)).unwrap();
        let error = rows.next_row().unwrap_err().to_string();
        assert!(error.contains("is longer than 1048576 bytes: is a quote not closed?"), "{error}");
    }

    #[test]
    fn a_mapping_names_everything_once() {
        let parse = |text: &str| Mapping::parse(&[text.to_owned()]).map(|mapping| mapping.0);
        assert_eq!(
            parse("date=Data,amount=Valor, R$"),
            Ok(vec![(Field::Date, "Data".to_owned()), (Field::Amount, "Valor, R$".to_owned())])
        );
        let both = ["date=a".to_owned(), "amount=b".to_owned()];
        assert!(Mapping::parse(&both).is_ok());
        assert_eq!(parse("date=a,date=b"), Err(MappingError::Twice(Field::Date)));
        assert!(matches!(parse("dat=a,amount=b"), Err(MappingError::NotAPair(_))));
        assert!(matches!(parse("date=,amount=b"), Err(MappingError::NotAPair(_))));
        assert!(matches!(parse("amount=b"), Err(MappingError::Missing(_))));
        assert!(matches!(parse("date=a"), Err(MappingError::Missing(_))));
        assert!(matches!(parse("date=a,credit=b"), Err(MappingError::Missing(_))));
        assert!(matches!(parse("date=a,type=b"), Err(MappingError::Missing(_))));
        assert_eq!(parse("date=a,amount=b,credit=c,debit=d"), Err(MappingError::TwoDirections));
        assert_eq!(parse("date=a,type=b,credit=c,debit=d"), Err(MappingError::TwoDirections));
    }

    #[test]
    fn a_date_format_must_hold_the_whole_date() {
        for format in ["%d/%m/%Y", "%m/%d/%y", "%Y%m%d", "%d.%m.%Y %H:%M", "%d %b %Y", "%Y-%m-%d"] {
            assert!(is_date_format(format), "{format}");
        }
        for format in ["%d/%m", "%Y", "dd/mm/yyyy", "", "%", "%Q", "%H:%M"] {
            assert!(!is_date_format(format), "{format}");
        }
    }

    proptest! {
        #[test]
        fn any_file_is_rows_or_an_error(
            file in prop::collection::vec(prop::sample::select(b"da,;\"\n\r\t 1-.()R$\0\xe9\xc3\xa3sep=|".to_vec()), 0..200),
            is_named: bool,
            skip_lines in prop::option::of(0..3_u64),
            no_header: bool,
        ) {
            let mapping = if no_header { "date=1,amount=2" } else { "date=d,amount=a" };
            let options = CsvOptions { skip_lines, no_header, ..options(mapping) };
            let reading = Reading { encoding: is_named.then_some(Encoding::Windows1252), ..reading(&options) };
            for file in [file.clone(), [b"d,a\n", &file[..]].concat()] {
                if let Ok(mut rows) = open(&file, &options, &reading) {
                    while let Ok(Some(row)) = rows.next_row() {
                        prop_assert!(row.line >= 1);
                    }
                    prop_assert!(rows.offset() <= file.len() as u64);
                }
            }
        }
    }
}
