//! CSV files with a header, whose columns a mapping names.

use std::{
    borrow::Cow,
    collections::VecDeque,
    fmt,
    io::{self, Read},
};

use ::csv::{ByteRecord, ReaderBuilder};
use cashflow::{Amount, Category, Currency, Date, Description, EntryRequest, EntryType, parse_date};
use jiff::fmt::strtime::BrokenDownTime;
use serde::Serialize;

use super::{
    Decimal, Encoding, Movement, ROW_BYTES_MAX, Reading, Reason, Reasons, Row, Shape, StatementError, number::Number,
};

/// What a CSV file means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CsvOptions {
    /// Which column holds what.
    pub mapping: Mapping,
    /// What separates cells.
    pub delimiter: u8,
    /// How amounts are written, if that is known.
    pub decimal: Option<Decimal>,
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

/// Which column holds what: all that is needed for an entry, and nothing twice.
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
                    Some((field, _)) if pairs.iter().any(|(mapped, _)| *mapped == field) => {
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
            return Err(MappingError::Missing("map the date: --map date=COLUMN"));
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
        self.0.iter().find(|(mapped, _)| *mapped == field).map(|(_, column)| column.as_str())
    }
}

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
    reader: ::csv::Reader<Source<R>>,
    header: ByteRecord,
    options: CsvOptions,
    encoding: Encoding,
    default_currency: String,
    account: Option<String>,
    today: Date,
    only: Vec<(usize, String)>,
    date: usize,
    amount: AmountColumns,
    currency: Option<usize>,
    description: Option<usize>,
    category: Option<usize>,
    id: Option<usize>,
}

impl<R: Read> CsvRows<R> {
    /// Reads the header and finds the columns.
    pub fn new(
        file: R,
        options: &CsvOptions,
        reading: &Reading,
        account: Option<&str>,
        today: Date,
    ) -> Result<CsvRows<R>, StatementError> {
        let encoding = reading.encoding.unwrap_or(Encoding::Utf8);
        let mut reader = ReaderBuilder::new()
            .delimiter(options.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(Source::new(file));
        let mut header = ByteRecord::new();
        if !reader.read_byte_record(&mut header).map_err(io::Error::from)? {
            return Err(StatementError::Empty);
        }
        let find = |name: &str| find_column(&header, encoding, name);
        let mapped = |field| options.mapping.column(field).map(find).transpose();
        let required = |field| mapped(field)?.ok_or(StatementError::Empty);
        let amount = match (mapped(Field::Amount)?, mapped(Field::Type)?) {
            (Some(amount), Some(entry_type)) => AmountColumns::Typed { amount, entry_type },
            (Some(amount), None) => AmountColumns::Signed(amount),
            (None, _) => AmountColumns::Separate { credit: required(Field::Credit)?, debit: required(Field::Debit)? },
        };
        let only = reading.only.iter().map(|(column, value)| Ok((find(column)?, value.clone())));
        Ok(CsvRows {
            only: only.collect::<Result<_, StatementError>>()?,
            date: required(Field::Date)?,
            amount,
            currency: mapped(Field::Currency)?,
            description: mapped(Field::Description)?,
            category: mapped(Field::Category)?,
            id: mapped(Field::Id)?,
            reader,
            header,
            options: options.clone(),
            encoding,
            default_currency: reading.currency.clone().unwrap_or_else(|| Currency::BRL.code().to_owned()),
            account: account.map(str::to_owned),
            today,
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
            let line_breaks_inside = cells.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
            let line = self.reader.get_mut().line_before(end) - line_breaks_inside;
            let is_blank = cells.iter().all(|cell| cell.trim_ascii().is_empty());
            if !is_blank && self.is_picked(&cells) {
                let content = self.read(&cells);
                return Ok(Some(Row { line, cells, content }));
            }
        }
    }

    /// How many bytes have been read.
    pub fn offset(&self) -> u64 {
        self.reader.position().byte()
    }

    /// How refused rows are to be written.
    pub fn shape(&self) -> Shape {
        Shape { header: self.header.clone(), delimiter: self.options.delimiter, encoding: self.encoding }
    }

    fn is_picked(&self, cells: &ByteRecord) -> bool {
        let holds = |(column, value): &(usize, String)| {
            // A row without this cell is not passed over in silence.
            cells.get(*column).is_none_or(|cell| self.encoding.decode(cell).is_ok_and(|text| text == value.as_str()))
        };
        self.only.iter().all(holds)
    }

    fn read(&self, cells: &ByteRecord) -> Result<Movement, Vec<Reason>> {
        let mut reasons = Reasons::default();
        if cells.len() != self.header.len() {
            reasons.add("row", format!("has {} cells, the header has {}", cells.len(), self.header.len()));
            return Err(reasons.0);
        }
        let date = self.read_date(cells, &mut reasons);
        let currency = match self.text(cells, self.currency, Field::Currency, &mut reasons) {
            Some(text) if text.is_empty() => reasons.currency(&self.default_currency),
            Some(text) => reasons.currency(&text),
            None => None,
        };
        let amount = self.read_amount(cells, currency, &mut reasons);
        let description = self.text(cells, self.description, Field::Description, &mut reasons);
        let description = description.and_then(|text| match text.as_str() {
            "" => Some(None),
            text => reasons.check("description", Description::parse(text)).map(Some),
        });
        let category = self.text(cells, self.category, Field::Category, &mut reasons);
        let category = category.and_then(|text| match text.as_str() {
            "" => Some(None),
            text => reasons.check("category", Category::parse(text)).map(Some),
        });
        let id = self.text(cells, self.id, Field::Id, &mut reasons);
        if self.id.is_some() && id.as_deref() == Some("") {
            reasons.add("id", "is empty");
        }
        let movement = || {
            let (entry_type, amount) = amount?;
            let request = EntryRequest { entry_type, amount, date, description: description?, category: category? };
            let id = id.filter(|_| self.id.is_some());
            Some(Movement { request, date: date?, account: self.account.clone(), id })
        };
        match movement() {
            Some(movement) if reasons.0.is_empty() => Ok(movement),
            _ => Err(reasons.0),
        }
    }

    /// The text of a cell; the empty text for a column that is not mapped; nothing if it is no text.
    fn text(&self, cells: &ByteRecord, column: Option<usize>, field: Field, reasons: &mut Reasons) -> Option<String> {
        let Some(cell) = column.and_then(|column| cells.get(column)) else { return Some(String::new()) };
        reasons.check(field.as_str(), self.encoding.decode(cell)).map(Cow::into_owned)
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

    fn read_amount(
        &self,
        cells: &ByteRecord,
        currency: Option<Currency>,
        reasons: &mut Reasons,
    ) -> Option<(EntryType, Amount)> {
        match self.amount {
            AmountColumns::Signed(column) => {
                let number = self.number(cells, column, Field::Amount, reasons)?;
                let entry_type = if number.negative { EntryType::Debit } else { EntryType::Credit };
                Some((entry_type, reasons.amount("amount", &number.digits, currency)?))
            }
            AmountColumns::Typed { amount, entry_type } => {
                let entry_type = self.read_type(cells, entry_type, reasons);
                let number = self.number(cells, amount, Field::Amount, reasons)?;
                let amount = reasons.amount("amount", &number.digits, currency);
                self.check_sign(&number, entry_type?, Field::Amount, reasons)?;
                Some((entry_type?, amount?))
            }
            AmountColumns::Separate { credit, debit } => {
                let credit = self.one_side(cells, credit, Field::Credit, reasons);
                let debit = self.one_side(cells, debit, Field::Debit, reasons);
                let (number, entry_type, field) = match (credit?, debit?) {
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
                self.check_sign(&number, entry_type, field, reasons)?;
                Some((entry_type, reasons.amount(field.as_str(), &number.digits, currency)?))
            }
        }
    }

    /// The amount in one of two columns, if there is one: an empty cell and a zero are none. Nothing at all if the cell
    /// cannot be read.
    fn one_side(
        &self,
        cells: &ByteRecord,
        column: usize,
        field: Field,
        reasons: &mut Reasons,
    ) -> Option<Option<Number>> {
        if self.text(cells, Some(column), field, reasons)?.is_empty() {
            return Some(None);
        }
        Some(Some(self.number(cells, column, field, reasons)?).filter(|number| !number.is_zero()))
    }

    fn number(&self, cells: &ByteRecord, column: usize, field: Field, reasons: &mut Reasons) -> Option<Number> {
        let text = self.text(cells, Some(column), field, reasons)?;
        reasons.check(field.as_str(), Number::parse(&text, self.options.decimal))
    }

    /// When a column tells the direction, a minus could mean the same or its opposite: a reversal. Only the user knows.
    fn check_sign(&self, number: &Number, entry_type: EntryType, field: Field, reasons: &mut Reasons) -> Option<()> {
        let expected = entry_type == EntryType::Debit && self.options.negative_debits;
        if number.negative == expected {
            return Some(());
        }
        let detail = match (entry_type, number.negative) {
            (EntryType::Credit, _) => "a credit must not be negative",
            (EntryType::Debit, true) => "a debit must not be negative (see --negative-debits)",
            (EntryType::Debit, false) => "a debit must be negative, as --negative-debits says",
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

fn find_column(header: &ByteRecord, encoding: Encoding, name: &str) -> Result<usize, StatementError> {
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
}

impl<R> Source<R> {
    fn new(file: R) -> Source<R> {
        Source { file, allowance: ROW_BYTES_MAX, offset: 0, line_breaks: VecDeque::new(), line: 1 }
    }

    /// The line that the byte before `end` lies in, which is its last one if that is a line break.
    fn line_before(&mut self, end: u64) -> u64 {
        while self.line_breaks.front().is_some_and(|line_break| line_break + 1 < end) {
            self.line_breaks.pop_front();
            self.line += 1;
        }
        self.line
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
        }
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Format;

    const TODAY: Date = jiff::civil::date(2026, 11, 22);

    fn options(mapping: &str) -> CsvOptions {
        CsvOptions {
            mapping: Mapping::parse(&[mapping.to_owned()]).unwrap(),
            delimiter: b',',
            decimal: None,
            date_format: None,
            credit_words: vec!["credit".to_owned(), "c".to_owned()],
            debit_words: vec!["debit".to_owned(), "d".to_owned()],
            negative_debits: false,
        }
    }

    fn reading(options: &CsvOptions) -> Reading {
        Reading { format: Format::Csv(options.clone()), encoding: None, currency: None, only: Vec::new() }
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
                "4 amount: a debit must not be negative (see --negative-debits)",
                "5 amount: a credit must not be negative",
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
                "7 debit: a debit must not be negative (see --negative-debits)",
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
            delimiter: b';',
            decimal: Some(Decimal::Comma),
            date_format: Some("%d/%m/%Y".to_owned()),
            ..options("date=Data,amount=Valor,description=Histórico")
        };
        let file = b"Data;Hist\xf3rico;Valor;\r\n22/11/2026;Pagamento S\xe3o Jo\xe3o;-1.234,56;\r\n31/11/2026;x;1,00;\r\n22/11/26;x;1,00;\r\n";
        let reading = Reading { encoding: Some(Encoding::Windows1252), ..reading(&options) };
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
}
